"""The closed lists of what labels may say, compared with where the values are made."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sse_signals
from sse_signals.auth import causes
from sse_signals.life import ticket_causes
from sse_signals.metrics.labels import CLOSED, GAPS, LIMITS, OTHER, OUTCOMES, REFUSED, RESULTS, sorted_out
from sse_signals.model import GapReason

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOMS = Path(sse_signals.__file__).parent


def calls(*names: str, rooms: str = "**") -> Iterator[tuple[ast.Call, dict[str, str]]]:
    """Give each call of a function in the package, with the texts that its module names in constants."""
    for path in ROOMS.glob(f"{rooms}/*.py"):
        tree = ast.parse(path.read_text())
        constants = {
            node.target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in names:
                    yield node, constants


def texts(*names: str, place: int = 0, rooms: str = "**") -> set[str]:
    """Return the texts that stand at a place among the arguments of calls."""
    found = set()
    for call, constants in calls(*names, rooms=rooms):
        for argument in call.args[place : place + 1]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                found.add(argument.value)
            elif isinstance(argument, ast.Name) and argument.id in constants:
                found.add(constants[argument.id])
    return found


def reasons(*names: str, rooms: str = "**") -> set[str]:
    """Return the texts that are given as ``reason`` to calls."""
    return {
        str(keyword.value.value)
        for call, _ in calls(*names, rooms=rooms)
        for keyword in call.keywords
        if keyword.arg == "reason" and isinstance(keyword.value, ast.Constant)
    }


def test_each_cause_of_a_refused_credential_is_a_result() -> None:
    """Whatever an authenticator, a ticket or the hub itself names is on the list, and nothing else but what is good."""
    raised: set[str] = set()
    for room in ("auth", "life", "web"):
        raised |= texts("NotAuthenticated", "NotRecognised", "refused", "unrecognised", rooms=room)
    assert len(raised) > 20
    named = raised | causes.HINTS.keys() | ticket_causes.HINTS.keys()
    assert named | {"accepted", "issuer-unavailable", OTHER} == set(RESULTS)


def test_each_limit_is_a_value() -> None:
    """The reason of each `TooMany` is on the list, and a full table and a full hub."""
    raised = reasons("Counts", "Buckets")
    assert len(raised) >= 6
    assert raised | {"idempotency-table-full", "full", OTHER} == set(LIMITS)


def test_each_reason_for_an_end_is_a_value() -> None:
    """Whatever a stream is ended or aborted with is on the list, but for what listens in the process."""
    ended = set[str]()
    for room in ("hub", "cursor", "life"):
        ended |= texts("end", "abort", rooms=room) | texts("end", "dismiss", place=1, rooms=room)
    assert {"client-gone", "complete", "failed", "max-age", "not-granted", "revoked", "send-timeout"} <= ended
    assert ended - {"closed"} <= set(CLOSED)


def test_who_is_sent_away_has_a_reason_on_the_list() -> None:
    """Bad moments, limits of streams, and what became of an identity meanwhile."""
    assert {"full", "starting", "shutdown", "broker-unavailable", "issuer-unavailable"} <= set(REFUSED)
    assert {"address-streams", "identity-streams", "failed-authentications"} <= set(REFUSED)
    assert {"expired", "revoked"} <= set(REFUSED)


def test_gaps_have_their_reasons() -> None:
    """The closed list of the protocol is the list of the label."""
    assert set(GAPS) == {*map(str, GapReason), OTHER}


@pytest.mark.parametrize("values", [CLOSED, LIMITS, REFUSED, GAPS, OUTCOMES, RESULTS])
def test_lists_hold_each_value_once(values: tuple[str, ...]) -> None:
    """And they are in order, so that a new one is seen at once, with what stands for the rest at the end."""
    listed = [value for value in values if value != OTHER]
    assert listed == sorted(set(listed))
    assert OTHER not in values or values[-1] == OTHER


def test_what_is_not_on_the_list_is_other() -> None:
    """Values that never occurred are 0, and those that nobody knows are added up under one name."""
    assert sorted_out({"a": 2, "évil\n": 3, "x": 4}, ("a", "b", OTHER)) == {"a": 2, "b": 0, OTHER: 7}
    assert sorted_out({"x": 1}, ("a",)) == {"a": 0, OTHER: 1}
