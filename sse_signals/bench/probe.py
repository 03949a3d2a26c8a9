"""Finds a hub at a URL, and says in one sentence what is wrong if there is none."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Final

from sse_signals.bench.answers import code
from sse_signals.bench.connections import Connector
from sse_signals.bench.opening import Opening
from sse_signals.bench.readers import Wanted
from sse_signals.bench.target import Target
from sse_signals.errors import LoadFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "/signals"  # that a hub's routes begin with, unless it is told otherwise
PATIENCE: Final = 10.0  # seconds without a sign of the hub
_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404
_TLS: Final = b"\x15\x03"  # how an alert begins


def find(
    url: str, topic: str, *, headers: Mapping[str, str] | None = None, verify: bool = True, patience: float = PATIENCE
) -> tuple[str, Target]:
    """Open one stream of a hub, and close it again.

    Args:
        url: Where the hub is; its usual prefix may be left out.
        topic: What streams shall listen to.
        headers: What every request carries besides.
        verify: Whether its certificate has to be valid.
        patience: Seconds to wait for anything to come.

    Returns:
        The URL that has proved right, without a slash at its end, and what the load is to be sent to.

    Raises:
        ConfigurationError: The URL is none.
        LoadFailed: There is no hub, or it refuses streams; one sentence says why and what may mend it.
    """
    url = url.rstrip("/")
    target = Target.hub(url, topic, headers=headers, verify=verify)
    status, reason = _open(target, patience)
    if reason is None:
        return url, target
    if status == _NOT_FOUND and not url.endswith(PREFIX):
        prefixed = Target.hub(url + PREFIX, topic, headers=headers, verify=verify)
        status, reason = _open(prefixed, patience)
        if reason is None:
            return url + PREFIX, prefixed
        if status == _NOT_FOUND:
            raise LoadFailed(
                f"There is no hub at {url} or {url}{PREFIX}: the URL has to end with the prefix of the hub's routes.",
                status=status,
            )
    elif status == _NOT_FOUND:
        reason = f"There is no hub at {url}: the URL has to end with the prefix of the hub's routes."
    raise LoadFailed(reason, status=status)


def _open(target: Target, patience: float) -> tuple[int | None, str | None]:
    """Return the status that came on a new stream, and why it is of no use, if it is not."""
    with select.epoll() as epoll:
        opening = Opening(Connector(target.address), epoll, Wanted("probe", target.stream), target.ready)
        try:
            while not opening.go_on():
                head, complete, _ = opening.received.partition(b"\r\n\r\n")
                if complete and b"text/event-stream" not in head.lower():
                    return code(head), f"What is at {target.address.netloc} is no hub: its answer is no event stream."
                if not epoll.poll(patience):
                    return code(head), f"Nothing has come from {target.address.netloc} for {patience:g} s."
        except LoadFailed as error:
            return code(opening.received), _mended(str(error), opening.received, tls=target.address.tls)
        finally:
            opening.close()
    return code(opening.received), None


def _mended(sentence: str, received: bytes, *, tls: bool) -> str:
    """Add to a refusal what the command can do about it."""
    if code(received) == _UNAUTHORIZED:
        return f"{sentence.removesuffix('.')}; --token, or SIGNALS_TOKEN, gives a token."
    if sentence.startswith("The certificate"):
        return f"{sentence.removesuffix('.')}; --no-verify takes any."
    if not tls and (sentence.endswith(("without an answer.", "reset by peer.")) or received.startswith(_TLS)):
        return f"{sentence.removesuffix('.')}: may it be https://?"
    return sentence
