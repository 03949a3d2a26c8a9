"""Reading a hub's description: a TOML file, every key of which is known and of its kind."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from sse_signals.conformance import adapter_values as kinds
from sse_signals.conformance.adapter import TEXT, Adapter, Drain, Events, Publish, Subscribe
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    Kind = Callable[[Any], Any]

# Whether a hub tells what is missing is the one thing that its listeners cannot find out by themselves.
_STRICT: Final = "gap"
_TOP: Final[Mapping[str, Kind]] = {
    "name": kinds.text,
    "topics": kinds.text,
    "origin": kinds.origin,
    "history": kinds.count,
    "not_offered": kinds.texts,
    "subscribe": kinds.table,
    "publish": kinds.table,
    "events": kinds.table,
    "drain": kinds.table,
}
_SUBSCRIBE: Final[Mapping[str, Kind]] = {
    "path": kinds.path,
    "more": kinds.more,
    "headers": kinds.headers,
    "resume_header": kinds.flag,
    "resume_query": kinds.name,
}
_WAY: Final[Mapping[str, Kind]] = {
    "path": kinds.path,
    "method": kinds.method,
    "content": kinds.content,
    "body": kinds.body,
    "headers": kinds.headers,
    "accepted": kinds.statuses,
    "id": kinds.place_of_id,
}
_PUBLISH: Final[Mapping[str, Kind]] = {**_WAY, "text": kinds.table, "named": kinds.table}
_EVENTS: Final[Mapping[str, Kind]] = {
    "message": kinds.pointer,
    "topic": kinds.pointer,
    "receipt": kinds.name,
    "heartbeat": kinds.name,
    "gap": kinds.name,
    "goodbye": kinds.name,
    "others": kinds.texts,
    "silence": kinds.seconds,
    "silence_in_receipt": kinds.pointer,
}
_DRAIN: Final[Mapping[str, Kind]] = {
    "path": kinds.path,
    "method": kinds.method,
    "body": kinds.body,
    "within": kinds.seconds,
    "lasts": kinds.flag,
}


class AdapterFile:
    """One description, and what it is called in errors."""

    def __init__(self, where: str, cases: Collection[str]) -> None:
        """Begin.

        Args:
            where: What it is called in errors: the path of its file.
            cases: The names of all groups and cases there are.
        """
        self._where = where
        self._cases = cases

    def parse(self, text: str) -> Adapter:
        """Read the description.

        Args:
            text: TOML.

        Raises:
            ConfigurationError: It is no TOML, or a key is unknown, missing or of another kind; the text says which.
        """
        try:
            raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{self._where} is no TOML: {error}.") from None
        given = self._table("", raw, _TOP)
        for key in ("name", "subscribe", "publish"):
            self._require(key in given, f"{key} is missing; every description has name, [subscribe] and [publish]")
        given["subscribe"] = self._subscribe(given["subscribe"])
        given |= self._ways(given["publish"])
        if "events" in given:
            given["events"] = Events(**self._table("events", given["events"], _EVENTS))
        if "drain" in given:
            given["drain"] = Drain(**self._table("drain", given["drain"], _DRAIN))
        given["not_offered"] = self._not_offered(given.get("not_offered", ()))
        adapter = Adapter(**given)
        told = adapter.events.receipt or not adapter.events.silence_in_receipt
        self._require(told, "events.silence_in_receipt needs events.receipt")
        both = "{run}" in adapter.topics and "{name}" in adapter.topics
        self._require(both, "topics needs both {run} and {name} in it")
        return adapter

    def _subscribe(self, raw: Mapping[str, Any]) -> Subscribe:
        given = self._table("subscribe", raw, _SUBSCRIBE)
        self._require("{topic}" in given.get("path", ""), "subscribe.path needs {topic} in it")
        self._require(not given.get("more") or "{topic}" in given["more"], "subscribe.more needs {topic} in it")
        return Subscribe(**given)

    def _ways(self, raw: Mapping[str, Any]) -> dict[str, Publish]:
        """Return the ways to publish; what the second and third do not say is as the first has it."""
        given = self._table("publish", raw, _PUBLISH)
        text, named = given.pop("text", None), given.pop("named", None)
        ways = {"publish": self._way("publish", given)}
        if text is not None:
            kept = {key: value for key, value in given.items() if key not in {"body", "content"}}
            ways["text"] = self._way("publish.text", {**kept, **self._table("publish.text", text, _WAY)})
            self._require(ways["text"].content == TEXT, "publish.text is for content = 'text' only")
        if named is not None:
            way = self._way("publish.named", {**given, **self._table("publish.named", named, _WAY)})
            self._require(_holds(way, "{event}"), "publish.named needs {event} in path, body or headers")
            ways["named"] = way
        return ways

    def _way(self, place: str, given: Mapping[str, Any]) -> Publish:
        self._require("path" in given, f"{place}.path is missing")
        way = Publish(**given)
        self._require("{message}" in way.body, f"{place}.body needs {{message}} in it")
        self._require(way.content != TEXT or way.body == "{message}", f"{place}.body needs content = 'json' or 'form'")
        self._require(_holds(way, "{topic}"), f"{place} needs {{topic}} in path, body or headers")
        return way

    def _not_offered(self, names: Collection[str]) -> frozenset[str]:
        for name in names:
            near = get_close_matches(name, self._cases, 1)
            mend = f"did you mean {near[0]}?" if near else "--list shows them"
            self._require(name in self._cases, f"not_offered names {name!r}, which is no group or case: {mend}")
            strict = name.partition(".")[0] == _STRICT
            self._require(not strict, f"not_offered names {name!r}, but whether a gap is told is always tried")
        return frozenset(names)

    def _table(self, place: str, raw: Mapping[str, Any], known: Mapping[str, Kind]) -> dict[str, Any]:
        """Return the values of a table, checked."""
        values = {}
        for key, value in raw.items():
            named = f"{place}.{key}" if place else key
            near = get_close_matches(key, known, 1)
            mend = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            self._require(key in known, f"{named} is no key of a description: {mend}")
            try:
                values[key] = known[key](value)
            except ValueError as error:
                raise ConfigurationError(f"{self._where}: {named} is {value!r}: it may be {error}.") from None
        return values

    def _require(self, condition: object, sentence: str) -> None:
        if not condition:
            raise ConfigurationError(
                f"{self._where}: {sentence.removesuffix('?')}{'?' if sentence[-1] == '?' else '.'}"
            )


def _holds(way: Publish, placeholder: str) -> bool:
    return any(placeholder in text for text in (way.path, way.body, *(value for _, value in way.headers)))
