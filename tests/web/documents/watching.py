"""A look at every answer that a test of the web gets: is it as the OpenAPI document says?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.web.documents.files import OPENAPI, wrong

if TYPE_CHECKING:
    from tests.web.rawhttp import Answer

# Of hubs with the usual prefix.
PATHS = [(re.compile("/signals" + re.sub(r"{\w+}", "[^/]+", path)), path) for path in OPENAPI["paths"]]
JSON = {"application/json", "application/problem+json"}


def documented(data: bytes, answer: Answer) -> None:
    """Fail if a request to a documented path was answered in a way that is not documented."""
    method, _, rest = data.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    target = rest.partition(" ")[0].partition("?")[0]
    path = next((path for pattern, path in PATHS if pattern.fullmatch(target)), None)
    operation = {} if path is None else OPENAPI["paths"][path].get(method.lower(), {})
    if path is None or not operation:
        return
    assert str(answer.status) in operation["responses"], f"{method} {path}: status {answer.status}"
    media_type = answer.headers.get("Content-Type", "").partition(";")[0]
    if media_type in JSON and answer.body and not path.endswith("api.json"):
        found = wrong(method, path, answer.status, answer.headers, answer.body)
        assert found == [], f"{method} {path}: {found}"
