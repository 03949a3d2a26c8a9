"""``GET {prefix}/openapi.json`` and ``asyncapi.json``: the documents as files, which anybody may have."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from sse_signals.web.client_module import Asset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

_TYPE: Final = "application/json"


def written(document: Mapping[str, Any]) -> str:
    """Return a document as a file holds it: with line breaks, since people read it, too."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


class DocumentRequests:
    """The handler of requests for a document, which is made in a thread once somebody asks for it.

    The rooms that make it take a tenth of what a hub takes to start, and few hubs are ever asked.
    """

    def __init__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        """Make it.

        Args:
            make: Returns the document.
        """
        self._make = make
        self._asset: Asset | None = None
        self._making = asyncio.Lock()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer with the document, or that the client has it already."""
        async with self._making:
            asset = self._asset
            if asset is None:
                asset = self._asset = await asyncio.to_thread(self._made)
            return await asset.handle(request)

    def _made(self) -> Asset:
        return Asset(written(self._make()), _TYPE)


def _openapi() -> Mapping[str, Any]:
    from sse_signals.web.documents.openapi import openapi  # noqa: PLC0415 - see DocumentRequests

    return openapi()


def _asyncapi() -> Mapping[str, Any]:
    from sse_signals.web.documents.asyncapi import asyncapi  # noqa: PLC0415 - see DocumentRequests

    return asyncapi()


def documents() -> Mapping[str, DocumentRequests]:
    """Return the handlers of one site by path below its prefix. All say the same, but a lock is of one event loop."""
    return {"openapi.json": DocumentRequests(_openapi), "asyncapi.json": DocumentRequests(_asyncapi)}
