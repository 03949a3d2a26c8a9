"""Bodies of requests for tickets: which topics a ticket shall be for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from marshmallow import ValidationError, fields
from marshmallow.exceptions import SCHEMA

from sse_signals import topics
from sse_signals.errors import InvalidInput
from sse_signals.topics import MAX_FILTERS, Filters, plugin_id
from sse_signals.web import body as bodies
from sse_signals.web.problems import Problem
from sse_signals.web.schemas import Strict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MAX_URL: Final = 8000  # characters; the first line of a request may have 8190 with what stands around it
HINT: Final = 'Send nothing, or {"topics": ["orders/*"], "plugins": ["catalog"]}; either of them may be left out.'
_MAX_MEMBERS: Final = 32  # there are two that mean something, and a body has room for very many


@dataclass(frozen=True, slots=True)
class TicketStream:
    """The stream that a ticket shall open.

    Attributes:
        filters: What it asks for; None leaves that to who opens it.
        query: The parameters that say so.
        path: Its path.
    """

    filters: Filters | None
    query: Sequence[tuple[str, str]]
    path: str

    def url(self, ticket: str) -> str:
        """Return its URL, relative to the host."""
        return f"{self.path}?{urlencode([('ticket', ticket), *self.query], quote_via=quote, safe='/:*')}"


def wanted(content: bytes, path: str) -> TicketStream:
    """Return what a request for a ticket asks for.

    Args:
        content: Its body; empty, or JSON.
        path: The stream's path.

    Raises:
        Problem: 400, with every field at fault.
    """
    try:
        members = _SCHEMA.load(_value(content))
        asked, plugins = members.get("topics", []), members.get("plugins", [])
        texts = [*asked, *(text for plugin in plugins for text in topics.plugin_filters(plugin))]
        query = [*(("topic", text) for text in asked), *(("plugin", plugin) for plugin in plugins)]
        stream = TicketStream(_filters(texts) if texts else None, query, path)
    except ValidationError as error:
        raise _refused(list(_flatten(error.messages))) from None
    length = len(stream.url("x" * 43))
    if length > MAX_URL:
        raise _refused([{"field": "topics", "detail": f"The URL would have {length} characters, of {MAX_URL}."}])
    return stream


class Texts(fields.Field[list[str]]):
    """Texts that a function of this package checks and brings into its one form, each once.

    Attributes:
        check: That function.
    """

    def __init__(self, check: Callable[[str], str], **arguments: Any) -> None:
        super().__init__(error_messages={"null": "It is null. Leave it out instead."}, **arguments)
        self.check = check

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[str]:
        if not isinstance(value, list):
            raise ValidationError('It is not a list. Write ["a"].')
        if not value:
            raise ValidationError("It is empty. Leave it out.")
        if len(value) > MAX_FILTERS:
            raise ValidationError(f"There are more than {MAX_FILTERS}. Use a prefix such as 'orders/*'.")
        texts: dict[str, None] = {}
        refused: dict[int | str, Any] = {}
        for index, text in enumerate(value):
            if not isinstance(text, str):
                refused[index] = ["It is not text."]
                continue
            try:
                texts[self.check(text)] = None
            except InvalidInput as error:
                refused[index] = [f"{error.detail} {error.hint}"]
        if refused:
            raise ValidationError(refused)
        return list(texts)


def topic_filter(text: str) -> str:
    """Return a topic filter in its one form.

    Raises:
        InvalidInput: It breaks the rules.
    """
    prefix = text[:-1] if text.endswith("*") else None
    if prefix is None:
        return topics.topic(text)
    return topics.topic(prefix) + "*" if prefix else text


class TicketSchema(Strict):
    """What a ticket shall be for: ``{"topics"?, "plugins"?}``."""

    topics = Texts(topic_filter, metadata={"description": "Topics, or prefixes that end in `*`."})
    plugins = Texts(plugin_id, metadata={"description": "Plugins: each counts as two topic filters."})


_SCHEMA: Final = TicketSchema()


def _value(content: bytes) -> Any:
    if not content:
        return {}
    try:
        value = bodies.parse_json(content)
    except ValueError as error:
        raise ValidationError(str(error)) from None
    if isinstance(value, dict) and len(value) > _MAX_MEMBERS:
        raise ValidationError(f"It has {len(value)} members.")
    return value


def _filters(texts: list[str]) -> Filters:
    try:
        return Filters.parse(texts)
    except InvalidInput as error:
        raise ValidationError({"topics": [f"{error.detail} {error.hint}"]}) from None


def _refused(errors: Sequence[Mapping[str, Any]]) -> Problem:
    first = errors[0]
    detail = f"Field {first['field']}: {first['detail']}" if first["field"] else first["detail"]
    return Problem(400, "bad-ticket-request", detail, hint=HINT, errors=errors)


def _flatten(messages: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Yield one entry for each message in marshmallow's nested dictionaries."""
    if not isinstance(messages, dict):
        yield from ({"field": path, "detail": message} for message in messages)
        return
    for name, inner in messages.items():
        step = f"[{name}]" if isinstance(name, int) else "" if name == SCHEMA else str(name)[:64]
        yield from _flatten(inner, path + step)
