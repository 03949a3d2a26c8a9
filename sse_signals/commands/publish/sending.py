"""Publishing to a hub from a program without an event loop; importing this takes long."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sse_signals.client.remote_hub import RemoteHub
from sse_signals.commands.hub_options import any_certificate
from sse_signals.commands.notes import Notes
from sse_signals.errors import BrokerUnavailable
from sse_signals.model import IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sse_signals.client.publishing import Accepted
    from sse_signals.model import Signal


def hub(*, url: str, token: Any, no_verify: bool, timeout: float) -> RemoteHub:
    """Return the hub that the options of a command mean.

    Raises:
        ConfigurationError: There is no such hub.
    """
    tls = any_certificate() if no_verify else None
    return RemoteHub(url, token=token, timeout=timeout, logger=Notes(url), tls=tls)


def send(to: RemoteHub, signal: Signal, key: str | None) -> Accepted:
    """Publish a signal.

    Raises:
        SignalsError: It is not published, or nobody knows; then there is a note that says what to do about it.
    """
    text = key or secrets.token_urlsafe(16)

    async def publish() -> Accepted:
        try:
            return await to.publish([signal], key=IdempotencyKey.of("", text, [signal]))
        except BrokerUnavailable as error:
            if error.outcome_unknown:
                error.add_note(f"The signal may be in the log all the same; with --key {text} a repeat is safe.")
            raise
        finally:
            await to.close()

    return asyncio.run(publish())


@contextmanager
def sender(to: RemoteHub) -> Iterator[Callable[[Sequence[Signal]], Sequence[str]]]:
    """Give what publishes signals in one request and returns their ids, as often as it is called."""
    with asyncio.Runner() as runner:
        try:
            yield lambda signals: runner.run(to.publish(signals)).ids
        finally:
            runner.run(to.close())
