"""The OpenAPI document is complete, follows from what the hub checks, and is the file that is checked in."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from openapi_spec_validator import validate

import sse_signals
from sse_signals import EventBroker, SignalsService
from sse_signals.errors import InvalidInput
from sse_signals.refs import entity_ref
from sse_signals.topics import event_name, plugin_id, topic
from sse_signals.web.documents.problems import MEANINGS
from sse_signals.web.problems import URN
from sse_signals.web.ticket_body import topic_filter
from tests.pages import ROOT
from tests.web.documents.files import ASYNCAPI, DEPLOY, FILES, OPENAPI, errors, validator
from tests.web.doors import OpenDoor, foreign, own
from tests.web.rawhttp import ask, request

PACKAGE = Path(sse_signals.__file__).parent
# Parts of the package that answer no requests: their problems are those of other servers, and of tests.
ELSEWHERE = {"bench", "client", "commands", "conformance", "doctor", "testing"}
OWN_PORT = "metrics_port.py"  # answers on a port of its own, which is no part of the document
# Which argument of a call names the type of a problem; of these, the one that is called "reason".
NAMED_BY = {
    "Problem": 1,
    **dict.fromkeys(("NotAuthenticated", "NotRecognised", "refused", "unrecognised", "TooMany", "_busy"), 0),
    "unavailable": 0,
}
LIMITS = {"Buckets", "Counts"}
COMPUTED = {"bad-signal", "full"}  # each is one of two texts, of which the code then takes one
OPERATIONS = [
    (path, method, operation) for path, methods in OPENAPI["paths"].items() for method, operation in methods.items()
]


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_what_the_hub_serves(name: str) -> None:
    """What is checked in is what the code says: otherwise run ``python -m tests.web.documents``."""
    assert (DEPLOY / name).read_text(encoding="utf-8") == FILES[name]


def test_it_is_openapi() -> None:
    """It follows the standard, and has one name for each operation."""
    validate(OPENAPI)
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names)) > 20
    tags = {tag["name"] for tag in OPENAPI["tags"]}
    for _, _, operation in OPERATIONS:
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= tags


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("open_door", [own, foreign])
async def test_anybody_may_have_it(open_door: OpenDoor, name: str) -> None:
    """Pages of any origin can read it without a token, HEAD says the same, and nobody gets it twice."""
    async with open_door() as door:
        answer = await ask(door.url, request("GET", f"/signals/{name}", "Origin: https://elsewhere.example"))
        assert (answer.status, answer.body.decode()) == (200, FILES[name])
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        head = await ask(door.url, request("HEAD", f"/signals/{name}"))
        assert (head.status, head.body, head.headers["ETag"]) == (200, b"", answer.headers["ETag"])
        again = await ask(door.url, request("GET", f"/signals/{name}", f"If-None-Match: {answer.headers['ETag']}"))
        assert (again.status, again.body) == (304, b"")


def test_every_route_is_in_it() -> None:
    """It has each path and method of the hub and no other, but for preflights, an old name, and the console's files."""
    app = web.Application()
    SignalsService.create(app, event_broker=EventBroker.from_url("memory://"), prefix="/p")
    routed = {
        (route.resource.canonical.removeprefix("/p"), route.method.lower())
        for route in app.router.routes()
        if route.resource is not None and route.method not in {"*", "OPTIONS"}
    }
    unsaid = re.compile(r"/drains$|/console/|/client/")
    documented = {(path, method) for path, method, _ in OPERATIONS}
    assert {each for each in routed if not unsaid.match(each[0])} == documented


def test_every_problem_is_in_it() -> None:
    """Its types are exactly those in the code, and each is an answer to some request."""
    assert problem_kinds() | COMPUTED == set(MEANINGS)
    said = {
        kind.removeprefix(URN)
        for holder in (*(operation for _, _, operation in OPERATIONS), OPENAPI["components"])
        for answer in holder["responses"].values()
        for content in answer.get("content", {}).values()
        if "allOf" in content["schema"]
        for kind in content["schema"]["properties"]["type"]["enum"]
    }
    assert set(MEANINGS) - said == {"method-not-allowed"}  # which no operation has


