"""Signals that are as they should be take a shorter way: it leads to the same place, and nothing else may take it."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sse_signals.web import signals
from sse_signals.web.problems import Problem

LIMIT = 64
TEXTS = st.one_of(
    st.sampled_from(
        ["a", "cat", "user:x", "USER:Default/X", "a:b", "a*", "*", "", "open", "message", "signals.x", "e\u0301"]
    ),
    st.sampled_from(["x" * 255, "x" * 256, "\u200b", "\ud800", "a\nb", "\ufb01" * 90]),
    st.text(max_size=5),
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
VALUES = st.one_of(LEAVES, st.lists(LEAVES, max_size=4), st.dictionaries(TEXTS, LEAVES, max_size=2))
TARGETS = st.one_of(VALUES, st.lists(TEXTS, max_size=4))
PLAIN = st.fixed_dictionaries(
    {},
    optional={
        "message": VALUES,
        "topic": st.one_of(TEXTS, VALUES),
        "plugin": st.one_of(TEXTS, VALUES),
        "event": st.one_of(TEXTS, VALUES),
        "idempotencyKey": st.one_of(TEXTS, VALUES),
        "targetOwnershipEntityRefs": TARGETS,
    },
)
ODD = st.fixed_dictionaries(
    {},
    optional={
        "target_ownership_entity_refs": TARGETS,
        "channel": VALUES,
        "recipients": VALUES,
        "name": VALUES,
        "targets": TARGETS,
        "key": TEXTS,
        "message": VALUES,
    },
)
SIGNALS = st.one_of(PLAIN, st.builds(lambda plain, odd: {**plain, **odd}, PLAIN, ODD))


def outcome(value: Any) -> Any:
    """Return what a value is loaded as, or all that its refusal says."""
    try:
        return signals.load_signal(value, LIMIT)
    except Problem as problem:
        return problem.status, problem.kind, problem.detail, problem.hint, list(problem.errors)


def by_the_schema(value: Any) -> Any:
    """Return the same by marshmallow alone."""
    with mock.patch.object(signals, "_well_formed", return_value=None):
        return outcome(value)


@given(value=SIGNALS)
@example({"message": 1, "plugin": "p" * 200, "topic": "t" * 200})
@example({"message": None})
@example({"message": "x" * 100, "topic": "a"})
@example({"message": 1, "topic": "e\u0301", "plugin": "cat", "event": "message", "targetOwnershipEntityRefs": []})
def test_the_short_way_and_the_schema_agree(value: Any) -> None:
    """Whatever is sent, both take it for the same signal, or refuse it with the same words."""
    assert outcome(value) == by_the_schema(value)


@pytest.mark.parametrize(
    "value", [{"message": 1, "topic": "a"}, {"message": 1, "targetOwnershipEntityRefs": ["user:x"]}]
)
def test_a_plain_signal_never_meets_the_schema(value: Any) -> None:
    """The overwhelming case does without it."""
    with mock.patch.object(signals, "_SIGNAL", mock.Mock(wraps=signals._SIGNAL)) as schema:
        outcome(value)
    assert not schema.load.called
