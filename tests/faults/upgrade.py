"""A rolling upgrade behind a proxy, under load, with the checker attached: ``python -m tests.faults.upgrade``.

Two nodes on NATS, behind Caddy or nginx with the files of deploy/proxies. One node is told to end, ends, is started
again and is ready; then the other. Streams come through the proxy: of clients that resume over HTTP/1.1 and HTTP/2, and
of Chromium's own EventSource, which gives up for good at any status but 200. Publishers publish through it as well.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import click

from tests.brokers.servers import NatsServer
from tests.deploy.proxies import programs
from tests.deploy.proxies.world import front
from tests.faults.checker import check
from tests.faults.clients import turned_away, without_a_hub
from tests.faults.crowd import PATIENCE, Size, at_work
from tests.faults.nodes import Node
from tests.faults.observed import VERDICTS, Report
from tests.faults.storm import many_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.deploy.proxies.programs import Program
    from tests.faults.crowd import Crowd

PROXIES: Final = {"caddy": programs.CADDY, "nginx": programs.NGINX}
RESULTS: Final = Path(__file__).with_name("RESULTS.md")
MARKS: Final = ("<!-- upgrade: begin -->", "<!-- upgrade: end -->")
_numbers = count(1)


@dataclass
class Result:
    """What came of it.

    Attributes:
        seconds: For how long both upgrades took together.
        rate: Signals that were acknowledged a second, meanwhile.
        exits: The nodes' exit statuses.
        answers: What publishers were told, with how often.
        failed: Publishes that were not acknowledged, however often they were tried.
        retried: Those that took more than one try.
        slowest: The longest that a publish took, in seconds.
        troubles: What streams met with besides 200 and a proper end, with how often.
        dead: EventSources that gave up for good.
        away: Seconds for which streams were without a hub, in order.
        turned_away: How often a stream was only told to come again.
        peak: The most streams that were opened in one second.
        warnings: What the nodes had to complain of, with how often.
    """

    proxy: str
    size: Size
    report: Report = field(default_factory=Report)
    seconds: float = 0.0
    rate: float = 0.0
    exits: list[int] = field(default_factory=list)
    answers: Counter[int | str] = field(default_factory=Counter)
    failed: int = 0
    retried: int = 0
    slowest: float = 0.0
    troubles: Counter[str] = field(default_factory=Counter)
    dead: int = 0
    away: list[float] = field(default_factory=list)
    turned_away: int = 0
    peak: int = 0
    warnings: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        """Whether nobody has noticed."""
        quiet = not (self.report.findings or self.failed or self.retried or self.dead or self.troubles)
        return quiet and self.exits == [0, 0] and set(self.answers) == {202} and not self.report.counts["gaps"]


async def upgrade(program: Program, size: Size, folder: Path, broker: str) -> Result:
    """Upgrade both nodes.

    Args:
        program: The proxy.
        size: How much there is of everything.
        folder: An empty one that everybody may enter.
        broker: The URL of a NATS server.
    """
    result = Result(program.name, size)
    options = ("--trusted-proxies", "127.0.0.1", "--broker-name", f"upgrade-{next(_numbers)}", "--heartbeat", "15",
               "--drain-delay", str(size.delay), "--drain-window", str(size.window))  # fmt: skip
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(Node(broker, *options)) for _ in range(2)]
        there = await stack.enter_async_context(front(folder / "proxy", program, [node.port for node in nodes]))
        connector = aiohttp.TCPConnector(limit=0, ssl=False)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        async with at_work(there.url, http, size) as crowd:
            crowd.publish()
            await asyncio.sleep(size.before)
            begun = monotonic()
            for node in nodes:
                result.exits.append(await node.terminate(size.delay + size.window + PATIENCE))
                result.warnings += _warnings(node)
                await node.start()
                await _ready(node, http)
            result.seconds = monotonic() - begun
            await crowd.all_live()
            await asyncio.sleep(size.before)
            await crowd.rest()
            for node in nodes:
                result.warnings += _warnings(node)
    _judge(crowd, begun, result)
    return result


def _judge(crowd: Crowd, begun: float, result: Result) -> None:
    attempts = [attempt for each in crowd.publishers for attempt in each.attempts]
    result.report = check(attempts, crowd.clients)
    result.answers = Counter(status for each in crowd.publishers for status in each.statuses)
    result.failed = sum(len(each.failed) for each in crowd.publishers)
    result.retried = sum(attempt.tries > 1 for attempt in attempts)
    result.rate = sum(begun < attempt.answered <= begun + result.seconds for attempt in attempts) / result.seconds
    result.slowest = max(each.slowest for each in crowd.publishers)
    result.troubles = Counter(trouble for each in crowd.readers for trouble in each.troubles)
    result.dead = sum(native.dead for native in crowd.natives)
    result.away = sorted(seconds for client in crowd.clients for seconds in without_a_hub(client))
    result.turned_away = sum(map(turned_away, crowd.clients))
    opened = Counter(int(each.opened) for client in crowd.clients for each in client.sessions if each.opened > begun)
    result.peak = max(opened.values())


def _warnings(node: Node) -> Counter[str]:
    """Return what a node has complained of since its last start, but for what it says of its settings then."""
    lines = node.log[next((at for at, line in enumerate(node.log) if line.get("event") == "listening"), 0) :]
    return Counter(str(line["event"]) for line in lines if line.get("level") != "info")


async def _ready(node: Node, http: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            async with http.get(f"{node.url}/health/ready") as response:
                if response.status == 200:
                    return
            await asyncio.sleep(0.1)


COLUMNS: Final = ("proxy", "streams", "EventSources", "signals a second", "acknowledged", "failed", "second tries",
                  "received", *VERDICTS, "gaps", "dead", "turned away", "exit statuses", "both nodes")  # fmt: skip
TIMES: Final = ("proxy", "without a hub, times", "median", "p99", "greatest", "most opened in a second",
                "slowest publish", "answers to publishes", "troubles of streams")  # fmt: skip


def table(results: Sequence[Result]) -> str:
    """Return results as two tables in Markdown."""
    return "\n".join([*_rows(COLUMNS, map(_row, results)), "", *_rows(TIMES, map(_times, results))]) + "\n"


def _row(it: Result) -> tuple[object, ...]:
    found = [sum(each.verdict == verdict for each in it.report.findings) for verdict in VERDICTS]
    counts, size = it.report.counts, it.size
    return (it.proxy, f"{size.streams:,}, {size.curls} of them HTTP/2", size.browsers, f"{it.rate:.0f}",
            f"{counts['acknowledged']:,}", it.failed, it.retried, f"{counts['received']:,}", *found, counts["gaps"],
            it.dead, it.turned_away, " and ".join(map(str, it.exits)), f"{it.seconds:.0f} s")  # fmt: skip


def _times(it: Result) -> tuple[object, ...]:
    middle, late = (it.away[int(share * (len(it.away) - 1))] for share in (0.5, 0.99))
    return (it.proxy, f"{len(it.away):,}", f"{middle:.2f} s", f"{late:.2f} s", f"{it.away[-1]:.2f} s", it.peak,
            f"{it.slowest:.2f} s", _counted(it.answers), _counted(it.troubles) or "none")  # fmt: skip


def _counted(counts: Counter[Any]) -> str:
    return ", ".join(f"{name}: {number:,}" for name, number in sorted(counts.items(), key=str))


def _rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return [f"| {' | '.join(map(str, row))} |" for row in (columns, ["---"] * len(columns), *rows)]


@click.command()
@click.option("--proxy", "proxies", multiple=True, type=click.Choice(list(PROXIES)), help="Which; both if not given.")
@click.option("--streams", default=1000, help="How many.")
@click.option("--rate", default=50.0, help="Signals a second.")
@click.option("--delay", default=5.0, help="Seconds for which a node that drains only is not ready.")
@click.option("--window", default=20.0, help="Seconds over which it sends its streams away.")
@click.option("--write", is_flag=True, help="Write the tables into RESULTS.md.")
def main(proxies: Sequence[str], *, write: bool, **size: Any) -> None:
    """Upgrade two nodes behind a proxy, one after the other, under load; it fails if anybody noticed."""
    results = []
    for name in proxies or PROXIES:
        with many_files(), tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            folder.chmod(0o755)  # the proxy may drop its privileges
            (folder / "nats").mkdir()
            server = NatsServer(folder / "nats").start()
            try:
                results.append(asyncio.run(upgrade(PROXIES[name], Size(**size), folder, server.url)))
            finally:
                server.stop()
        click.echo(f"{name}: warnings of the nodes: {_counted(results[-1].warnings) or 'none'}", err=True)
        for finding in results[-1].report.findings[:20]:
            click.echo(f"{name}: {finding}", err=True)
    click.echo(table(results))
    if write:
        text = RESULTS.read_text()
        begin, end = (text.index(mark) for mark in MARKS)
        RESULTS.write_text(f"{text[: begin + len(MARKS[0])]}\n\n{table(results)}\n{text[end:]}")
    if not all(result.good for result in results):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
