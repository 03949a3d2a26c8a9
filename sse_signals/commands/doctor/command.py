"""``sse-signals doctor``: what lies between here and a hub, and which line to change."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from sse_signals import topics
from sse_signals.commands.failures import BAD, HELP, INTERRUPTED, REFUSED, UNREACHABLE, USAGE, epilog, told
from sse_signals.commands.hub_options import access_options, url_argument
from sse_signals.commands.values import Duration, Topic
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from sse_signals.client.tokens import TokenSource
    from sse_signals.doctor.examination import Wishes

PROXIES: Final = ("nginx", "caddy", "haproxy", "traefik", "ingress")
_WATCHED: Final = 35.0  # seconds
_EXAMPLES: Final = """
sse-signals doctor https://app.example.com/signals
sse-signals doctor https://app.example.com --origin https://www.example.com --token @token.txt
sse-signals doctor http://127.0.0.1:8080 --for 2m --proxy nginx
"""


class Origin(click.ParamType[str]):
    """An origin, as browsers send it."""

    name = "origin"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it in lower case."""
        from sse_signals.doctor.target import origin  # noqa: PLC0415

        try:
            return origin(value)
        except ConfigurationError as error:
            self.fail(str(error), param, ctx)


@click.command(
    context_settings=HELP, epilog=epilog(0, BAD, USAGE, UNREACHABLE, REFUSED, INTERRUPTED, examples=_EXAMPLES)
)
@url_argument
@access_options
@click.option(
    "--origin", type=Origin(), metavar="ORIGIN", help="A page that shall be allowed: https://app.example.com."
)
@click.option(
    "--topic",
    type=Topic(),
    help="What its topics begin with; needed rights are for TOPIC/*.  [default: one of its own]",
)
@click.option(
    "--for",
    "seconds",
    type=Duration(),
    default=_WATCHED,
    metavar="SECONDS",
    help="How long to watch, at least two heartbeats; also 2m, 1h. Time limits beyond it are not seen.  [default: 35]",
)
@click.option(
    "--proxy",
    type=click.Choice([*PROXIES, "all"]),
    help="Give lines for this proxy.  [default: the one that names itself, otherwise all]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def doctor(url: str, *, proxy: str | None, as_json: bool, **asked: Any) -> None:
    """Find what lies between here and the hub at URL, and print the line to change.

    Without URL it is $SIGNALS_URL, or http://127.0.0.1:8080/signals.

    Opens streams as a browser would and watches them, publishes a small signal a second on a topic that nobody else
    uses (if whoever asks may publish), asks as pages of other origins do, and compares clocks. What it finds is a
    fault, a warning or a note; notes alone are no reason for an exit status of 1.
    """
    from sse_signals.commands.doctor.run import run  # noqa: PLC0415 - only when it is used

    with told():
        status = run(_wishes(url, **asked), proxy, as_json=as_json)
    sys.exit(status)


def _wishes(
    url: str,
    *,
    token: TokenSource | None,
    no_verify: bool,
    origin: str | None,
    topic: str | None,
    seconds: float,
) -> Wishes:
    from sse_signals.client.requests import HubUrl  # noqa: PLC0415
    from sse_signals.doctor.examination import Wishes  # noqa: PLC0415
    from sse_signals.doctor.target import Target  # noqa: PLC0415

    topic = topic or f"signals-doctor/{secrets.token_hex(4)}"
    topics.topic(f"{topic}/quiet")  # what it makes of it may be too long
    given = token() if callable(token) else token
    return Wishes(
        target=Target.of(HubUrl.parse(url).prefix),
        topic=topic,
        token=given if isinstance(given, str) else None,
        origin=origin,
        seconds=seconds,
        verify=not no_verify,
    )
