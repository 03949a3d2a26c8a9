"""``sse-signals publish``: one signal, or one for each line."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from sse_signals import messages, topics
from sse_signals.client.publishing import MAX_TIMEOUT
from sse_signals.commands.dashes import TakesMessages
from sse_signals.commands.failures import HELP, epilog, fail, status_of, told
from sse_signals.commands.hub_options import access_options, stdin_is_taken, url_option
from sse_signals.commands.notes import Notes
from sse_signals.commands.output import write
from sse_signals.commands.publish.contents import (
    FILE,
    LONGEST,
    STDIN,
    Kind,
    given,
    message_of,
    mistaken,
    opened,
    standard_input,
)
from sse_signals.commands.publish.line_publisher import LinePublisher, LinesRefused
from sse_signals.commands.publish.stdin_lines import pieces
from sse_signals.commands.token.values import REF, Checked
from sse_signals.commands.values import Duration
from sse_signals.commands.words import sentence
from sse_signals.errors import BrokerUnavailable, InvalidInput, MessageTooLarge
from sse_signals.model import Signal
from sse_signals.names import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from sse_signals.client.remote_hub import RemoteHub

_TIMEOUT: Final = 10.0  # seconds
_EVENT: Final = Checked(lambda text: topics.event_name(text) or "")
_KEY: Final = Checked(lambda text: visible(text, "key"))
_AS_TEXT: Final = (
    'It went out as text; in a shell JSON needs single quotes: \'{"state": "paid"}\'. --json-only refuses text.'
)
_EXAMPLES: Final = """
sse-signals publish orders/42 '{"state": "paid"}'
echo done | sse-signals publish builds/7
sse-signals publish orders/42 @order.json --target group:default/ops
sse-signals publish --broadcast 'back in five minutes'
tail -F app.log | sse-signals publish logs/app --lines --text
"""


@click.command(context_settings=HELP, cls=TakesMessages, epilog=epilog(0, 1, 2, 3, 4, 130, examples=_EXAMPLES))
@click.argument("topic", required=False)
@click.argument("message", required=False, metavar="[MESSAGE|-|@FILE]")
@click.option("--broadcast", is_flag=True, help="Publish to every open stream; takes the place of TOPIC.")
@click.option("--event", type=_EVENT, metavar="NAME", help="Name it, for addEventListener.")
@click.option(
    "--target", "targets", type=REF, multiple=True, metavar="REF", help="Only for owners of REF; may be repeated."
)
@click.option("--text", is_flag=True, help="Send the message as text even if it is JSON.")
@click.option("--json-only", is_flag=True, help="Refuse a message that is not JSON.")
@click.option("--lines", is_flag=True, help="Publish each line of stdin, or @FILE, as a signal as it comes.")
@click.option("--key", type=_KEY, help="Idempotency key: a repeat within 5 minutes publishes nothing.")
@click.option(
    "--timeout",
    type=Duration(MAX_TIMEOUT),
    default=_TIMEOUT,
    metavar="SECONDS",
    help="How long to try, at most 240.  [default: 10]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the bare id.")
@url_option
@access_options
@click.pass_context
def publish(
    context: click.Context,
    /,
    topic: str | None,
    message: str | None,
    *,
    broadcast: bool,
    text: bool,
    json_only: bool,
    **asked: Any,
) -> None:
    """Publish a signal, and print its id.

    The message is JSON if it can be read as JSON, and text otherwise. Without one it is what comes from stdin, if that
    is a pipe or a file, and else null. One line end at the end of stdin or a file is left out. Write -- before a
    message that begins with -.

    With --lines every line is a signal, in order; requests hold as many as have come meanwhile. A line that cannot be
    published ends it with that line's number, and those before it are in the log.
    """
    if text and json_only:
        raise click.UsageError("--text and --json-only exclude each other.")
    address, message = _address(topic, message, broadcast=broadcast)
    kind = Kind.TEXT if text else Kind.JSON if json_only else Kind.ANY
    with told():
        _publish(address, message, kind, stdin=not stdin_is_taken(context), **asked)


def _publish(
    address: str | None,
    message: str | None,
    kind: Kind,
    *,
    stdin: bool,
    event: str | None,
    targets: tuple[str, ...],
    lines: bool,
    key: str | None,
    as_json: bool,
    **connection: Any,
) -> None:
    from sse_signals.commands.publish import sending  # noqa: PLC0415 - it takes long

    owners = frozenset(targets) or None

    def make(content: bytes | None) -> Signal:
        return Signal(_encoded(content, kind), address, owners, event or None)

    if lines:
        if key is not None:
            raise click.UsageError("--key is for one signal, and --lines are many.")
        with _source(message, stdin=stdin) as source:
            _publish_lines(sending.hub(**connection), source, make, as_json=as_json)
        return
    content = given(message, stdin=stdin)
    signal = make(content)
    accepted = sending.send(sending.hub(**connection), signal, key)
    if accepted.repeated:
        Notes().tell("the key was used before: this is the id of that time, and nothing was published.")
    if why := mistaken(content, kind):
        Notes().tell(f"{why} {_AS_TEXT}")
    write(_json({"id": accepted.ids[0]}) if as_json else accepted.ids[0])


def _address(topic: str | None, message: str | None, *, broadcast: bool) -> tuple[str | None, str | None]:
    """Return where it goes, and what stands on the command line as the message."""
    if broadcast:
        if message is not None:
            raise click.UsageError("--broadcast takes the place of TOPIC: give one of them.")
        return None, topic
    if topic is None:
        raise click.UsageError("Missing argument 'TOPIC'; for a signal to every open stream write --broadcast.")
    try:
        return topics.topic(topic), message
    except InvalidInput as error:
        raise click.BadParameter(f"{error.detail} {error.hint}", param_hint="'TOPIC'") from None


def _encoded(content: bytes | None, kind: Kind) -> bytes:
    if content is not None and len(content) > LONGEST:
        hint = "Signals are small: send a reference to where the rest can be fetched."
        raise MessageTooLarge(f"It is longer than {LONGEST} bytes.", field="message", hint=hint)
    return messages.encode(None if content is None else message_of(content, kind), limit=LONGEST)


def _source(message: str | None, *, stdin: bool) -> AbstractContextManager[BinaryIO]:
    """Return where lines come from."""
    if message is not None and message.startswith(FILE):
        return opened(Path(message[1:]))
    if message not in {None, STDIN}:
        raise click.UsageError("--lines reads stdin, or @FILE, and takes no other MESSAGE.")
    if sys.stdin is not None and sys.stdin.isatty():
        Notes().tell("each line is a signal; Ctrl-D ends it.")
    return nullcontext(standard_input(free=stdin))


def _publish_lines(hub: RemoteHub, source: BinaryIO, make: Callable[[bytes], Signal], *, as_json: bool) -> None:
    from sse_signals.commands.publish.sending import sender  # noqa: PLC0415 - as above

    def accepted(ids: Sequence[str]) -> None:
        write(_json({"ids": ids}) if as_json else "\n".join(ids))

    with sender(hub) as send:
        publisher = LinePublisher(make, send, accepted, longest=LONGEST)
        try:
            publisher.publish(pieces(source.read1))  # type: ignore[attr-defined] # files that are read have it
        except LinesRefused as refused:
            unknown = isinstance(refused.error, BrokerUnavailable) and refused.error.outcome_unknown
            mend = " They may be in the log all the same." if unknown else ""
            fail(f"{refused.where}: {sentence(refused.error)}{mend}", status_of(refused.error))


def _json(answer: object) -> str:
    return orjson.dumps(answer).decode()
