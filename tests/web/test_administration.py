"""``POST …/revocations`` and ``…/drain``: what an administrator may do, how it is said, and who else may not."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from sse_signals.brokers.memory import MemoryBroker
from tests.authenticated import ADMIN, PUBLISHER, House, Tokens, WallClock, house
from tests.life.cluster import State
from tests.web.doors import own, until
from tests.web.rawhttp import Answer, ask, connection, request

ANN, BOB = "user:default/ann", "user:default/bob"
JSON = "Content-Type: application/json"
STREAM = "0123abcd-0123456789abcdef"


async def tell(hub: House, path: str, token: str | None, said: Any) -> Answer:
    """Send what an administrator says."""
    return await hub.ask("POST", path, JSON, token=token, body=json.dumps(said).encode())


def admin_of(hub: House) -> str:
    """Return an administrator's token."""
    return hub.tokens.issue("key:ops", grants=ADMIN)


@pytest.mark.parametrize("kind", ["subject", "token", "stream"])
async def test_13_a_revocation_ends_streams_and_refuses_from_then_on(kind: str) -> None:
    """13: by subject, token or stream: the stream ends with its reason, and its token is no good any more."""
    async with house(logger=structlog.get_logger("sse_signals")) as hub:
        token, other = hub.tokens.issue(ANN, token_id="t1"), hub.tokens.issue(BOB)
        async with hub.stream(token) as (reader, receipt), hub.stream(other) as (_, theirs):
            name = {"subject": ANN, "token": "t1", "stream": receipt["stream"]}[kind]
            with capture_logs() as logs:
                answer = await tell(hub, "revocations", admin_of(hub), {kind: name})
            assert answer.status == 202
            assert answer.json == {"revoked": {kind: name}, "at": answer.json["at"]}
            assert answer.headers["Cache-Control"] == "no-store"
            assert b'{"reason":"revoked"}' in await reader.read()
            [line] = [entry for entry in logs if entry["event"] == "revoked"]
            assert (line["by"], line["kind"], line["name"]) == ("key:ops", kind, name)
            assert token not in repr(logs)
            answer = await hub.poll(token)
            assert (answer.status, answer.kind) == (401, "revoked")
            assert (await hub.poll(other)).status == 200
            assert hub.service.site.security is not None
            assert hub.service.site.security.lives.find(theirs["stream"]) is not None


REFUSED: list[tuple[Any, str]] = [
    ({}, ""),
    ({"subject": ANN, "token": "t1"}, ""),
    ({"subject": ANN, "token": None}, "token"),
    ({"subject": ""}, "subject"),
    ({"subject": "a\u0000b"}, "subject"),
    ({"subject": 5}, "subject"),
    ({"subject": "x" * 300}, "subject"),
    ({"token": ["t1"]}, "token"),
    ({"stream": "x"}, "stream"),
    ({"stream": STREAM + "\n"}, "stream"),
    ({"subjects": ANN}, "subjects"),
    ([], ""),
    (None, ""),
    ("x", ""),
]


@pytest.mark.parametrize(("said", "field"), REFUSED)
async def test_what_is_not_well_said_is_refused(said: Any, field: str) -> None:
    """The error names the field, and nobody is revoked."""
    async with house() as hub:
        admin, ann = admin_of(hub), hub.tokens.issue(ANN, token_id="t1")
        answer = await tell(hub, "revocations", admin, said)
        assert (answer.status, answer.kind) == (400, "bad-request")
        assert [entry["field"] for entry in answer.problem["errors"]] == [field]
        assert (await hub.poll(ann)).status == 200


async def test_a_mistake_in_typing_is_guessed() -> None:
    """An unknown member is answered with what was probably meant, or with all there are."""
    async with house() as hub:
        admin = admin_of(hub)
        near = (await tell(hub, "revocations", admin, {"subjekt": ANN})).problem["detail"]
        assert "'subject'" in near
        far = (await tell(hub, "drain", admin, {"node": "this", "zzz": 1})).problem["detail"]
        assert "Known are node" in far
        renewal = await hub.ask("POST", f"streams/{STREAM}/renew", JSON, token=admin, body=b'{"x":1}')
        assert "none at all" in renewal.problem["detail"]


