"""What an operation of the OpenAPI document is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sse_signals.web.documents import problems
from sse_signals.web.documents.parameters import references
from sse_signals.web.documents.rules import JsonSchema, reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sse_signals.web.documents.problems import Statuses

Security = list[dict[str, list[str]]]

JSON: Final = "application/json"
# What every answer has.
HEADERS: Final = ("X-Request-Id", "Cache-Control")

# Whoever asks shows one of these. The empty one is for hubs on which nobody has to authenticate.
NOBODY: Final[Security] = []
BEARER: Final[Security] = [{"bearer": []}]
BEARER_OR_COOKIE: Final[Security] = [{"bearer": []}, {"cookie": []}]
ANY: Final[Security] = [*BEARER_OR_COOKIE, {}]
ANY_OR_TICKET: Final[Security] = [*BEARER_OR_COOKIE, {"ticket": []}, {}]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Attributes:
        path: The path below the prefix.
        name: Its ``operationId``.
        tag: What it belongs to.
        summary: What it does, in a few words.
        says: What it does, whole sentences.
        answers: What it answers when all is well, by status.
        problems: What may be wrong, by status.
        security: What has to be shown.
        parameters: Names of its parameters, among those of `sse_signals.web.documents.parameters`.
        body: What it takes, if anything.
        method: The method; where it is GET, HEAD may be asked as well if `head` is true.
        head: Whether HEAD is answered, too.
    """

    path: str
    name: str
    tag: str
    summary: str
    says: str
    answers: Mapping[int, JsonSchema]
    problems: Statuses
    security: Security
    parameters: Sequence[str] = ()
    body: JsonSchema | None = None
    method: str = "get"
    head: bool = False
    _common: Sequence[str] = field(default=("RequestId",), repr=False)

    def methods(self) -> dict[str, JsonSchema]:
        """Return it as the document shows it, by method."""
        shown: JsonSchema = {
            "operationId": self.name,
            "tags": [self.tag],
            "summary": self.summary,
            "description": self.says,
            "security": self.security,
            "parameters": references(*self.parameters, *self._common),
        }
        if self.body is not None:
            shown["requestBody"] = self.body
        answers = {str(status): answer for status, answer in self.answers.items()}
        shown["responses"] = answers | problems.responses(problems.together(problems.ALWAYS, self.problems), HEADERS)
        return {self.method: shown} | ({"head": _without_bodies(shown)} if self.head else {})


def _without_bodies(shown: JsonSchema) -> JsonSchema:
    """Return the HEAD of a GET."""
    name = shown["operationId"]
    answers = {
        status: {name: part for name, part in answer.items() if name != "content"}
        for status, answer in shown["responses"].items()
    }
    return shown | {
        "operationId": f"{name}Head",
        "summary": f"{shown['summary']}: the headers alone",
        "description": f"What `{name}` answers, without its body.",
        "responses": answers,
    }


def answer(says: str, content: Mapping[str, JsonSchema], *headers: str) -> JsonSchema:
    """Return an answer.

    Args:
        says: When it comes.
        content: What it holds, by media type; see `holds`.
        headers: Names of headers that it has besides those that every answer has.
    """
    named = {name: reference(name, "headers") for name in (*HEADERS, *headers)}
    return {"description": says, "headers": named} | ({"content": dict(content)} if content else {})


def holds(schema: JsonSchema, **examples: Any) -> JsonSchema:
    """Return what a body holds: its schema, and examples by name."""
    shown = {name: {"value": value} for name, value in examples.items()}
    return {"schema": schema} | ({"examples": shown} if shown else {})


def body(says: str, content: Mapping[str, JsonSchema], *, required: bool = True) -> JsonSchema:
    """Return what an operation takes."""
    return {"description": says, "required": required, "content": dict(content)}
