"""``sse-signals conformance``: what any hub of Server-Sent Events does right, and what not."""

from __future__ import annotations

import asyncio
import secrets
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sse_signals.bench.target import parse
from sse_signals.client.requests import HubUrl
from sse_signals.commands import failures
from sse_signals.commands.conformance.output import Progress, list_of, table_of
from sse_signals.commands.hub_options import DEFAULT_URL, URL_VARIABLE, access_options, shown
from sse_signals.commands.plain import json_line, plain
from sse_signals.commands.values import Duration, Header
from sse_signals.conformance import adapters, catalogue, report
from sse_signals.conformance.adapter_file import AdapterFile
from sse_signals.conformance.adapter_values import origin as checked_origin
from sse_signals.conformance.first_contact import meet
from sse_signals.conformance.hub import Hub
from sse_signals.conformance.outcome import Verdict
from sse_signals.conformance.requests import Requests
from sse_signals.conformance.run import try_all
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sse_signals.client.tokens import TokenSource
    from sse_signals.conformance.adapter import Adapter
    from sse_signals.conformance.outcome import Case, Result

_OURS: Final = "belongs to single requests; give it in the description, in subscribe.headers or publish.headers"
_OWN: Final = "sse-signals"  # the description of hubs of this project
_EXAMPLES: Final = """
sse-signals conformance http://127.0.0.1:8080/signals
sse-signals conformance http://127.0.0.1:8080/signals --only resume
sse-signals conformance http://127.0.0.1:9080 --adapter my-hub.toml
sse-signals conformance --list
"""


class Origin(click.ParamType[str]):
    """The origin of a page."""

    name = "origin"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the origin."""
        try:
            return checked_origin(value)
        except ValueError as error:
            self.fail(f"{value!r} is none: it may be {error}.", param, ctx)


@click.command(context_settings=failures.HELP, epilog=failures.epilog(examples=_EXAMPLES))
@click.argument("url", envvar=URL_VARIABLE, required=False)
@click.option(
    "--adapter",
    default=_OWN,
    show_default=True,
    metavar="NAME|FILE",
    help=f"The hub's description: {', '.join(adapters.BUILT_IN)}, or a TOML file.",
)
@access_options
@click.option(
    "--header", "headers", type=Header(_OURS), multiple=True, metavar="'NAME: VALUE'", help="Sent with every request."
)
@click.option("--drain", metavar="CMD", help="Shell command that makes the hub leave, such as 'kill -TERM 1234'.")
@click.option("--origin", type=Origin(), help="A page's origin that the hub allows: tries CORS.")
@click.option(
    "--history",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Messages after which an earlier one is no longer held: tries that, by publishing as many.",
)
@click.option("--only", multiple=True, metavar="GROUP|CASE", help="Try these only; may be given several times.")
@click.option(
    "--timeout",
    type=Duration(),
    default=5.0,
    metavar="SECONDS",
    help="How long to wait for what should come at once.  [default: 5]",
)
@click.option("--list", "as_list", is_flag=True, help="Tell what would be tried, and why, instead of trying it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a table for documentation.")
def conformance(
    url: str | None,
    *,
    only: tuple[str, ...],
    as_list: bool,
    as_json: bool,
    as_markdown: bool,
    **asked: Any,
) -> None:
    """Try what the hub at URL does right, whichever hub it is.

    Without URL it is $SIGNALS_URL; a hub of this project may also be at http://127.0.0.1:8080/signals.

    It listens and publishes as many clients do, odd ones among them, and tells for each case what it has seen. It
    uses topics of its own, so that others are not disturbed, and publishes about six hundred small messages, and
    thirty of 60,000 bytes.
    """
    with failures.told():
        if as_json and as_markdown:
            raise click.UsageError("--json and --markdown exclude each other.")
        cases = catalogue.chosen(only)
        if as_list:
            _print(_listed(cases, as_json=as_json, as_markdown=as_markdown))
            return
        url = _where(url, asked["adapter"])
        hub = _hub(url, **asked)
    results: list[Result] = []
    whole = _try(hub, cases, results)
    results.sort(key=lambda result: cases.index(result.case))
    if as_json:
        _print([json_line(report.document(url, hub.adapter.name, results, whole=whole))])
    else:
        told = map(plain, report.markdown(results)) if as_markdown else table_of(hub.adapter.name, results)
        _print(told)
    if not whole:
        sys.exit(failures.INTERRUPTED)
    sys.exit(failures.BAD if any(result.verdict is Verdict.FAIL for result in results) else 0)


def _where(url: str | None, adapter: str) -> str:
    """Return where the hub is; for hubs of this project what other commands take for it means the same."""
    if adapter == _OWN:
        return HubUrl.parse(url or DEFAULT_URL).prefix
    if url is None:
        raise click.UsageError("Missing argument 'URL': where the hub is, such as http://127.0.0.1:9080.")
    return url


def _hub(
    url: str,
    *,
    adapter: str,
    token: TokenSource,
    no_verify: bool,
    headers: tuple[tuple[str, str], ...],
    drain: str | None,
    origin: str | None,
    history: int | None,
    timeout: float,
) -> Hub:
    """Return the hub that is to be tried, which need not be there."""
    address, path = parse(url, verify=not no_verify)
    known = _adapter(adapter)
    known = replace(known, origin=origin or known.origin, history=history or known.history)
    return Hub(
        known,
        Requests(address, path, token=shown(token), headers=headers),
        secrets.token_hex(4),
        patience=timeout,
        context=address.context(),
        drain_command=drain,
    )


def _adapter(name: str) -> Adapter:
    if name in adapters.BUILT_IN:
        return AdapterFile(name, catalogue.NAMES).parse(adapters.BUILT_IN[name])
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        built_in = " and ".join(adapters.BUILT_IN)
        raise ConfigurationError(
            f"There is no description {name!r}: {reason}. Give a TOML file, or one of {built_in}."
        ) from None
    return AdapterFile(name, catalogue.NAMES).parse(text)


def _try(hub: Hub, cases: Sequence[Case], results: list[Result]) -> bool:
    """Try the cases; say whether all of them have been tried."""
    with Progress(len(cases)) as progress:

        def done(result: Result) -> None:
            results.append(result)
            progress.show(result.case.full_name)

        async def run() -> None:
            try:
                await meet(hub)
                await try_all(hub, cases, done)
            finally:
                await hub.close()

        try:
            with failures.told():
                asyncio.run(run())
        except SystemExit as ended:
            if ended.code != failures.INTERRUPTED or not results:
                raise  # there is nothing to tell but why
            return False
    return True


def _listed(cases: Sequence[Case], *, as_json: bool, as_markdown: bool) -> Iterable[str]:
    if as_json:
        return [json_line([report.described(case) for case in cases])]
    return report.markdown_of_cases(cases) if as_markdown else list_of(cases)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
