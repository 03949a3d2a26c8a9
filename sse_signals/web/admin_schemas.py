"""What the bodies of renewals, revocations and drains look like."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, cast

from marshmallow import Schema, ValidationError, post_load
from marshmallow.exceptions import SCHEMA

from sse_signals.errors import InvalidInput
from sse_signals.life.nodes import is_stream_name
from sse_signals.life.revocations import KINDS, Kind
from sse_signals.names import visible
from sse_signals.refs import subject_form
from sse_signals.web import body as bodies
from sse_signals.web.fields import MAX_ERRORS, UNKNOWN, Checked
from sse_signals.web.problems import Problem
from sse_signals.web.schemas import Strict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

MAX_BODY: Final = 8 * 1024  # bytes; a name has at most 255, however they are written
_ONE_OF: Final = "Give exactly one of " + ", ".join(KINDS) + "."


def stream_name(text: str, field: str) -> str:
    """Return the name of a stream, checked.

    Raises:
        InvalidInput: No stream can have it.
    """
    if not is_stream_name(text):
        hint = "Copy it from the stream's receipt, or from the hub's log."
        raise InvalidInput("No stream has such a name.", field=field, hint=hint)
    return text


class NothingSchema(Strict):
    """A body that says nothing: ``{}``."""


class RevocationSchema(Strict):
    """Who is refused: ``{"subject": …}``, ``{"token": …}`` (a token's id) or ``{"stream": …}``."""

    subject = Checked(visible, metadata={"description": "Everything that was issued to this subject until now."})
    token = Checked(visible, metadata={"description": "One token, by its id (`jti`)."})
    stream = Checked(stream_name, metadata={"description": "An open stream, and the token that opened it."})

    @post_load
    def to_pair(self, data: dict[str, str], **_: Any) -> tuple[Kind, str]:
        """Return what kind of name it is, and the name."""
        if len(data) != 1:
            raise ValidationError(_ONE_OF)
        [(kind, name)] = data.items()
        return cast("Kind", kind), subject_form(name) if kind == "subject" else name


class DrainSchema(Strict):
    """Which node shall drain: ``{"node": …}``, by its name or as ``this``."""

    node = Checked(visible, required=True, metadata={"description": "Its name, or `this`: the one that answers."})

    @post_load
    def to_name(self, data: dict[str, str], **_: Any) -> str:
        """Return the name."""
        return data["node"]


async def load(request: web.BaseRequest, schema: Schema, timeout: float) -> Any:  # noqa: ASYNC109 - it is a setting
    """Return what a request's JSON body says. No body at all says the same as ``{}``.

    Args:
        request: The request.
        schema: What may be said.
        timeout: Seconds that the body may take to arrive.

    Raises:
        Problem: 415 for a body that is not called JSON, 400 that names each field at fault, and what
            `sse_signals.web.body.read` raises.
    """
    media_type = bodies.media_type(request)
    content = await bodies.read(request, limit=MAX_BODY, timeout=timeout)
    if content and media_type not in bodies.JSON_TYPES:
        hint = "Add 'Content-Type: application/json' (curl: --json)."
        raise Problem(415, "content-type", "The body is not JSON.", hint=hint)
    try:
        return schema.load(bodies.parse_json(content) if content else {})
    except ValidationError as error:
        found = list(_entries(error.messages_dict, list(schema.fields)))[:MAX_ERRORS]
    except ValueError as error:
        found = [{"field": "", "detail": str(error)}]
    first = found[0]
    detail = f"Field {first['field']}: {first['detail']}" if first["field"] else first["detail"]
    raise Problem(400, "bad-request", detail, hint="Mend what 'errors' names; nothing was done.", errors=found)


def _entries(messages: dict[str, Any], known: list[str]) -> Iterator[dict[str, str]]:
    for name, texts in messages.items():
        field = "" if name == SCHEMA else str(name)[:64]
        for text in texts:
            yield {"field": field, "detail": f"{text} {_instead(field, known)}" if text == UNKNOWN else text}


def _instead(field: str, known: list[str]) -> str:
    near = get_close_matches(field, known, 1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Known are {', '.join(known)}." if known else "There is none at all."
