"""The checker on histories of a few lines: what it must find, and what looks like a fault and is none."""

from __future__ import annotations

import pytest

from tests.faults.checker import check
from tests.faults.observed import Attempt, Block, Client, Session


def acknowledged(content: str, event_id: str, sent: float, **more: object) -> Attempt:
    """A signal that took its place half a second after it was sent."""
    return Attempt(content, "acknowledged", sent, sent + 0.5, event_id, **more)  # type: ignore[arg-type]


def session(resume: str | None, opened: float, *lines: str) -> Session:
    """A session in which a block comes every second: ``event id content``, ``gap from to``, or ``kind id``."""
    it = Session("n", resume, opened)
    for number, line in enumerate(lines):
        kind, *words = line.split()
        time = opened + number
        if kind == "gap":
            it.blocks.append(Block("gap", time, words[1], gap_from=None if words[0] == "-" else words[0]))
        else:
            it.blocks.append(Block(kind, time, words[0], *words[1:]))
    return it


def client(*sessions: Session, name: str = "c") -> Client:
    return Client(name, sessions=list(sessions))


THREE = [acknowledged("x", "e-1", 0), acknowledged("y", "e-2", 1), acknowledged("z", "e-3", 2)]


def test_counts() -> None:
    """A report says how much there was to find something in."""
    report = check(THREE, [client(session(None, -1, "open e-0", "event e-1 x", "gap e-1 e-2", "event e-3 z"))])
    assert report.findings == []
    assert report.counts == {"acknowledged": 3, "clients": 1, "sessions": 1, "received": 2, "gaps": 1, "due": 3}


def test_contents_that_are_not_unique() -> None:
    """Who cannot tell signals apart cannot judge."""
    with pytest.raises(ValueError, match="unique"):
        check([*THREE, THREE[0]], [])


def test_nobody_received_it() -> None:
    """What was acknowledged and reached nobody is lost, and no skip: perhaps the log never had it."""
    report = check(THREE, [client(session(None, 5, "open e-0", "event e-1 x", "event e-3 z"))])
    assert [(finding.verdict, finding.subject) for finding in report.findings] == [("lost", "y")]


def test_unknown_outcome() -> None:
    """What perhaps was published may be missing everywhere; once one has got it, nobody may go past it."""
    attempts = [THREE[0], Attempt("y", "unknown", 1, 2), THREE[2]]
    without = client(session(None, 5, "open e-0", "event e-1 x", "event e-3 z"))
    assert check(attempts, [without]).findings == []
    with_it = client(session(None, 5, "open e-0", "event e-1 x", "event e-2 y", "event e-3 z"))
    assert check(attempts, [without, with_it]).verdicts == {"skip"}


def test_record_that_was_cut_in_two() -> None:
    """A record is there as a whole: the rest of one whose publisher knows nothing is missed too."""
    attempts = [Attempt(content, "unknown", 0, 1, request="r", index=at) for at, content in enumerate("xyz")]
    report = check(attempts, [client(session(None, 5, "open e-0", "event e-1 x", "event e-1.1 y", "heartbeat e-1.2"))])
    assert [(finding.verdict, finding.subject) for finding in report.findings] == [("skip", "z")]


def test_positions_used_again() -> None:
    """A log that went back and goes on with the same ids is found by what publishers were told, without any client."""
    report = check([*THREE, acknowledged("v", "e-2", 7)], [])
    assert {(finding.verdict, finding.subject) for finding in report.findings} >= {("inconsistent", "e-2")}
    assert check([*THREE[::2], acknowledged("v", "e-2", 7)], []).verdicts == {"nonmonotonic"}


def test_received_before_another_was_sent() -> None:
    """What somebody has got comes before all that is sent later, even if its publisher was never answered."""
    attempts = [Attempt("x", "unknown", 0, 1), acknowledged("y", "e-1", 20)]
    report = check(attempts, [client(session(None, 5, "open e-1", "event e-2 x"))])
    assert [(each.verdict, each.subject) for each in report.findings] == [("nonmonotonic", "x")]


def test_stream_that_waits_for_ids_that_do_not_come() -> None:
    """A stream that stands beyond a log that went back gets nothing: that is found by time alone."""
    stuck = session(None, 0, "open e-1000", *["heartbeat e-1000"] * 60)
    attempts = [acknowledged("x", "e-5", 10)]
    assert check(attempts, [client(stuck)], bound=10).verdicts == {"lost"}
    assert check(attempts, [client(stuck)], bound=100).findings == []


