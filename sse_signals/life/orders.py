"""What nodes tell each other through control records of the log."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from sse_signals.life import passport
from sse_signals.life.revocations import Revocation

if TYPE_CHECKING:
    from sse_signals.identity import Identity

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Revoke:
    """Refuse somebody from now on."""

    revocation: Revocation


@dataclass(frozen=True, slots=True)
class Renew:
    """Let a stream go on with a fresh identity."""

    stream: str
    identity: Identity


@dataclass(frozen=True, slots=True)
class Drain:
    """End the streams of a node, and take no more there."""

    node: str


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody looks: tell the other nodes of the streams that are open."""


Order = Revoke | Renew | Drain | Look


def encode(order: Order) -> bytes:
    """Return an order as the text of a control record."""
    said: dict[str, Any]
    match order:
        case Revoke(revocation):
            said = {"do": "revoke", "kind": revocation.kind, "name": revocation.name, "at": revocation.at_ms}
        case Renew(stream, identity):
            said = {"do": "renew", "stream": stream, "identity": passport.to_json(identity)}
        case Drain(node):
            said = {"do": "drain", "node": node}
        case _:
            said = {"do": "look"}
    return orjson.dumps({"v": VERSION, **said})


def decode(text: bytes) -> Order | None:
    """Read what `encode` has written; None for what a newer version says, which this one does not understand.

    Raises:
        ValueError: It is no order at all, or a broken one.
    """
    try:
        said = orjson.loads(text)
        if said["v"] != VERSION:
            return None
        match said["do"]:
            case "revoke":
                return Revoke(Revocation.of(said))
            case "renew":
                return Renew(said["stream"], passport.from_json(said["identity"]))
            case "drain":
                return Drain(said["node"])
            case "look":
                return Look()
            case _:
                return None
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is no order: {error!r}") from None


def is_look(text: bytes) -> bool:
    """Say whether the text of a control record is the order to look out; what is no order is for others to tell."""
    with suppress(ValueError):
        return decode(text) == Look()
    return False
