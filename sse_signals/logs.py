"""Logs of the command: for people in a terminal, one JSON object a line otherwise; always on stderr."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from typing import TextIO

    from structlog.typing import ExcInfo, Processor


def configure(*, terminal: bool, always: Mapping[str, Any] | None = None) -> None:
    """Send everything that is logged in this process, the libraries' included, to stderr.

    Args:
        terminal: Whether a person reads it as it comes.
        always: What every line says besides.
    """

    def tell_always(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        entry.update(always or {})
        return entry

    shared: list[Processor] = [
        *([tell_always] if always else []),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        escape_controls,
    ]
    libraries: list[Processor] = [structlog.stdlib.ExtraAdder(allow=["request_id", "reason"]), *shared]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=_indented)
        if terminal
        else structlog.processors.JSONRenderer(serializer=_json)
    )
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not terminal:
        final.append(structlog.processors.format_exc_info)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=libraries, processors=[*final, renderer])
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    if terminal:
        structlog.configure(
            processors=[
                structlog.stdlib.filter_by_level,
                *shared,
                structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
            ],
            wrapper_class=structlog.stdlib.BoundLogger,
            logger_factory=structlog.stdlib.LoggerFactory(),
            cache_logger_on_first_use=True,
        )
    else:
        lines = _Lines(sys.stderr)
        # The same line without the standard library's record around it, which was a tenth of opening a stream.
        structlog.configure(
            processors=[*shared, structlog.processors.format_exc_info, _whole],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            logger_factory=lambda *_: lines,
            cache_logger_on_first_use=True,
        )


class _Lines:
    """Writes what is logged to a stream, as JSON lines; it never fails who logs, as the standard library does not."""

    __slots__ = ("_stream",)

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, entry: MutableMapping[str, Any]) -> None:
        try:
            line = _json(entry)
        except Exception as error:  # noqa: BLE001 - whatever a value's repr raises
            line = _json({"event": "a record cannot be written", "error": type(error).__name__, "level": "error"})
        with suppress(OSError, ValueError, AttributeError):  # stderr is full, closed, or none at all
            self._stream.write(line + "\n")
            self._stream.flush()

    info = warning = error = critical = write


def _whole(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> tuple[tuple[Any], dict[str, Any]]:
    """Hand an entry to the logger as it is."""
    return (entry,), {}


def adapt(logger: Any) -> Any:
    """Return a logger that takes keyword arguments and `bind`, whatever logger it is given.

    Args:
        logger: A structlog or standard logger. None takes structlog if the program has configured it, and else the
            standard logger ``sse_signals``.
    """
    if logger is None:
        logger = (structlog.get_logger if structlog.is_configured() else logging.getLogger)("sse_signals")
    if not isinstance(logger, logging.Logger | logging.LoggerAdapter):
        return logger
    return structlog.wrap_logger(logger, wrapper_class=structlog.stdlib.BoundLogger, processors=[_as_text])


def escape_controls(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Make control characters visible, so that nothing a client sends can end a line or colour a terminal."""
    for key, value in entry.items():
        if isinstance(value, str):
            entry[key] = escape(value)
        elif isinstance(value, list):
            entry[key] = [escape(item) if isinstance(item, str) else item for item in value]
    return entry


def _as_text(logger: Any, method: str, entry: MutableMapping[str, Any]) -> tuple[tuple[str], dict[str, Any]]:
    """Give a standard logger one line of text, and the values besides as attributes of its record."""
    if method == "debug" and not logger.isEnabledFor(logging.DEBUG):
        raise structlog.DropEvent
    event, exc_info = entry.pop("event"), entry.pop("exc_info", None)
    text = " ".join([event, *(f"{key}={value!r}" for key, value in entry.items())])
    return (text,), {"extra": dict(entry), "exc_info": exc_info}


def _indented(stream: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback so that no text in it can start a line of its own or colour a terminal."""
    lines = "".join(traceback.format_exception(*exc_info)).split("\n")
    stream.write("\n".join("    " + escape(line) for line in lines if line))


def escape(text: str) -> str:
    """Return text with everything that cannot be seen written as an escape."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


_ENCODER: Final = json.JSONEncoder(default=repr)  # ASCII only: everything else is an escape


def _json(value: Any, **_: Any) -> str:
    return _ENCODER.encode(value)
