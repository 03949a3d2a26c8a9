"""What a request for a ticket may be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.web.ticketed import JSON, closed_hub  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from tests.authenticated import House


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        (b"[]", "", "not a JSON object"),
        (b'"x"', "", "not a JSON object"),
        (b"{", "", "not valid JSON"),
        (b'{"topics": "a"}', "topics", "not a list"),
        (b'{"topics": null}', "topics", "null"),
        (b'{"topics": []}', "topics", "empty"),
        (b'{"plugins": []}', "plugins", "empty"),
        (b'{"topics": ["a", ""]}', "topics[1]", "empty"),
        (b'{"topics": ["a*b"]}', "topics[0]", "'*'"),
        (b'{"topics": ["a", "b", 1]}', "topics[2]", "not text"),
        (b'{"topics": ["\\u0000*"]}', "topics[0]", "U+0000"),
        (b'{"plugins": ["a:b"]}', "plugins[0]", "':'"),
        (b'{"topic": ["a"]}', "topic", "no such member"),
        (b'{"topics": ["' + b'","'.join(b"%d" % n for n in range(65)) + b'"]}', "topics", "more than 64"),
        (b'{"topics": [' + b",".join([b'""'] * 65) + b"]}", "topics", "more than 64"),
        (b'{"plugins": ["' + b'","'.join(b"%d" % n for n in range(33)) + b'"]}', "topics", "more than 64"),
        (b'{"topics": ["' + b'","'.join(b"%d" % n * 120 for n in range(10, 50)) + b'"]}', "topics", "of 8000"),
        (json.dumps({str(n): 1 for n in range(33)}).encode(), "", "33 members"),
    ],
)
async def test_bodies_that_break_rules_are_refused(hub: House, body: bytes, field: str, says: str) -> None:
    """A request that is not as it may be gets 400, which names the field at fault and what to do."""
    token = hub.tokens.issue("user:default/ann")
    answer = await hub.ask("POST", "tickets", JSON, token=token, body=body)
    assert (answer.status, answer.kind) == (400, "bad-ticket-request")
    (error,) = answer.problem["errors"]
    assert error["field"] == field
    assert says in error["detail"]
    assert says in answer.problem["detail"]


async def test_every_field_at_fault_is_named(hub: House) -> None:
    """All that is wrong is said at once."""
    body = b'{"topics": ["", "a", "b*c"], "plugins": ["*"], "x": 1}'
    answer = await hub.ask("POST", "tickets", JSON, token=hub.tokens.issue("user:default/ann"), body=body)
    assert {error["field"] for error in answer.problem["errors"]} == {"topics[0]", "topics[2]", "plugins[0]", "x"}


async def test_bodies_of_other_kinds_are_refused(hub: House) -> None:
    """A form, a body that is too long, or parameters where none belong, are refused as such."""
    token = hub.tokens.issue("user:default/ann")
    form = await hub.ask("POST", "tickets", "Content-Type: text/plain", token=token, body=b"{}")
    assert (form.status, form.kind) == (415, "content-type")
    long = await hub.ask("POST", "tickets", JSON, token=token, body=b" " * (2**20 + 1))
    assert (long.status, long.kind) == (413, "body-too-large")
    asked = await hub.ask("POST", "tickets?topic=a", token=token)
    assert (asked.status, asked.kind) == (400, "bad-parameter")
    assert "body" in asked.problem["hint"]
