"""The OpenAPI document: what the hub answers to which request."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from sse_signals.web.admin_schemas import DrainSchema, NothingSchema, RevocationSchema
from sse_signals.web.documents import events, files, listening, operating, publishing
from sse_signals.web.documents.about import LICENSE, TITLE, release
from sse_signals.web.documents.answers import SCHEMAS
from sse_signals.web.documents.parameters import HEADERS, PARAMETERS
from sse_signals.web.documents.problems import PROBLEM
from sse_signals.web.documents.rules import BATCH, ENTITY_REF, REFS, TEXTS, JsonSchema, described, of_field, reference
from sse_signals.web.schemas import SNAKE_TARGETS, TARGETS, BackstageSchema, RecipientsSchema, SignalSchema
from sse_signals.web.ticket_body import TicketSchema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marshmallow import Schema
    from marshmallow.fields import Field

VERSION: Final = "3.1.0"
_SAYS: Final = """\
Back ends publish small JSON *signals*, and every browser, terminal or service that should see one sees it: at once, \
in order, over Server-Sent Events.

- **Publish** with `POST /publish`, **listen** with `GET /stream`. `asyncapi.json` says what comes on a stream.
- Every error is a problem document (RFC 9457): `type` is for programs, `detail` and `hint` are for people.
- Every answer has an `X-Request-Id`, which the hub's log has, too.
- Another method is a 405 with `Allow`, another path a 404, both as problem documents.
- Pages: a request with an `Origin` that is neither the hub's own nor one of `SIGNALS_CORS_ORIGINS` is refused, \
whatever it shows. Every path answers `OPTIONS` for the browsers' preflights.
- Nobody has to authenticate unless the hub is set so; what the security schemes say then does not matter.
- Members, headers and control events may be added: ignore what you do not know."""
_TAGS: Final = (
    {"name": "publish", "description": "For back ends: send signals."},
    {"name": "listen", "description": "For browsers, terminals and services: get signals."},
    {"name": "operate", "description": "For whoever runs a hub."},
    {"name": "files", "description": "Documents, the browser module, and the console. Anybody may have them."},
)
SECURITY_SCHEMES: Final[Mapping[str, JsonSchema]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A JWT, a Backstage token or an API key, whatever the hub is set to take.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "signals_token",
        "description": "A token in the cookie that `SIGNALS_COOKIE` names (this one is an example); only from pages of "
        "the hub's own or an allow-listed origin.",
    },
    "ticket": {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "A one-time ticket of `POST /tickets`. The answer sets a cookie, with which an `EventSource` "
        "comes back by itself.",
    },
}
_BODIES: Final[Mapping[str, Schema]] = {
    "Signal": SignalSchema(),
    "BatchedSignal": SignalSchema(exclude=("key",)),
    "Recipients": RecipientsSchema(),
    "BackstageSignal": BackstageSchema(),
    "TicketRequest": TicketSchema(),
    "Nothing": NothingSchema(),
    "Revocation": RevocationSchema(),
    "DrainRequest": DrainSchema(),
}
# What a schema checks among several members, which its fields cannot say.
_AMONG_MEMBERS: Final[Mapping[str, JsonSchema]] = {
    "Signal": {"not": {"required": [TARGETS, SNAKE_TARGETS]}},
    "BatchedSignal": {"not": {"required": [TARGETS, SNAKE_TARGETS]}},
    "Recipients": {
        "if": {"properties": {"type": {"const": "user"}}},
        "then": {"required": ["entityRef"]},
        "else": {"not": {"required": ["entityRef"]}},
    },
    "Revocation": {"minProperties": 1, "maxProperties": 1},
}
# Members that stand in no field: they are read before the fields are, or after.
_OTHER_MEMBERS: Final[Mapping[str, Mapping[str, JsonSchema]]] = {
    "Signal": {SNAKE_TARGETS: described(REFS, f"Another way to write `{TARGETS}`.")},
    "BatchedSignal": {SNAKE_TARGETS: described(REFS, f"Another way to write `{TARGETS}`.")},
    "Recipients": {"entityRef": {"anyOf": [ENTITY_REF, REFS], "description": "Who gets it; for the type `user`."}},
}
_BATCH: Final = {
    **BATCH,
    "items": {"anyOf": [reference("BatchedSignal"), reference("BackstageSignal")]},
    "description": "Signals that are published together or not at all.",
}


def openapi() -> dict[str, Any]:
    """Return the document. Its server is relative to where it stands, so it is right below any prefix and proxy."""
    plugin = MarshmallowPlugin()
    spec = APISpec(
        title=TITLE,
        version=release(),
        openapi_version=VERSION,
        plugins=[plugin],
        info={
            "summary": "A Server-Sent Events hub: publish small JSON signals.",
            "description": _SAYS,
            "license": LICENSE,
        },
        servers=[{"url": ".", "description": "The hub that this document is of."}],
        tags=list(_TAGS),
    )
    converter: Any = plugin.converter  # it has one since it is a plugin of something
    converter.add_attribute_function(_attributes)
    for name, schema in _BODIES.items():
        spec.components.schema(name, _AMONG_MEMBERS.get(name), schema=schema)
    document: dict[str, Any] = spec.to_dict()
    for operation in (*publishing.OPERATIONS, *listening.OPERATIONS, *operating.OPERATIONS, *files.OPERATIONS):
        document["paths"].setdefault(operation.path, {}).update(operation.methods())
    schemas = document["components"]["schemas"]
    for name, members in _OTHER_MEMBERS.items():
        schemas[name]["properties"] |= members
    schemas |= {"Batch": _BATCH, "Problem": PROBLEM, **TEXTS, **SCHEMAS, **events.schemas()}
    document["components"] |= {
        "parameters": PARAMETERS,
        "responses": _shared(document["paths"]),
        "headers": HEADERS,
        "securitySchemes": dict(SECURITY_SCHEMES),
    }
    return document


def _shared(paths: Mapping[str, Mapping[str, JsonSchema]]) -> dict[str, JsonSchema]:
    """Return for each status the problem that most operations have, by a name, which then stands there instead."""
    places: dict[str, list[tuple[JsonSchema, str]]] = {}
    for operation in (operation for methods in paths.values() for operation in methods.values()):
        for status, answer in operation["responses"].items():
            if int(status) >= HTTPStatus.BAD_REQUEST:
                places.setdefault(json.dumps(answer), []).append((operation["responses"], status))
    made: dict[str, JsonSchema] = {}
    for text, found in sorted(places.items(), key=lambda item: -len(item[1])):
        answer = json.loads(text)
        name = HTTPStatus(int(found[0][1])).phrase.replace(" ", "") + ("" if "content" in answer else "ToHead")
        if len(found) > 1 and made.setdefault(name, answer) == answer:
            for answers, status in found:
                answers[status] = reference(name, "responses")
    return made


def _attributes(_converter: Any, field: Field[Any], **_: Any) -> JsonSchema:
    return of_field(field)
