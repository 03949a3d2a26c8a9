"""Judges what publishers and clients saw. It knows the protocol's promises, and nothing of the program that makes them.

What it takes for granted, and nothing else:

- All times are of one monotonic clock, in seconds. `Attempt.sent` is before the first try, `answered` after the last.
- Every signal's content is unique, so that content tells signals apart without ids. A content is published under one
  idempotency key: however often it was tried, it may be in the log once. Only when the log itself was lost between two
  tries (their ids are of two epochs) may it be there twice.
- An id is ``<epoch>-<record>`` or ``<epoch>-<record>.<index>``. Epochs succeed each other in the order in which anybody
  first saw them. Within an epoch numbers are compared, but not believed: the order that they claim has to agree with
  real time (what was received or acknowledged before another was sent comes before it), and with the order in which
  each client got the contents; and an id has one content. So positions that are used twice come to light.
- A client is one logical reader, with the same rights all the time. It takes an id into account when it has read the
  whole block. A session that resumes from an earlier id of its own may be given again what came after it; a session
  that resumes from nothing, or from an id that the client never got, begins anew.
- A stream that goes on for ``bound`` seconds (any block) after an acknowledgement and its own opening has been given
  that event, or told of a gap that covers it. This judges by time alone: it holds where ids lead nowhere.
- ``destroyed`` names contents that the test itself took from the log (a failover that rolled back): they may have been
  received and are missed by nobody. With ``forks`` an epoch goes on from the one before it: then a stream may pass from
  one to the other without a gap, but only to a record beyond the one it stands at. A place before the first event of
  an epoch (in a receipt, gap or heartbeat) is then one of the epoch before.

What it cannot see: what nobody received and nobody was acknowledged; a gap that claims more than is missing.

Verdicts: ``lost`` (acknowledged, entitled, within what the client has seen go by, and neither received nor in a gap),
``skip`` (the stream went past an event that another client got, or into another epoch, without a gap), ``duplicate``,
``nonmonotonic``, ``unexpected``, ``inconsistent``, ``leak``, ``late``. One fault may earn several.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Final

from tests.faults.observed import Report

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tests.faults.observed import Attempt, Block, Client, Session

_ID: Final = re.compile(r"([^-.]+)-(\d+)(?:\.(\d+))?")

Place = tuple[int, int, int]  # rank of the epoch, record, index


def check(
    attempts: Sequence[Attempt],
    clients: Sequence[Client],
    *,
    bound: float = inf,
    destroyed: Collection[str] = frozenset(),
    forks: bool = False,
) -> Report:
    """Judge a history; the arguments are explained above. It raises `ValueError` when contents are not unique."""
    report = Report()
    log = _Log(attempts, clients, report, forks)
    log.check_names()
    log.check_order()
    for client in clients:
        _Reader(client, log, report, bound, forks).read(frozenset(destroyed))
    report.counts.update(attempt.outcome for attempt in attempts)
    report.counts.update(clients=len(clients), sessions=sum(len(client.sessions) for client in clients))
    return report


class _Log:
    """What can be known of the log from outside."""

    def __init__(self, attempts: Sequence[Attempt], clients: Sequence[Client], report: Report, forks: bool) -> None:
        self.attempts = {attempt.content: attempt for attempt in attempts}
        if len(self.attempts) != len(attempts):
            raise ValueError("contents are not unique")
        self.clients = clients
        self.report = report
        self.received: dict[Place, float] = {}  # when first
        self.acknowledged: dict[Place, float] = {}  # when
        self.ids: defaultdict[str, set[str]] = defaultdict(set)  # content -> its ids
        told = [each for each in attempts if each.outcome == "acknowledged"]
        events = [block for _, block in _blocks(clients) if block.kind == "event"]
        seen = [(each.content, each.id or "", each.answered, self.acknowledged) for each in told]
        seen += [(block.content, block.id or "", block.time, self.received) for block in events]
        self._ranks = self._rank_epochs()
        self._firsts = defaultdict[int, float](lambda: inf if forks else 0)  # records in which epochs begin
        for match in (_ID.fullmatch(event_id) for _, event_id, _, _ in seen if forks):
            if match is not None:
                self._firsts[self._ranks[match[1]]] = min(self._firsts[self._ranks[match[1]]], int(match[2]))
        for content, event_id, time, times in seen:
            self.ids[content].add(event_id)
            place = self.place(event_id)
            if place is not None:
                times[place] = min(time, times.get(place, inf))
        self.places = {
            place: content
            for content, ids in self.ids.items()
            for place in map(self.place, ids)
            if place is not None and content in self.attempts and self.attempts[content].outcome != "refused"
        }
        self._infer_batches()

    def _rank_epochs(self) -> dict[str, int]:
        seen = [(attempt.answered, attempt.id) for attempt in self.attempts.values()]
        for session, block in _blocks(self.clients):
            seen += [(session.opened, session.resume), (block.time, block.gap_from), (block.time, block.id)]
        epochs = [_epoch(event_id) for _, event_id in sorted(seen, key=lambda each: each[0]) if event_id]
        return {epoch: rank for rank, epoch in enumerate(dict.fromkeys(epochs))}

    def place(self, event_id: str | None) -> Place | None:
        match = _ID.fullmatch(event_id or "")
        if match is None:
            return None
        rank, record = self._ranks[match[1]], int(match[2])
        while rank and record < self._firsts[rank]:
            rank -= 1
        return rank, record, int(match[3] or 0)

    def _infer_batches(self) -> None:
        """A record is in the log as a whole: if one of a request's signals is known, all are."""
        records = {self.attempts[content].request: place[:2] for place, content in self.places.items()}
        for attempt in self.attempts.values():
            if attempt.request is not None and attempt.request in records and attempt.outcome == "unknown":
                self.places.setdefault((*records[attempt.request], attempt.index), attempt.content)

    def check_names(self) -> None:
        """One content has one id, one id one content; nothing comes from nowhere."""
        contents: defaultdict[str, set[str]] = defaultdict(set)
        for content, ids in self.ids.items():
            for event_id in ids:
                contents[event_id].add(content)
                if self.place(event_id) is None:
                    self.report.found("unexpected", "", content, f"it has no id: {event_id!r}")
            attempt = self.attempts.get(content)
            if attempt is None or attempt.outcome == "refused":
                self.report.found("unexpected", "", content, f"nobody published it, or it was refused: {attempt}")
            elif len(ids) > 1 and (attempt.tries == 1 or len({_epoch(each) for each in ids}) < len(ids)):
                self.report.found("duplicate", "", content, f"it is in the log as {sorted(ids)}")
        for event_id, several in contents.items():
            if len(several) > 1:
                self.report.found("inconsistent", "", event_id, f"it is the id of {sorted(several)}")

    def check_order(self) -> None:
        """The order of ids agrees with real time, and there is one order of contents that agrees with all clients."""
        latest_sent, before = -inf, ""
        for place in sorted(self.places):
            attempt = self.attempts[self.places[place]]
            if min(self.acknowledged.get(place, inf), self.received.get(place, inf)) < latest_sent:
                self.report.found("nonmonotonic", "", attempt.content, f"was there before {before} was sent")
            if attempt.sent > latest_sent:
                latest_sent, before = attempt.sent, attempt.content
        order = TopologicalSorter[tuple[str, str]]()
        for earlier, later in (
            pair for client in self.clients for chain in _chains(client) for pair in pairwise(chain)
        ):
            order.add(later, earlier)
        try:
            order.prepare()
        except CycleError as error:
            cycle = [content for _, content in error.args[1]]
            self.report.found("inconsistent", "", cycle[0], f"clients disagree on the order: {cycle}")