@pytest.mark.parametrize(
    ("headers", "body", "status", "kind"),
    [
        ((JSON,), b'{"subject":', 400, "bad-request"),
        ((JSON,), b"", 400, "bad-request"),
        ((JSON,), b"\xff", 400, "bad-request"),
        ((), b'{"subject":"x"}', 415, "content-type"),
        (("Content-Type: application/x-www-form-urlencoded",), b"subject=x", 415, "content-type"),
        ((JSON,), b" " * 8193, 413, "body-too-large"),
        ((JSON, "Origin: https://evil.example"), b'{"subject":"x"}', 403, "origin-not-allowed"),
    ],
)
@pytest.mark.parametrize("path", ["revocations", "drain"])
async def test_22_what_no_administrator_would_send(
    path: str, headers: tuple[str, ...], body: bytes, status: int, kind: str
) -> None:
    """22: neither a form of another page nor a broken body does anything."""
    async with house() as hub:
        answer = await hub.ask("POST", path, *headers, token=admin_of(hub), body=body)
        assert (answer.status, answer.kind) == (status, kind)
        assert not hub.service.site.draining


@pytest.mark.parametrize("path", ["revocations", "drain"])
async def test_16_who_is_no_administrator_is_refused_before_the_body_is_read(path: str) -> None:
    """16: without the grant, whatever else is granted, or without a token, the answer does not wait for the body."""
    async with house() as hub:
        for token, status in ((hub.tokens.issue("key:ci", grants=PUBLISHER), 403), (None, 401)):
            bearer = [] if token is None else [f"Authorization: Bearer {token}"]
            async with connection(hub.url) as (reader, writer):
                writer.write(request("POST", f"/signals/{path}", *bearer, JSON, "Content-Length: 1000"))
                assert str(status).encode() in await reader.readuntil(b"\r\n")
                assert b"not-granted" in await reader.readuntil(b"}") if token else True


@pytest.mark.parametrize("path", ["revocations?force=1", "drain?node=this"])
async def test_a_parameter_is_refused(path: str) -> None:
    """What is asked for stands in the body."""
    async with house() as hub:
        answer = await tell(hub, path, admin_of(hub), {"node": "this"})
        assert (answer.status, answer.kind) == (400, "bad-parameter")


async def test_13_an_administrator_who_is_revoked_meanwhile_does_nothing() -> None:
    """13: whoever may no longer be there when the body has come is refused then."""
    async with house() as hub:
        admin, other = admin_of(hub), hub.tokens.issue("key:other", grants=ADMIN)
        body = b'{"subject":"user:default/ann"}'
        async with connection(hub.url) as (reader, writer):
            head = (f"Authorization: Bearer {admin}", JSON, f"Content-Length: {len(body)}")
            asked = hub.tokens.asked
            writer.write(request("POST", "/signals/revocations", *head))
            await until(lambda: hub.tokens.asked > asked)
            assert (await tell(hub, "revocations", other, {"subject": "key:ops"})).status == 202
            writer.write(body)
            assert b" 401 " in await reader.readuntil(b"\r\n")
        assert (await hub.poll(hub.tokens.issue(ANN))).status == 200


async def test_13_what_is_not_in_force_everywhere_is_no_success() -> None:
    """13: with the shared state out of reach the stream here ends, and the administrator is told to come again."""
    clock = WallClock()
    state = State(clock=clock)
    async with house(state=state, clock=clock) as hub:
        admin, token = admin_of(hub), hub.tokens.issue(ANN)
        async with hub.stream(token) as (reader, _):
            state.cut = True
            answer = await tell(hub, "revocations", admin, {"subject": ANN})
            assert (answer.status, answer.kind, answer.headers["Retry-After"]) == (503, "not-everywhere", "1")
            assert b'{"reason":"revoked"}' in await reader.read()
            state.cut = False
            assert (await tell(hub, "revocations", admin, {"subject": ANN})).status == 202


@pytest.mark.parametrize("named", [True, False])
async def test_a_node_drains(*, named: bool) -> None:
    """Its streams end with a reason, new ones are sent away, and the answer says which node it is."""
    async with house(logger=structlog.get_logger("sse_signals")) as hub:
        security = hub.service.site.security
        assert security is not None
        async with hub.stream(hub.tokens.issue(ANN)) as (reader, _):
            with capture_logs() as logs:
                answer = await tell(hub, "drain", admin_of(hub), {"node": security.nodes.own if named else "this"})
            assert (answer.status, answer.json) == (202, {"draining": {"node": security.nodes.own}})
            assert b"signals.goodbye" in await reader.read()
            assert [entry["by"] for entry in logs if entry["event"] == "drain ordered"] == ["key:ops"]
        assert hub.service.site.draining


