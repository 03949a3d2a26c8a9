"""The JetStream streams of a log: how they are made, and what must be so in one that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from sse_signals.brokers.nats_answers import NO_STREAM, Refused
from sse_signals.brokers.nats_found import LINEAGE, look, spoken
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sse_signals.broker_options import BrokerOptions
    from sse_signals.brokers.nats_found import Found
    from sse_signals.brokers.nats_link import Link
    from sse_signals.lineage import Lineage
    from sse_signals.model import HistoryLimits

_THERE_ALREADY: Final = 10058  # this, and the next, are JetStream's numbers of errors
_NOT_ENABLED: Final = (0, 10039, 10076)
_NO_PEERS: Final = 10074
_TEMPORARY: Final = (10008, 10009, _NO_PEERS, 10118)  # a cluster that elects, or has a server less

PARTITION: Final = "0"  # there is room for more
_SECOND: Final = 10**9
_FIXED: Final = {
    "storage": "it must be kept in files",
    "retention": "it must be kept to its limits",
    "no_ack": "it must acknowledge",
    "subjects": "it must hold what is published to its own name",
    "max_msgs_per_subject": "it must not limit the messages of a subject",
    "sealed": "it must not be sealed",
}


def log_stream(limits: HistoryLimits, options: BrokerOptions) -> dict[str, Any]:
    """Return the configuration of the stream that holds the log."""
    window = round(options.idempotency_window * _SECOND)
    return {
        **_stream(options.name, options.nats_replicas),
        "max_msgs": limits.count,
        "max_bytes": limits.size,
        "max_age": max(round(limits.age * _SECOND), window),  # JetStream remembers no key longer than its message
        "max_msgs_per_subject": -1,
        "duplicate_window": window,
    }


def state_stream(options: BrokerOptions) -> dict[str, Any]:
    """Return the configuration of the stream that holds the shared state; no log can have its name."""
    return {
        **_stream(f"{options.name}~state", options.nats_replicas),
        "max_msgs_per_subject": 1,
        "allow_msg_ttl": True,
    }


def _stream(name: str, replicas: int) -> dict[str, Any]:
    return {
        "name": name,
        "subjects": [f"{name}.>"],
        "storage": "file",
        "retention": "limits",
        "discard": "old",
        "num_replicas": replicas,
        "no_ack": False,
        "sealed": False,
        "allow_direct": True,
    }


async def found_or_made(link: Link, wanted: Mapping[str, Any], logger: Any) -> Found:
    """Return a stream that is as it should be, after making or changing it if it was not.

    Raises:
        ConfigurationError: It is there, and cannot be what it should be.
        BrokerUnavailable: There is no answer.
    """
    name = wanted["name"]
    try:
        found = await look(link, name)
    except Refused as error:
        if error.code != NO_STREAM:
            raise _lasting(error, name) from error
        try:
            await link.ask(f"STREAM.CREATE.{name}", wanted)
        except Refused as refusal:
            if refusal.code != _THERE_ALREADY:  # somebody else was faster
                raise _lasting(refusal, name) from refusal
        found = await look(link, name)
    await _mend(link, found, wanted, logger)
    return found


async def _mend(link: Link, found: Found, wanted: Mapping[str, Any], logger: Any) -> None:
    differs = {name: value for name, value in wanted.items() if found.config.get(name, False) != value}
    for name, must in _FIXED.items():
        if name in differs:
            has = found.config.get(name)
            raise ConfigurationError(
                f"The JetStream stream {found.name!r} cannot be used: {must}, but its {name} is {has}."
            )
    if differs.pop("num_replicas", None):
        logger.warning("the stream has another number of replicas", stream=found.name, has=found.config["num_replicas"])
    if not differs:
        return
    try:
        await link.ask(f"STREAM.UPDATE.{found.name}", {**found.config, **differs})
    except Refused as error:
        raise _lasting(error, found.name) from error
    logger.warning("the stream was changed to what the settings say", stream=found.name, **differs)


async def remember(link: Link, found: Found, lineage: Lineage, logger: Any) -> None:
    """Write a log's lineage, and that its server has lost nothing, into its stream's configuration: it is not trimmed.

    Raises:
        BrokerUnavailable: There is no answer.
    """
    written = orjson.dumps(spoken(lineage, found.epoch, link.server)).decode()
    metadata = {**(found.config.get("metadata") or {}), LINEAGE: written}
    try:
        await link.ask(f"STREAM.UPDATE.{found.name}", {**found.config, "metadata": metadata})
    except Refused as error:  # it holds as long as the note in the log does
        logger.warning("the stream's configuration cannot hold its lineage", stream=found.name, error=str(error))


def _lasting(error: Refused, name: str) -> Refused | ConfigurationError:
    """Return what to raise: what the server refuses for good is somebody's to mend."""
    if error.code in _NOT_ENABLED:
        return ConfigurationError("JetStream is not enabled on this NATS; start its server with --jetstream.")
    if error.code == _NO_PEERS and "non-clustered" in str(error):
        return ConfigurationError(
            "This NATS is one server and no cluster: SIGNALS_NATS_REPLICAS (--nats-replicas) may be 1 only."
        )
    if error.code in _TEMPORARY:
        return error
    return ConfigurationError(f"The JetStream stream {name!r} cannot be made or changed: {error}.")