def problem_kinds() -> set[str]:
    """Return every type of problem, and every cause and reason that becomes one, as the code names them."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        within = path.relative_to(PACKAGE)
        if within.parts[0] not in ELSEWHERE and within.name != OWN_PORT:
            tree = ast.parse(path.read_text())
            names = {
                statement.target.id: statement.value
                for statement in tree.body
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
            }
            found |= {kind for node in ast.walk(tree) if (kind := _kind_in(node, names)) is not None}
    return found


def _kind_in(node: ast.AST, names: dict[str, ast.expr | None]) -> str | None:
    """Return what a call names as the type of a problem, as a text or as a constant of its module."""
    if not isinstance(node, ast.Call):
        return None
    called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    shown: ast.expr | None = None
    if called in NAMED_BY and len(node.args) > NAMED_BY[called]:
        shown = node.args[NAMED_BY[called]]
    elif called in LIMITS:
        shown = next((keyword.value for keyword in node.keywords if keyword.arg == "reason"), None)
    if isinstance(shown, ast.Name):
        shown = names.get(shown.id)
    return shown.value if isinstance(shown, ast.Constant) and isinstance(shown.value, str) else None


def test_every_link_leads_somewhere() -> None:
    """Each page and heading that a description names is there."""
    links = {link for text in FILES.values() for link in re.findall(r"\(([\w/]+\.md)#([\w-]+)\)", text)}
    assert len(links) > 5
    for page, anchor in links:
        headings = re.findall(r"^#+ +(.*)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def examples(value: Any) -> list[tuple[dict[str, Any], Any]]:
    """Return all examples that stand beside a schema, with it."""
    if isinstance(value, list):
        return [found for each in value for found in examples(each)]
    if not isinstance(value, dict):
        return []
    found = [found for each in value.values() for found in examples(each)]
    if "schema" in value and isinstance(value.get("examples"), dict):
        found += [(value["schema"], example["value"]) for example in value["examples"].values()]
    return found + ([(value["schema"], value["example"])] if "schema" in value and "example" in value else [])


def test_every_example_is_one() -> None:
    """Each example is as the schema beside it says."""
    found = examples(OPENAPI)
    components = OPENAPI["components"]["schemas"]
    found += [(schema, each) for schema in components.values() for each in schema.get("examples", ())]
    assert len(found) > 20
    for schema, value in found:
        assert errors(schema, value) == []


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("Topic", topic),
        ("PluginId", plugin_id),
        ("EventName", event_name),
        ("EntityRef", entity_ref),
        ("TopicFilter", topic_filter),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a:b", "a/b", "a*", "*", "a*b", "a**", "open", "error", "opened", "message", "signals", "signals."),
        *("signals.x", "signalsx", "group:default/a", "group:a", "a:b:c", "a:b/c/d", "a: b", "g:/a", ":a"),
        *("x" * 255, "x" * 256, "x" * 254 + "*", "x" * 255 + "*", "x" * 256 + "*"),
        *("group:" + "x" * 241, "group:" + "x" * 242, "group:default/" + "x" * 241, "group:default/" + "x" * 242),
    ],
)
def test_schemas_of_texts_say_what_is_checked(name: str, check: Any, text: str) -> None:
    """A text of ASCII is as its schema says if and only if the function takes it that checks it in a request."""
    try:
        check(text)
    except InvalidInput:
        taken = False
    else:
        taken = True
    assert validator(name).is_valid(text) == taken


def test_both_documents_say_the_same_of_events() -> None:
    """What OpenAPI and AsyncAPI say of the same thing is one text."""
    ours, theirs = (document["components"]["schemas"] for document in (OPENAPI, ASYNCAPI))
    assert theirs.items() <= ours.items()
