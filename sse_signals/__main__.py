"""Where the command ``sse-signals``, which is also ``python -m sse_signals``, begins."""

import os
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command; Ctrl-C ends it without a traceback also while it is still being imported.

    A hub that is told to end before it serves anything ends as well as one that does: with status 0.
    """
    try:
        import signal  # noqa: PLC0415 - from here on Ctrl-C is seen to

        if sys.argv[1:2] == ["serve"] and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _stop)  # until the loop that serves sees to it

        # An exception out of the middle of an import is told by whoever imports, and not always passed on.
        heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # what runs in the background may not
        if heeded:
            signal.signal(signal.SIGINT, _end)
        from sse_signals.cli import main as command  # noqa: PLC0415 - it takes long

        if heeded:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        command()
    except KeyboardInterrupt:  # where click catches none: while a shell completes, for example
        raise SystemExit(_INTERRUPTED) from None


def _end(*_: object) -> None:
    """End at once: nothing has been begun."""
    os._exit(_INTERRUPTED)


def _stop(*_: object) -> None:
    """End at once, in good order: nothing has been begun."""
    os._exit(0)


if __name__ == "__main__":
    main()
