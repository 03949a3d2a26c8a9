from __future__ import annotations

import inspect

from sse_signals import errors
from sse_signals.errors import BrokerUnavailable, IdempotencyTableFull, InvalidInput, SignalsGap


def test_every_error_is_of_one_family_and_on_the_page() -> None:
    """Who catches `SignalsError` catches all of them, and the module's page names each."""
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        assert issubclass(kind, errors.SignalsError)
        assert name in (errors.__doc__ or "")


def test_invalid_input_says_where_what_and_how_to_mend_it() -> None:
    """Its text is complete by itself, with and without a field, and it is a ValueError."""
    with_field = InvalidInput("It is empty.", field="topic", hint="Give one.")
    assert str(with_field) == "topic: It is empty. Give one."
    assert str(InvalidInput("It is empty.", hint="Give one.")) == "It is empty. Give one."
    assert isinstance(with_field, ValueError)


def test_what_an_error_knows_is_in_it() -> None:
    """Programs read attributes, people the text."""
    assert IdempotencyTableFull(3.5).retry_after == 3.5
    unknown = BrokerUnavailable("lost", outcome_unknown=True, retry_after=2)
    assert (str(unknown), unknown.outcome_unknown, unknown.retry_after) == ("lost", True, 2)
    assert BrokerUnavailable("lost").outcome_unknown is False
    assert str(SignalsGap("trimmed", "a-1", "a-5")) == "events after a-1 are missing (trimmed); going on after a-5"
    assert "an unknown id" in str(SignalsGap("unknown-id", None, "a-5"))
