"""Hubs, proxies before them that are configured right or wrongly, and what is found behind each."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from sse_signals.client.requests import HubUrl
from sse_signals.doctor.examination import Wishes, examine
from sse_signals.doctor.judge import judge
from sse_signals.doctor.line import NoConnection
from sse_signals.doctor.target import Target
from sse_signals.server import running
from sse_signals.settings import load
from tests.authenticated import Tokens, WallClock, house
from tests.doctor import between_rows, caddy_rows, fronts, nginx_rows
from tests.doctor.between import Between
from tests.doctor.rows import ORIGIN, Row, curable, cured

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

BEAT: Final = 0.5  # seconds
SLOW: Final = 3.0  # seconds; longer than the limits on silence that are planted
SLOWER: Final = 5.5  # seconds; longer than a limit on silence that is longer than a receipt may take
AT_ONCE: Final = 32  # examinations
FEW: Final = 6  # examinations that a busy machine may spoil
_REAL: Final = (("nginx", fronts.nginx, nginx_rows), ("caddy", fronts.caddy, caddy_rows))


@dataclass(frozen=True)
class Result:
    """What was found behind one configuration.

    Attributes:
        proxy: Which proxy: ``nginx``, ``caddy``, ``between`` or ``hub``.
        row: The configuration.
        found: Findings that are no notes, by name.
        notes: Those that are.
        told: All that is told, for people.
    """

    proxy: str
    row: Row
    found: frozenset[str]
    notes: frozenset[str]
    told: str

    @property
    def right(self) -> bool:
        """Whether all of what is wrong was found, and nothing else."""
        return self.found == frozenset(self.row.found) and self.notes <= {"six-connections"}


@dataclass(frozen=True)
class Door:
    """Where somebody knocks.

    Attributes:
        proxy: As in `Result`.
        row: What is behind it.
        origin: Where it is.
    """

    proxy: str
    row: Row
    origin: str


@dataclass(frozen=True)
class Hubs:
    """Hubs.

    Attributes:
        hosts: Host and port of each.
        token: What the one that wants a token takes.
        proof: The certificate of what stands before them.
    """

    hosts: Mapping[str, str]
    token: str
    proof: fronts.Certificate


@contextlib.asynccontextmanager
async def hubs(folder: Path) -> AsyncIterator[Hubs]:
    """Run the hubs that rows name."""
    logger = structlog.get_logger("sse_signals")
    clock = WallClock()
    clock.advance(-60)
    async with contextlib.AsyncExitStack() as stack:
        some: dict[str, dict[str, Any]] = {
            "quick": {"heartbeat": BEAT, "cors_origins": ORIGIN},
            "other": {"heartbeat": BEAT, "cors_origins": ORIGIN},
            "slow": {"heartbeat": SLOW, "cors_origins": ORIGIN},
            "slower": {"heartbeat": SLOWER, "cors_origins": ORIGIN},
            "small": {"heartbeat": BEAT, "cors_origins": ORIGIN, "max_streams": 4},
            "closed": {"heartbeat": BEAT},
        }
        urls = {
            name: (await stack.enter_async_context(running(load({}, {"port": 0, **options}), logger))).url
            for name, options in some.items()
        }
        tokens = Tokens(WallClock())
        known = await stack.enter_async_context(house(tokens=tokens, heartbeat=BEAT, cors_origins=[ORIGIN]))
        late = await stack.enter_async_context(
            house(clock=clock, heartbeat=BEAT, cors_origins=[ORIGIN], anonymous=True)
        )
        urls |= {"known": known.url, "late": late.url}
        hosts = {name: url.split("/")[2] for name, url in urls.items()}
        proof = await asyncio.to_thread(fronts.certificate, folder)
        yield Hubs(hosts, tokens.issue("user:default/ann"), proof)


async def plain(folder: Path) -> list[Result]:
    """Examine everything over plain HTTP."""
    async with contextlib.AsyncExitStack() as stack:
        there = await stack.enter_async_context(hubs(folder))
        doors = []
        for name, _, rows in _REAL:
            some = [*with_cures(name, rows.ROWS), rows.TLS[0]]  # the last is where a redirect leads to
            doors += await _behind(stack, name, some, there, folder)
        for row, fault in between_rows.ROWS:
            behind = ["quick", "other"] if row.hub == "both" else [row.hub]
            between = await stack.enter_async_context(Between(fault, *(there.hosts[hub] for hub in behind)))
            doors.append(Door("between", row, between.origin))
        doors += [Door("hub", row, f"http://{there.hosts[row.hub]}") for row in between_rows.DIRECT]
        return await _examined(doors, there)


async def secure(folder: Path) -> list[Result]:
    """Examine nginx and Caddy over TLS, with HTTP/2 where that is not what is wrong."""
    async with contextlib.AsyncExitStack() as stack:
        there = await stack.enter_async_context(hubs(folder))
        doors = []
        for name, _, rows in _REAL:
            some = with_cures(name, [*rows.TLS[1:], *(replace(row, tls=True) for row in rows.ROWS)])
            doors += await _behind(stack, name, some, there, folder)
        return await _examined(doors, there)


async def _behind(
    stack: contextlib.AsyncExitStack, proxy: str, rows: Sequence[Row], there: Hubs, folder: Path
) -> list[Door]:
    front = next(front for name, front, _ in _REAL if name == proxy)
    origins = await stack.enter_async_context(front(folder, rows, there.hosts, there.proof))
    return [Door(proxy, row, origin) for row, origin in zip(rows, origins, strict=True)]


async def _examined(doors: Sequence[Door], there: Hubs) -> list[Result]:
    """Examine what is behind all doors, those first that take longest.

    An examination measures times, which a busy machine makes longer: a few that came out wrong are done once more, when
    nearly nothing else runs.
    """
    gate = asyncio.Semaphore(AT_ONCE)
    doors = sorted(doors, key=lambda door: not door.row.hub.startswith("slow"))
    results = list(await asyncio.gather(*(_examine(gate, door, there) for door in doors)))
    wrong = [number for number, result in enumerate(results) if not result.right]
    if len(wrong) <= FEW:
        again = await asyncio.gather(*(_examine(gate, doors[number], there) for number in wrong))
        for number, result in zip(wrong, again, strict=True):
            results[number] = result
    return results


def with_cures(proxy: str, rows: Sequence[Row]) -> list[Row]:
    """Return rows, and each again as the lines make it that are printed for what is wrong."""
    return [*rows, *(cured(row, proxy) for row in rows if curable(row, proxy))]


async def _examine(gate: asyncio.Semaphore, door: Door, there: Hubs) -> Result:
    row = door.row
    wishes = Wishes(
        target=Target.of(HubUrl.parse(f"{door.origin}{row.path}").prefix),
        topic=f"signals-doctor/{id(door)}",
        token=there.token if row.token else None,
        origin=row.origin,
        seconds=row.seconds,
        verify=row.verify,
        margin=2.0,
    )
    async with gate:
        try:
            verdict = judge(await examine(wishes))
        except NoConnection as error:
            raise AssertionError(f"{door.proxy}, {row.name}: {error}") from None
    notes = frozenset(finding.name for finding in verdict.findings if finding.severity == "note")
    found = frozenset(finding.name for finding in verdict.findings) - notes
    return Result(door.proxy, row, found, notes, str(verdict))
