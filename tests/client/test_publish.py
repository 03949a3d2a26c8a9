from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from sse_signals import EventBroker, IdempotencyConflict, InvalidInput, MessageTooLarge, SignalsClient
from sse_signals.model import EventId, HistoryLimits

if TYPE_CHECKING:
    from sse_signals.model import Event


async def published(event_broker: EventBroker) -> list[Event]:
    """Return all that is in the log."""
    tail = await event_broker.service._broker.tail(HistoryLimits())
    return list(tail.events)


async def test_the_two_documented_forms(event_broker: EventBroker, catalog: SignalsClient) -> None:
    """A message alone goes to the plugin as a whole; a topic is the plugin's; targets are normalised."""
    await catalog.publish({"test": "test"})
    await catalog.publish(
        {"test": "test"}, topic="my-topic", target_ownership_entity_refs=["group:default/group", "User:Guest"]
    )
    one, two = await published(event_broker)
    assert (one.address, one.targets, one.message) == ("catalog", None, {"test": "test"})
    assert (two.address, two.message) == ("catalog:my-topic", {"test": "test"})
    assert two.targets == frozenset({"group:default/group", "user:default/guest"})


async def test_what_comes_back_is_the_event_s_id(event_broker: EventBroker, catalog: SignalsClient) -> None:
    """The id is that of the event in the log, one after the other."""
    ids = [await catalog.publish(number, topic="a") for number in range(3)]
    assert ids == [e.id for e in await published(event_broker)]
    assert all(EventId.parse(event_id) for event_id in ids)


async def test_an_event_name_and_an_empty_list_of_targets(event_broker: EventBroker, catalog: SignalsClient) -> None:
    """A name becomes the event's, ``message`` is none, and no targets at all means nobody."""
    await catalog.publish(1, event="created", target_ownership_entity_refs=[])
    await catalog.publish(2, event="message", target_ownership_entity_refs=iter(["group:a"]))
    one, two = await published(event_broker)
    assert b"event: created\n" in one.frame
    assert one.targets == frozenset()
    assert b"event:" not in two.frame
    assert two.targets == frozenset({"group:default/a"})


async def test_a_repeat_with_the_same_key_publishes_once(
    event_broker: EventBroker, catalog: SignalsClient, orders: SignalsClient
) -> None:
    """It gets the first id; other content is a conflict; another plugin's key is another key."""
    first = await catalog.publish(1, topic="a", idempotency_key="k")
    assert await catalog.publish(1, topic="a", idempotency_key="k") == first
    with pytest.raises(IdempotencyConflict):
        await catalog.publish(2, topic="a", idempotency_key="k")
    assert await orders.publish(1, topic="a", idempotency_key="k") != first
    assert len(await published(event_broker)) == 2


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"message": float("nan")}, "message"),
        ({"message": {1, 2}}, "message"),
        ({"message": 1, "topic": ""}, "topic"),
        ({"message": 1, "topic": "a*"}, "topic"),
        ({"message": 1, "topic": "a\nb"}, "topic"),
        ({"message": 1, "event": "signals.open"}, "event"),
        ({"message": 1, "event": ""}, "event"),
        ({"message": 1, "target_ownership_entity_refs": ["team-a"]}, "targetOwnershipEntityRefs"),
        ({"message": 1, "idempotency_key": ""}, "idempotency_key"),
        ({"message": 1, "idempotency_key": "a\0"}, "idempotency_key"),
    ],
)
async def test_what_breaks_a_rule_is_refused(
    event_broker: EventBroker, catalog: SignalsClient, arguments: dict[str, Any], field: str
) -> None:
    """The error names what is wrong and how to mend it, and nothing is published."""
    with pytest.raises(InvalidInput) as caught:
        await catalog.publish(**arguments)
    assert caught.value.field == field
    assert caught.value.hint
    assert not await published(event_broker)


async def test_a_message_over_64_kib_is_refused(event_broker: EventBroker, catalog: SignalsClient) -> None:
    """Signals are small."""
    with pytest.raises(MessageTooLarge, match="limit is 65536"):
        await catalog.publish("a" * 65_535)
    await catalog.publish("a" * 65_534)
    assert len(await published(event_broker)) == 1


async def test_one_text_instead_of_a_list_of_targets_is_a_mistake(catalog: SignalsClient) -> None:
    """It would otherwise be taken for a list of letters."""
    with pytest.raises(TypeError, match="list of entity refs"):
        await catalog.publish(1, target_ownership_entity_refs="group:default/a")


@pytest.mark.parametrize("plugin_id", ["", "a:b", "a*", "a\n", "\u200b", "a" * 256])
def test_a_bad_plugin_id_is_refused(event_broker: EventBroker, plugin_id: str) -> None:
    """At once, not at the first publish."""
    with pytest.raises(InvalidInput) as caught:
        SignalsClient.for_plugin(plugin_id, event_broker=event_broker)
    assert caught.value.field == "plugin"


async def test_a_structlog_logger_is_bound_to_the_plugin(event_broker: EventBroker) -> None:
    """Every line says which plugin it is from, and no line holds a message."""
    with structlog.testing.capture_logs() as lines:
        client = SignalsClient.for_plugin("catalog", event_broker=event_broker, logger=structlog.get_logger(team="x"))
        event_id = await client.publish("secret", topic="a")
    assert [(line["plugin"], line["team"], line["id"]) for line in lines] == [("catalog", "x", event_id)]
    assert "secret" not in repr(lines)


@pytest.mark.parametrize("adapted", [False, True])
async def test_a_standard_logger_is_bound_to_the_plugin(
    event_broker: EventBroker, caplog: pytest.LogCaptureFixture, adapted: bool
) -> None:
    """A standard logger, or an adapter of one, gets one line of text that says it all."""
    standard: Any = logging.getLogger("tests.standard")
    logger = logging.LoggerAdapter(standard, {"request": 7}) if adapted else standard
    client = SignalsClient.for_plugin("catalog", event_broker=event_broker, logger=logger)
    with caplog.at_level(logging.DEBUG, "tests.standard"):
        event_id = await client.publish("secret", topic="a\\b")
    (record,) = caplog.records
    assert record.name == "tests.standard"
    assert record.levelno == logging.DEBUG
    assert "plugin='catalog'" in record.getMessage()
    assert event_id in record.getMessage()
    assert "secret" not in record.getMessage()
    assert getattr(record, "request" if adapted else "plugin") == (7 if adapted else "catalog")


def test_without_a_logger_nothing_is_printed(
    event_broker: EventBroker, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A program that has set up no logging does not find its output full of lines of a library."""
    structlog.reset_defaults()
    client = SignalsClient.for_plugin("catalog", event_broker=event_broker)
    asyncio.run(client.publish(1))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
