"""``sse-signals bench``: a load for any hub of this project, and what it shows."""

from __future__ import annotations

import secrets
import shutil
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from sse_signals.bench import files, report
from sse_signals.bench.fleet import spare_cores
from sse_signals.bench.messages import MIN_SIZE, Messages
from sse_signals.bench.probe import find
from sse_signals.bench.run import Load, measure
from sse_signals.commands.failures import BAD, HELP, INTERRUPTED, fail, status_of
from sse_signals.commands.hub_options import access_options, shown, url_argument
from sse_signals.commands.output import writing
from sse_signals.commands.progress import Bars
from sse_signals.commands.values import Duration, Header, Topic
from sse_signals.errors import ConfigurationError, LoadFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sse_signals.bench.run import Outcome
    from sse_signals.bench.target import Target
    from sse_signals.client.tokens import TokenSource

_RATE: Final = 20.0  # messages a second
_WIDEST: Final = 100  # columns of a report
_PLAIN: Final = 80  # columns of one that nobody has a terminal for
_EPILOG: Final = """\b
Exit status:
  0    every message was accepted, and arrived everywhere once and in order
  1    something was refused, lost, late, twice or out of order; the hub was
       lost; the report cannot be written
  2    wrong arguments
  3    the hub cannot be reached, or is not available
  4    the hub refuses streams
  130  interrupted with Ctrl-C; what was measured until then is reported
"""


@click.command(context_settings=HELP, epilog=_EPILOG)
@url_argument
@click.option("--streams", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="Streams to open.")
@click.option(
    "--rate",
    type=click.FloatRange(0, 100_000, min_open=True),
    help=f"Messages to publish a second.  [default: {_RATE:g}]",
)
@click.option(
    "--in-flight",
    type=click.IntRange(1, 1024),
    help="Instead of --rate: publish as fast as the hub answers, with so many unanswered at any time.",
)
@click.option(
    "--size",
    type=click.IntRange(MIN_SIZE, 2**24),
    default=100,
    show_default=True,
    help="Bytes of a message; a hub takes up to 64 KiB unless its SIGNALS_MAX_MESSAGE says otherwise.",
)
@click.option(
    "--duration",
    type=Duration(),
    default=10.0,
    metavar="SECONDS",
    help="How long to publish; also 30s, 2m, 1h.  [default: 10]",
)
@click.option("--topic", type=Topic(), help="Topic to use.  [default: one that nobody else uses]")
@click.option(
    "--header", "headers", type=Header(), multiple=True, metavar="'NAME: VALUE'", help="Sent with every request."
)
@access_options
@click.option(
    "--at-once",
    type=click.IntRange(1, 10_000),
    default=64,
    show_default=True,
    help="Streams that are being opened at a time.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def bench(
    url: str,
    *,
    topic: str | None,
    headers: tuple[tuple[str, str], ...],
    token: TokenSource,
    no_verify: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Measure the hub at URL, by default $SIGNALS_URL, or http://127.0.0.1:8080/signals.

    Opens streams, publishes messages to them, checks that every stream receives every message once and in order, and
    tells how long that takes. It uses a topic of its own, so that it does not disturb others on the hub.
    """
    load = _load(**asked)
    run = secrets.token_hex(4)
    try:
        files.allow(load.streams, spare_cores())
        found, target = find(url, topic or f"bench-{run}", headers=_headers(headers, token), verify=not no_verify)
        if found != url.rstrip("/"):
            click.echo(f"The routes of the hub are at {found}.", err=True)
        outcome = _measure(target, Messages(run, load.size), load)
    except (ConfigurationError, LoadFailed) as error:
        fail(str(error), status_of(error))
    except KeyboardInterrupt:
        fail("interrupted before there was anything to tell.", INTERRUPTED)
    with writing("the report"):
        _print(found, outcome, as_json=as_json)
    sys.exit(INTERRUPTED if outcome.interrupted else 0 if outcome.exact else BAD)


def _headers(given: tuple[tuple[str, str], ...], token: TokenSource) -> dict[str, str]:
    """Return what every request carries: a header outranks the token, which a variable may have brought."""
    bearer = shown(token)
    if bearer is None or any(name.lower() == "authorization" for name, _ in given):
        return dict(given)
    return {"Authorization": f"Bearer {bearer}", **dict(given)}


def _load(*, streams: int, rate: float | None, in_flight: int | None, size: int, duration: float, at_once: int) -> Load:
    if rate is not None and in_flight is not None:
        raise click.UsageError("--rate and --in-flight exclude each other.")
    paced = (rate or _RATE) if in_flight is None else None
    if paced is not None and round(paced * duration) < 1:
        raise click.UsageError("With this --rate and --duration no message would be published.")
    return Load(streams, paced, in_flight or 1, size, duration, at_once)


def _measure(target: Target, messages: Messages, load: Load) -> Outcome:
    with Bars() as bars, _stopping() as stopping:
        return measure(target, messages, load, bars.show, stopping)


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C was pressed; pressed again, it ends everything at once."""
    pressed = False

    def press(*_: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _print(url: str, outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(report.document(url, outcome)))
        return
    width = min(_WIDEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else _PLAIN
    for line in report.lines(url, outcome, width, _paint):
        click.echo(line)


def _paint(text: str, colour: str) -> str:
    return click.style(text, bold=True) if colour == "bold" else click.style(text, colour)
