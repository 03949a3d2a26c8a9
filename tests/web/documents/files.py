"""The documents as files, and what tests ask of them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator

from sse_signals.web.documents.asyncapi import asyncapi
from sse_signals.web.documents.openapi import openapi
from sse_signals.web.documents.served import written

DEPLOY = Path(__file__).parents[3] / "deploy"
FILES = {"openapi.json": written(openapi()), "asyncapi.json": written(asyncapi())}
OPENAPI: dict[str, Any] = json.loads(FILES["openapi.json"])
ASYNCAPI: dict[str, Any] = json.loads(FILES["asyncapi.json"])


@cache
def validator(name: str) -> Draft202012Validator:
    """Return what says whether a value is as a component of the OpenAPI document says."""
    return _validator({"$ref": f"#/components/schemas/{name}"})


def errors(schema: dict[str, Any], value: Any) -> list[str]:
    """Return why a value is not as a schema in the OpenAPI document says; nothing if it is."""
    return [error.message for error in _validator(schema).iter_errors(value)]


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    # With the components beside it its references lead somewhere.
    return Draft202012Validator({**schema, "components": OPENAPI["components"]}, validate_formats=True)


def answer_of(method: str, path: str, status: int) -> dict[str, Any]:
    """Return what the OpenAPI document says of an answer.

    Raises:
        KeyError: It says nothing of it.
    """
    answer: dict[str, Any] = OPENAPI["paths"][path][method.lower()]["responses"][str(status)]
    if "$ref" in answer:
        answer = OPENAPI["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return answer


def wrong(method: str, path: str, status: int, headers: Any, body: bytes) -> list[str]:
    """Return what is not as documented in an answer of JSON: what is missing, and what nobody spoke of."""
    answer = answer_of(method, path, status)
    missing = [name for name in answer["headers"] if _required(name) and name not in headers]
    schema = answer["content"][headers["Content-Type"].partition(";")[0]]["schema"]
    return [f"no {name}" for name in missing] + errors(
        {"allOf": [schema], "unevaluatedProperties": False}, json.loads(body)
    )


def _required(name: str) -> bool:
    return bool(OPENAPI["components"]["headers"][name]["required"])