class _Reader:
    """Follows one client along the log."""

    def __init__(self, client: Client, log: _Log, report: Report, bound: float, forks: bool) -> None:
        self._client, self._log, self._report, self._bound, self._forks = client, log, report, bound, forks
        self._expected: list[Place] = []
        self._trail: list[tuple[str, Place | None]] = []  # the ids it took into account; events with their place
        self._got: set[Place] = set()
        self._cursor: Place | None = None
        self._begun = inf  # when the place was fixed from which on it must not miss anything
        self._settled: set[Place] = set()  # that they are missing has been said
        self._gaps: list[tuple[Place, Place]] = []

    def read(self, destroyed: frozenset[str]) -> None:
        self._expected = sorted(
            place
            for place, content in self._log.places.items()
            if content not in destroyed and self._client.may_see(self._log.attempts[content])
        )
        for session in self._client.sessions:
            self._resume(session)
            for block in session.blocks:
                self._take(block, session)
        self._check_end()

    def _found(self, verdict: str, subject: str, detail: str) -> None:
        self._report.found(verdict, self._client.name, subject, detail)

    def _resume(self, session: Session) -> None:
        ids = [event_id for event_id, _ in self._trail]
        if session.resume is not None and session.resume in ids:
            del self._trail[len(ids) - ids[::-1].index(session.resume) :]
        else:
            self._trail, self._begun = [(session.resume, None)] if session.resume else [], inf
        self._got = {place for _, place in self._trail if place is not None}
        self._cursor = self._log.place(session.resume)
        self._begun = session.opened if self._begun == inf and self._cursor is not None else self._begun

    def _take(self, block: Block, session: Session) -> None:
        place = self._log.place(block.id)
        if place is None or block.id is None:
            return
        if block.kind == "gap":
            self._take_gap(block, place)
        elif block.kind != "event":
            self._move(place, block.id, inclusive=True)
        elif not self._take_event(block, place, session):
            return
        self._trail.append((block.id, place if block.kind == "event" else None))
        self._begun = min(self._begun, block.time)

    def _take_gap(self, block: Block, place: Place) -> None:
        begins = self._log.place(block.gap_from) or self._cursor
        if begins is not None and self._cursor is not None and begins > self._cursor:
            self._miss(self._cursor, begins, inclusive=True)
        self._gaps.append((begins or (-1, 0, 0), place))
        self._report.counts["gaps"] += 1
        self._cursor = place

    def _take_event(self, block: Block, place: Place, session: Session) -> bool:
        self._report.counts["received"] += 1
        if place in self._got:
            self._found("duplicate", block.content, f"received {block.id} again")
            return False
        attempt = self._log.attempts.get(block.content)
        if attempt is not None and not self._client.may_see(attempt):
            self._found("leak", block.content, f"{attempt.topic} {attempt.targets}")
        acknowledged = self._log.acknowledged.get(place, inf)
        if block.time - max(acknowledged, session.opened) > self._bound:
            self._found("late", block.content, f"{block.time - acknowledged:.3f} s after it was acknowledged")
        self._move(place, block.id or "", inclusive=False)
        self._got.add(place)
        return True

    def _move(self, place: Place, event_id: str, *, inclusive: bool) -> None:
        """Go on to a place; everything between has been received, or is missing."""
        cursor = self._cursor
        if cursor is not None and (place < cursor or (place == cursor and not inclusive)):
            self._found("nonmonotonic", event_id, f"after {cursor}")
            return
        if cursor is not None:
            if place[0] != cursor[0] and not (self._forks and place[1] > cursor[1]):
                self._found("skip", event_id, f"another epoch without a gap, after {cursor}")
            self._miss(cursor, place, inclusive=inclusive)
        self._cursor = place

    def _miss(self, after: Place, until: Place, *, inclusive: bool) -> None:
        end = (bisect_right if inclusive else bisect_left)(self._expected, until)
        for place in self._expected[bisect_right(self._expected, after) : end]:
            if place not in self._got and place not in self._settled:
                self._missing(place, f"between {after} and {until}")

    def _missing(self, place: Place, where: str) -> None:
        self._settled.add(place)
        content = self._log.places[place]
        if place in self._log.acknowledged:
            self._found("lost", content, f"{place} {where}")
        if place in self._log.received or place not in self._log.acknowledged:
            self._found("skip", content, f"{place} {where}")

    def _check_end(self) -> None:
        """What was acknowledged long before the last block has been received, whatever the ids say."""
        last = next((session for session in reversed(self._client.sessions) if session.blocks), None)
        ever = {self._log.place(block.id) for session in self._client.sessions for block in session.blocks}
        for place in self._expected:
            attempt = self._log.attempts[self._log.places[place]]
            if last is None or place not in self._log.acknowledged or attempt.sent <= self._begun:
                continue
            due = max(attempt.answered, last.opened) + self._bound
            self._report.counts["due"] += 1
            told = place in ever or place in self._settled or any(low < place <= high for low, high in self._gaps)
            if not told and due < last.blocks[-1].time:
                self._missing(place, f"{last.blocks[-1].time - due:.3f} s after it was due")


def _chains(client: Client) -> Iterator[list[tuple[str, str]]]:
    """Yield the contents that a client got, with their epochs, in order; once for each time that it began anew."""
    chain: dict[tuple[str, str], None] = {}
    known: set[str | None] = set()
    for session in client.sessions:
        if session.resume not in known:
            yield list(chain)
            chain, known = {}, set()
        known |= {block.id for block in session.blocks if block.id is not None}
        chain |= {(_epoch(block.id or ""), block.content): None for block in session.blocks if block.kind == "event"}
    yield list(chain)


def _blocks(clients: Sequence[Client]) -> Iterator[tuple[Session, Block]]:
    return ((session, block) for client in clients for session in client.sessions for block in session.blocks)


def _epoch(event_id: str) -> str:
    return event_id.rpartition("-")[0]
