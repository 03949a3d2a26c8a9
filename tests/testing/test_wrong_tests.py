"""A test that is written wrongly does not pass for it: what can never be, or always is, is refused where it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import InvalidInput
from sse_signals.testing import hub
from tests.testing.test_expect import publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.testing import SignalsHub
    from sse_signals.testing.ledger import Published


async def never(_event: Published) -> bool:
    """Say that it is not the one, to whoever awaits it."""
    return False


class Never:
    """As `never`, where nobody can see that it has to be awaited."""

    async def __call__(self, _event: Published) -> bool:
        """Say no."""
        return False


def test_nobody_awaits_a_condition(signals_hub: SignalsHub) -> None:
    """A coroutine is true, whatever it would return, and so is one that an object makes."""
    conditions: list[tuple[Any, str]] = [(never, "coroutine function"), (Never(), "has said <coroutine")]
    publish(signals_hub, 1)
    for where, text in conditions:
        with pytest.raises(TypeError, match=text):
            signals_hub.expect("orders/1", where=where, within=0)
        with pytest.raises(TypeError, match=text):
            signals_hub.expect_nothing("orders/1", where=where, for_=0)
    assert signals_hub.expect("orders/1", within=0).message == 1


@pytest.mark.parametrize(
    "where",
    [lambda event: (event.message == 2, "a hint"), lambda event: event.message, lambda _: None, lambda _: 0],
)
def test_a_condition_says_true_or_false(signals_hub: SignalsHub, where: Callable[[Published], Any]) -> None:
    """A tuple is true, and a function that forgot its return says that nothing is what should not be."""
    publish(signals_hub, {"paid": 1})
    for call in (
        lambda: signals_hub.expect("orders/1", where=where, within=0),
        lambda: signals_hub.expect_nothing("orders/1", where=where, for_=0),
    ):
        with pytest.raises(TypeError, match="where has to say True or False, and has said"):
            call()


@pytest.mark.parametrize(("sent", "said"), [(1, True), (1.0, True), (0, False), (True, 1), ([1], [True])])
def test_a_number_is_no_truth(signals_hub: SignalsHub, sent: Any, said: Any) -> None:
    """Python has True equal to 1, and no other reader of the message does."""
    publish(signals_hub, {"paid": sent})
    with pytest.raises(AssertionError, match="nothing like it"):
        signals_hub.expect("orders/1", message={"paid": said}, within=0)
    signals_hub.expect_nothing("orders/1", message={"paid": said}, for_=0)
    signals_hub.expect("orders/1", message={"paid": sent}, within=0)


@pytest.mark.parametrize("message", [{1: "a"}, 10**30, float("nan"), {"a"}, object()])
def test_what_is_no_message_is_never_expected(signals_hub: SignalsHub, message: Any) -> None:
    """Nothing equals it, so nothing like it would always be absent; a failure does not fail for another reason."""
    publish(signals_hub, 1)
    for call in (
        lambda: signals_hub.expect("orders/1", message=message, within=0),
        lambda: signals_hub.expect_nothing("orders/1", message=message, for_=0),
    ):
        with pytest.raises(InvalidInput, match="message"):
            call()


def test_a_message_is_what_its_json_is(signals_hub: SignalsHub) -> None:
    """A tuple becomes a list on its way, and a long message is no error."""
    publish(signals_hub, [1, 2])
    signals_hub.expect("orders/1", message=(1, 2), within=0)
    with pytest.raises(AssertionError, match="xxx"):
        signals_hub.expect("orders/1", message=70_000 * "x", within=0)


def test_what_was_for_a_few_was_not_for_everyone(signals_hub: SignalsHub) -> None:
    """All of the targets, and no others, in any order and spelling; None is everyone, and an empty list nobody."""
    sales, ann = "group:default/sales", "user:default/ann"
    publish(signals_hub, 1)
    with pytest.raises(AssertionError) as caught:
        signals_hub.expect("orders/1", targets=[sales], within=0)
    assert str(caught.value).splitlines()[0].endswith("topic 'orders/1' to ['group:default/sales']")
    assert str(caught.value).splitlines()[2] == "  topic 'orders/1' to everyone: 1"
    signals_hub.expect_nothing("orders/1", targets=[sales], for_=0)
    with pytest.raises(AssertionError, match="orders/1' to everyone"):
        signals_hub.expect_nothing("orders/1", targets=None, for_=0)
    signals_hub.expect("orders/1", targets=None, within=0)

    publish(signals_hub, 2, targetOwnershipEntityRefs=[ann, sales])
    for wrong in (None, [], [ann], [ann, sales, "group:default/it"]):
        with pytest.raises(AssertionError, match=r"topic 'orders/1' to \["):
            signals_hub.expect("orders/1", targets=wrong, within=0)
    signals_hub.expect("orders/1", targets=["Group:Sales", ann], within=0)
    publish(signals_hub, 3, targetOwnershipEntityRefs=[])
    signals_hub.expect("orders/1", targets=[], within=0)
    with pytest.raises(TypeError, match="targets is a list of entity refs"):
        signals_hub.expect("orders/1", targets=sales)
    with pytest.raises(InvalidInput, match="not an entity ref"):
        signals_hub.expect_nothing("orders/1", targets=["sales"], for_=0)


def test_what_is_not_awaited_has_seen_nothing() -> None:
    """It is said when the test of a shared hub has ended, or the hub; not beside what has failed before."""
    with hub() as shared:
        _ = shared.expect_async("a")
        with pytest.raises(AssertionError, match="expect_async was called and not awaited"):
            shared.forget()
        shared.forget()
    with pytest.raises(AssertionError, match=r"await hub\.wait_for_streams_async\("), hub() as ending:
        _ = ending.wait_for_streams_async(1)
    with pytest.raises(ZeroDivisionError), hub() as failing:
        _ = (failing.expect_nothing_async("a", for_=0), 1 / len(failing.published))


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan"), 86_401])
async def test_a_wait_has_an_end(signals_hub: SignalsHub, seconds: float) -> None:
    """And is no less than nothing: not a number is neither, and would not have looked at all."""
    for waiting in (
        signals_hub.expect_async("a", within=seconds),
        signals_hub.expect_nothing_async("a", for_=seconds),
        signals_hub.wait_for_streams_async(0, within=seconds),
    ):
        with pytest.raises(ValueError, match="the time to wait is from 0 to 86400 seconds"):
            await waiting


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan"), 86_401])
def test_a_wait_of_a_thread_has_an_end(signals_hub: SignalsHub, seconds: float) -> None:
    """The same where no loop runs."""
    for call in (
        lambda: signals_hub.expect("a", within=seconds),
        lambda: signals_hub.expect_nothing("a", for_=seconds),
        lambda: signals_hub.wait_for_streams(0, within=seconds),
    ):
        with pytest.raises(ValueError, match="the time to wait is from 0"):
            call()