def test_late() -> None:
    """Lateness counts from the acknowledgement on a stream that was open, from its opening on one that was not."""
    quiet = session(None, 0, "open e-0", *["heartbeat e-0"] * 20, "event e-1 x")
    assert check([acknowledged("x", "e-1", 15)], [client(quiet)], bound=10).findings == []
    assert check([acknowledged("x", "e-1", 5)], [client(quiet)], bound=10).verdicts == {"late"}
    back = [session(None, 0, "open e-0"), session("e-0", 50, "open e-0", "event e-1 x")]
    assert check([acknowledged("x", "e-1", 5)], [client(*back)], bound=10).findings == []


def test_late_reader_owes_nothing() -> None:
    """What was sent before a client began is not missed by it, and one that has just come back still has time."""
    attempts = [acknowledged("x", "e-1", 0), acknowledged("y", "e-2", 10)]
    here = session(None, 5, "open e-1")
    assert check(attempts, [client(here, session("e-1", 90, "open e-1", "heartbeat e-1"))], bound=10).findings == []
    stayed = session("e-1", 20, "open e-1", *["heartbeat e-1"] * 15)
    assert check(attempts, [client(here, stayed)], bound=10).verdicts == {"lost"}


def test_resume() -> None:
    """What a client has taken into account comes no second time; what it has not, does."""
    first = session(None, 5, "open e-0", "event e-1 x", "event e-2 y")
    assert check(THREE, [client(first, session("e-2", 9, "open e-2", "event e-3 z"))]).findings == []
    assert check(THREE, [client(first, session("e-2", 9, "open e-2", "event e-2 y"))]).verdicts == {"duplicate"}
    again = session("e-1", 9, "open e-1", "event e-2 y", "event e-3 z")
    assert check(THREE, [client(first, again)]).findings == []
    assert check(THREE, [client(first, session(None, 9, "open e-0", "event e-1 x"))]).findings == []
    jumped = session("e-1", 9, "open e-2", "event e-3 z")
    assert check(THREE, [client(first, jumped)]).verdicts == {"lost", "skip"}


def test_receipt_that_goes_ahead() -> None:
    """The id of a receipt hides events as well as any other."""
    first = session(None, 5, "open e-0", "event e-1 x")
    report = check(THREE[:2], [client(first, session("e-1", 9, "open e-2"))])
    assert [finding.verdict for finding in report.findings] == ["lost"]


def test_gap_that_begins_too_late() -> None:
    """A gap covers what it says, not what comes before."""
    told = client(session(None, 5, "open e-0", "gap e-1 e-2", "event e-3 z"))
    assert [(each.verdict, each.subject) for each in check(THREE, [told]).findings] == [("lost", "x")]
    assert check(THREE, [client(session(None, 5, "open e-0", "gap - e-2", "event e-3 z"))]).findings == []
    assert check(THREE, [client(session(None, 5, "open e-0", "gap e-0 e-2", "event e-3 z"))]).findings == []


def test_gap_that_goes_back() -> None:
    """A gap may lead a client back, and then must not give it again what it has."""
    there = ["open e-0", "event e-1 x", "event e-2 y", "event e-3 z"]
    assert check(THREE, [client(session(None, 5, *there, "gap e-3 e-2", "heartbeat e-3"))]).findings == []
    assert check(THREE, [client(session(None, 5, *there, "gap e-3 e-2", "event e-3 z"))]).verdicts == {"duplicate"}


def test_cursor_that_goes_back() -> None:
    """A heartbeat must not take back what was given."""
    assert check(THREE, [client(session(None, 5, "open e-2", "heartbeat e-1"))]).verdicts == {"nonmonotonic"}


FORK = [acknowledged("x", "e-1", 0), acknowledged("gone", "e-2", 1), acknowledged("y", "f-2", 9)]


def test_fork() -> None:
    """Where an epoch goes on from another, who stands below the fork carries on, and who stands above is told."""
    below = client(session(None, 0, "open e-0", "event e-1 x", "event f-2 y"), name="below")
    above = client(session(None, 0, "open e-0", "event e-1 x", "event e-2 gone", "gap e-2 f-1", "event f-2 y"))
    assert check(FORK, [below, above], forks=True, destroyed={"gone"}).findings == []
    assert check(FORK, [below, above], forks=True).verdicts == {"lost", "skip"}
    assert check(FORK, [below, above], destroyed={"gone"}).verdicts == {"skip"}
    untold = client(session(None, 0, "open e-0", "event e-1 x", "event e-2 gone", "event f-2 y"))
    assert check(FORK, [untold], forks=True, destroyed={"gone"}).verdicts == {"skip"}


