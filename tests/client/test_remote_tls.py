"""Remote clients over TLS: whom they trust, and that leaving does not wait for anybody's farewell."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sse_signals import BrokerUnavailable, SignalsClient
from sse_signals.client import publishing, subscribing
from sse_signals.client.plugin import Plugin
from sse_signals.client.remote_hub import RemoteHub
from tests.client.test_remote_publish import port_of
from tests.faults.proxy import FaultProxy
from tests.web.test_tls import open_door  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from tests.web.test_tls import OpenDoor


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    open_door: OpenDoor,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is sent, and the error says what it is about."""
    monkeypatch.setattr(publishing, "backoff", lambda *_, **__: 1000.0)  # longer than there is time: one try
    async with (
        open_door() as door,
        SignalsClient.for_plugin("a", url=door.url.removesuffix("/stream"), token="secret") as client,
    ):
        with pytest.raises(BrokerUnavailable, match=r"its certificate is not valid .*self-signed") as caught:
            await client.publish(1)
    assert not caught.value.outcome_unknown


async def test_a_trusted_hub_is_used_and_left_at_once(
    open_door: OpenDoor,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Publishing, listening, going on after a cut; in a dead network nobody answers the end of TLS."""
    monkeypatch.setattr(subscribing, "LONGEST", 0.02)
    async with asyncio.timeout(60), open_door() as door, FaultProxy("127.0.0.1", port_of(door.url)) as proxy:
        loop = asyncio.get_running_loop()
        remote = RemoteHub(f"https://127.0.0.1:{proxy.port}", tls=door.client)
        async with (
            SignalsClient(Plugin("a"), event_broker=remote, logger=None, remote=remote) as client,
            client.subscribe() as events,
        ):
            await client.publish(1)
            assert (await anext(events)).message == 1
            proxy.reset()
            await client.publish(2)
            assert (await anext(events)).message == 2
            await proxy.half_open()
            started = loop.time()
        assert loop.time() - started < 5.0
