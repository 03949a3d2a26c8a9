"""The operations that answer with a file which is the same for everybody."""

from __future__ import annotations

from typing import Final

from sse_signals.web.documents.operations import JSON, NOBODY, Operation, answer, holds

_TEXT: Final = {"type": "string"}
_OBJECT: Final = {"type": "object"}
_MODULE: Final = """\
An ES module for pages that may not miss a signal. Pages of any origin may import it. See *The browser module* \
(deploy/CLIENTS.md#the-browser-module)."""
_CONSOLE: Final = """\
A page to watch and send. Its own files are below `console/` and `client/`. See *See what goes on* \
(README.md#see-what-goes-on)."""
# Path, name, media type, schema, what it is, and what it is for.
_FILES: Final = (
    ("openapi.json", "openapi", JSON, _OBJECT, "This document", "What the hub answers to which request: OpenAPI 3.1."),
    ("asyncapi.json", "asyncapi", JSON, _OBJECT, "The events", "What comes on a stream: AsyncAPI 3.0."),
    ("client.js", "browserModule", "text/javascript", _TEXT, "The browser module", _MODULE),
    ("client.d.ts", "browserModuleTypes", "application/typescript", _TEXT, "Its types", "For TypeScript."),
    ("console", "console", "text/html", _TEXT, "The console", _CONSOLE),
)

OPERATIONS: Final = tuple(
    Operation(
        path=f"/{path}",
        name=name,
        tag="files",
        summary=summary,
        says=says,
        parameters=("IfNoneMatch",),
        answers={
            200: answer("The file.", {media_type: holds(schema)}, "ETag"),
            304: answer("The client has it already.", {}, "ETag"),
        },
        problems={},
        security=NOBODY,
        head=True,
    )
    for path, name, media_type, schema, summary, says in _FILES
)