def test_places_before_a_fork() -> None:
    """After a fork, receipts, gaps and heartbeats name old places in the new epoch; events keep their ids."""
    more = [
        acknowledged("v", "e-3", 0),
        *(acknowledged(a.content, f"{str(a.id)[0]}-{n + 4}", n) for n, a in enumerate(FORK)),
    ]
    # e-4 x, e-5 gone, f-6 y
    stays = client(session(None, -1, "open e-0", "heartbeat f-3"), name="stays")
    back = client(
        session(None, 0, "open e-3", "event e-4 x", "event e-5 gone", "gap e-5 f-4", "heartbeat f-5", "event f-6 y"),
        session("f-6", 20, "open f-6"),
    )
    behind = client(session("e-3", 20, "open f-3", "event e-4 x", "heartbeat f-5", "event f-6 y"), name="behind")
    assert check(more[1:], [back, behind], forks=True, destroyed={"gone"}).findings == []
    assert check(more, [stays], forks=True, destroyed={"gone"}).verdicts == {"lost"}
    assert check(more[1:], [behind], destroyed={"gone"}).verdicts >= {"nonmonotonic"}


def test_epoch_that_comes_back() -> None:
    """After its successor has been seen, an epoch is past."""
    report = check([*FORK, acknowledged("late", "e-3", 20)], [])
    assert [(each.verdict, each.subject) for each in report.findings] == [("nonmonotonic", "y")]


def test_tried_again_after_the_log_was_lost() -> None:
    """A key is forgotten with its log: the same content may be in two epochs if it was tried twice, not in one."""
    twice = acknowledged("x", "f-1", 0, tries=2)
    reader = client(session(None, 0, "open e-0", "event e-1 x", "gap e-1 f-0", "event f-1 x"))
    other = client(session(None, 4, "open f-0", "event f-1 x"), name="other")
    assert check([twice], [reader, other]).findings == []
    once = acknowledged("x", "f-1", 0)
    assert check([once], [reader, other]).verdicts == {"duplicate"}
    same_log = client(session(None, 0, "open f-0", "event f-1 x", "event f-2 x"))
    assert check([twice], [same_log]).verdicts == {"duplicate"}


def test_clients_that_disagree() -> None:
    """Two clients that got contents in different orders are found even if each one's ids only grow."""
    unknown = [Attempt(content, "unknown", 0, 1) for content in "xy"]
    one = client(session(None, 5, "open e-0", "event e-1 x", "event e-2 y"), name="one")
    other = client(session(None, 5, "open e-0", "event e-3 y", "event e-4 x"), name="other")
    assert check(unknown, [one, other]).verdicts >= {"inconsistent"}


@pytest.mark.parametrize("event_id", ["", "nonsense", "e-1.x"])
def test_no_id(event_id: str) -> None:
    """An event without an id that leads anywhere is nothing that a client can expect."""
    it = Session("n", None, 0.0, [Block("event", 1.0, event_id or None, "x")])
    assert check(THREE[:1], [client(it)]).verdicts >= {"unexpected"}


def test_entitlement() -> None:
    """Topics and targets are judged by the checker's own rules."""
    attempts = [
        acknowledged("all", "e-1", 0, topic=None), acknowledged("exact", "e-2", 1, topic="a"),
        acknowledged("prefix", "e-3", 2, topic="b/c"), acknowledged("other", "e-4", 3, topic="ab"),
        acknowledged("mine", "e-5", 4, topic="a", targets=frozenset("u")),
        acknowledged("yours", "e-6", 5, topic="a", targets=frozenset("v")),
        acknowledged("nobody's", "e-7", 6, topic="a", targets=frozenset()),
    ]  # fmt: skip
    mine = ["event e-1 all", "event e-2 exact", "event e-3 prefix", "event e-5 mine", "heartbeat e-7"]
    one = Client("c", ("a", "b/*"), frozenset("u"), [session(None, 9, "open e-0", *mine)])
    assert check(attempts, [one]).findings == []
    all_of_it = [f"event {attempt.id} {attempt.content}" for attempt in attempts]
    other = Client("c", ("a", "b/*"), frozenset("u"), [session(None, 9, "open e-0", *all_of_it)])
    leaks = [each.subject for each in check(attempts, [other]).findings if each.verdict == "leak"]
    assert leaks == ["other", "yours", "nobody's"]