async def test_another_node_drains() -> None:
    """It alone does, whichever node was asked; when it is gone it is unknown."""
    clock = WallClock()
    log, state, tokens = MemoryBroker(clock=clock), State(clock=clock), Tokens(clock)
    async with house(log=log, state=state, clock=clock, tokens=tokens) as here:
        async with house(log=log, state=state, clock=clock, tokens=tokens) as there:
            assert there.service.site.security is not None
            name = there.service.site.security.nodes.own
            assert (await tell(here, "drain", admin_of(here), {"node": name})).status == 202
            await until(lambda: there.service.site.draining)
            assert not here.service.site.draining
        clock.advance(60)
        answer = await tell(here, "drain", admin_of(here), {"node": name})
        assert (answer.status, answer.kind) == (404, "unknown-node")


@pytest.mark.parametrize("name", ["0123abcd", "THIS", "node/", "*", "0123abcd\n", "é"])
async def test_an_unknown_node_is_unknown(name: str) -> None:
    """Whatever its name looks like; a name that cannot be one is refused as a field, or unknown."""
    async with house() as hub:
        answer = await tell(hub, "drain", admin_of(hub), {"node": name})
        assert (answer.status, answer.kind) in {(404, "unknown-node"), (400, "bad-request")}
        assert not hub.service.site.draining


@pytest.mark.parametrize("said", [{}, {"node": None}, {"node": 1}, {"nodes": ["this"]}])
async def test_a_drain_names_its_node(said: Any) -> None:
    """Nothing drains by omission."""
    async with house() as hub:
        answer = await tell(hub, "drain", admin_of(hub), said)
        assert answer.status == 400
        assert {"field", "detail"} == set(answer.problem["errors"][0])
        assert not hub.service.site.draining


async def test_without_authentication_there_is_no_administrator() -> None:
    """It says so, and what to do."""
    async with own() as door:
        answer = await ask(door.url, request("POST", "/signals/revocations", JSON, body=b'{"node":"this"}'))
        assert (answer.status, answer.kind) == (404, "authentication-off")


async def order(url: str, said: bytes = b'{"node":"this"}', *headers: str, path: str = "drain", **more: Any) -> Answer:
    """Order a drain where nobody has to authenticate."""
    return await ask(url, request("POST", f"/signals/{path}", JSON, *headers, body=said, **more))


@pytest.mark.parametrize("path", ["drain", "drains"])
@pytest.mark.parametrize("origin", [None, "http://localhost"])
async def test_without_authentication_a_node_drains_itself(path: str, origin: str | None) -> None:
    """For programs on its machine and its own pages, by its name or as this; also under the old name of the path."""
    async with own() as door:
        name = door.service.site.nodes.own
        headers = [] if origin is None else [f"Origin: {origin}"]
        answer = await order(door.url, json.dumps({"node": name}).encode(), *headers, path=path)
        assert (answer.status, answer.json) == (202, {"draining": {"node": name}})
        assert door.service.site.draining
        assert (await order(door.url)).status == 202  # it is no fault to say it again


async def test_without_authentication_nobody_else_drains_it() -> None:
    """Pages of other origins, allowed or not, anybody at an open door, and whoever means another node are refused."""
    async with own(cors_origins="http://app.example.com") as door:
        foreign = await order(door.url, b'{"node":"this"}', "Origin: http://evil.example.com")
        assert (foreign.status, foreign.kind) == (403, "origin-not-allowed")
        allowed = await order(door.url, b'{"node":"this"}', "Origin: http://app.example.com")
        assert (allowed.status, allowed.kind) == (403, "drain-not-allowed")
        assert "other origins" in allowed.problem["detail"]
        other = await order(door.url, b'{"node":"0123abcd"}')
        assert (other.status, other.kind) == (404, "unknown-node")
        assert "without authentication" in other.problem["hint"]
        for method in ("GET", "PUT", "DELETE"):
            assert (await ask(door.url, request(method, "/signals/drain"))).status == 405
        assert not door.service.site.draining
    async with own() as door:
        for passed_on in (
            "Forwarded: for=192.0.2.1",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Host: localhost",
            "Via: 1.1 proxy",
            "X-Real-IP: ::1",
        ):
            stranger = await order(door.url, b'{"node":"this"}', passed_on)
            assert (stranger.status, stranger.kind) == (403, "drain-not-allowed"), passed_on
            assert "proxy" in stranger.problem["hint"]
        assert not door.service.site.draining
    async with own(insecure=True) as door:
        anybody = await order(door.url, host="hub.example.com")
        assert (anybody.status, anybody.kind) == (403, "drain-not-allowed")
        assert "SIGTERM" in anybody.problem["hint"]
        assert not door.service.site.draining
