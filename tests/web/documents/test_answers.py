"""Answers that schemathesis does not bring about are as the OpenAPI document says, too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from multidict import CIMultiDict

from sse_signals.web.limits import Limits
from tests.authenticated import ADMIN, NO_GRANTS, PUBLISHER, bearing, house, signal
from tests.web.documents.files import wrong
from tests.web.documents.watching import documented
from tests.web.rawhttp import Answer, ask, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals.server import Running
    from tests.authenticated import House

JSON = "Content-Type: application/json"
KEY = "Idempotency-Key: k"
LIMITS = Limits(message=100, body=2_000, body_timeout=0.5, publish_rate=0.001, publish_burst=4, streams_per_identity=1)
ORDER = json.dumps(signal("m")).encode()


@pytest.fixture
async def home() -> AsyncIterator[House]:
    """A hub with authentication that has little patience."""
    async with house(limits=LIMITS) as home:
        yield home


def as_documented(answer: Answer, method: str, path: str, status: int, kind: str | None = None) -> Any:
    """Check an answer against the document, and return its JSON."""
    assert answer.status == status, answer
    assert wrong(method, path, status, answer.headers, answer.body) == []
    if kind is not None:
        assert answer.kind == kind
    return answer.json


@pytest.mark.parametrize(
    ("headers", "body", "status", "kind"),
    [
        ([JSON], b"x" * 2_001, 413, "body-too-large"),
        ([JSON], json.dumps(signal("x" * 101)).encode(), 413, "message-too-large"),
        ([JSON, "Content-Length: 9"], b"{", 408, "slow-body"),
        ([JSON, "Content-Encoding: gzip"], ORDER, 415, "content-encoding"),
        (["Content-Type: application/json; charset=latin1"], ORDER, 415, "charset"),
        (["Content-Type: image/png"], ORDER, 415, "content-type"),
        ([JSON, "Expect: a miracle"], ORDER, 417, "expectation"),
        ([JSON, "Upgrade: websocket"], ORDER, 400, "no-upgrade"),
        ([JSON, "Origin: https://elsewhere.example"], ORDER, 403, "origin-not-allowed"),
        ([JSON], b"[]", 400, "bad-batch"),
        ([JSON, KEY, KEY], ORDER, 400, "bad-parameter"),
    ],
)
async def test_a_publish_that_is_refused(home: House, headers: list[str], body: bytes, status: int, kind: str) -> None:
    """Each refusal has its status, its type, its headers, and no member that the document does not name."""
    token = home.tokens.issue("user:default/jane", grants=PUBLISHER)
    sent = request("POST", "/signals/publish", *headers, *bearing(token), body=body)
    as_documented(await ask(home.url, sent), "POST", "/publish", status, kind)


async def test_a_key_that_comes_again(home: House) -> None:
    """A repeat says so in a header, other content under the same key is a conflict, and too many are too many."""
    token = home.tokens.issue("user:default/jane", grants=PUBLISHER)
    for body, status, kind in ((b'"a"', 202, None), (b'"a"', 202, None), (b'"b"', 409, "idempotency-conflict")):
        answer = await home.ask("POST", "publish?topic=t", JSON, KEY, token=token, body=body)
        as_documented(answer, "POST", "/publish", status, kind)
    assert (await home.ask("POST", "publish?topic=t", JSON, KEY, token=token, body=b'"a"')).headers[
        "Idempotent-Replayed"
    ] == "true"
    answer = await home.ask("POST", "publish?topic=t", JSON, token=token, body=b'"c"')
    as_documented(answer, "POST", "/publish", 429, "publish-rate")


async def test_what_only_some_may(home: House) -> None:
    """Who shows nothing, or nothing good, gets a 401 with its challenge, and who may not do it a 403."""
    nobody = home.tokens.issue("user:default/joe", grants=NO_GRANTS)
    answer = await home.publish(nobody, signal("m"))
    as_documented(answer, "POST", "/publish", 403, "not-granted")
    as_documented(await home.ask("GET", "streams", token=nobody), "GET", "/streams", 403, "not-granted")
    as_documented(await home.ask("GET", "metrics", token=nobody), "GET", "/metrics", 403, "not-granted")
    as_documented(await home.ask("GET", "streams", token="token-x"), "GET", "/streams", 401, "unknown-key")
    as_documented(await home.ask("POST", "tickets"), "POST", "/tickets", 401, "no-credentials")
    as_documented(await home.ask("GET", "stream?ticket=x"), "GET", "/stream", 401, "unknown-ticket")


async def test_what_an_administrator_gets(home: House) -> None:
    """Explanations, the overview of open streams, renewals, tickets, revocations and a drain are as documented."""
    admin = home.tokens.issue("user:default/admin", grants=ADMIN)
    async with home.stream(admin) as (_, receipt):
        name = receipt["stream"]
        query = f"?explain=1&stream={name}&subject=user:default/admin"
        said = as_documented(await home.publish(admin, signal("m"), query=query), "POST", "/publish", 202)
        assert said["explain"]["subject"]["streams"]
        said = as_documented(await home.ask("GET", "streams", token=admin), "GET", "/streams", 200)
        assert said["streams"][0]["stream"] == name
        path = "/streams/{stream}/renew"
        as_documented(await home.ask("POST", f"streams/{name}/renew", token=admin), "POST", path, 200)
        answer = await home.ask("GET", "stream?poll=1", token=admin)
        as_documented(answer, "GET", "/stream", 429, "identity-streams")
    as_documented(await home.ask("POST", "tickets", token=admin), "POST", "/tickets", 200)
    body = b'{"subject": "user:default/mallory"}'
    as_documented(await home.ask("POST", "revocations", JSON, token=admin, body=body), "POST", "/revocations", 202)
    as_documented(await home.ask("POST", "drain", JSON, token=admin, body=b'{"node": "this"}'), "POST", "/drain", 202)
    as_documented(await home.ask("GET", "health/ready"), "GET", "/health/ready", 503, "shutdown")
    as_documented(await home.ask("GET", "stream?poll=1", token=admin), "GET", "/stream", 503, "shutdown")


async def test_where_nobody_has_to_authenticate(hub: Running) -> None:
    """What has no meaning there is a 404 that says so, a foreign host a 403, and what is no HTTP a 400."""
    for path, kind in (("tickets", "no-tickets"), ("revocations", "authentication-off")):
        answer = await ask(hub.url, request("POST", f"/signals/{path}", JSON, body=b"{}"))
        as_documented(answer, "POST", f"/{path}", 404, kind)
    answer = await ask(hub.url, request("GET", "/signals/streams", host="evil.example"))
    as_documented(answer, "GET", "/streams", 403, "host-not-allowed")
    for broken in (
        request("POST", "/signals/publish", JSON, "Transfer-Encoding: chunked", body=b"nonsense\r\n"),
        request("POST", "/signals/publish", JSON, "no header", body=ORDER),
    ):
        as_documented(await ask(hub.url, broken), "POST", "/publish", 400, "bad-request")


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"GET /signals/streams", '"hint" is a required property'),
        (b"GET /signals/metrics", "status 418"),
        (b"GET /signals/streams?limit=1", "no X-Request-Id"),
        (b"PUT /signals/streams", None),
        (b"GET /elsewhere", None),
        (b"no HTTP", None),
    ],
)
def test_an_undocumented_answer_is_seen(head: bytes, said: str | None) -> None:
    """The look at every answer sees a member, a header and a status that are wrong, and leaves other paths alone."""
    status = 418 if said == "status 418" else 404 if said is None else 503
    headers: CIMultiDict[str] = CIMultiDict({"Content-Type": "application/problem+json"})
    if said is None or not said.startswith("no "):
        headers.update({"X-Request-Id": "r", "Cache-Control": "no-store", "Retry-After": "1"})
    answer = Answer("HTTP/1.1", status, headers, b'{"type": "urn:sse-signals:problem:starting", "status": 503}')
    if said is None:
        documented(head + b" HTTP/1.1\r\n\r\n", answer)
        return
    with pytest.raises(AssertionError, match=said):
        documented(head + b" HTTP/1.1\r\n\r\n", answer)
