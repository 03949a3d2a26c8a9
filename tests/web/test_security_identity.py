"""The security checklist where identity meets HTTP: each test says which line it is."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import Grants, Limits, PublishGrant, Rules
from sse_signals.topics import Filters
from tests.authenticated import ADMIN, PUBLISHER, House, bearing, house
from tests.web.rawhttp import connection, events, messages, parse, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

A, B = "group:default/a", "group:default/b"
SEEN = b'"message":"end"'


@pytest.fixture
async def hub() -> AsyncIterator[House]:
    """A hub on which everybody has to authenticate."""
    async with house() as opened:
        yield opened


def signal(message: Any, topic: str = "t", targets: list[str] | None = None) -> dict[str, Any]:
    """Return a signal."""
    return {"topic": topic, "message": message} | ({} if targets is None else {"targetOwnershipEntityRefs": targets})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "stream"),
        ("GET", "stream?poll=1"),
        ("POST", "publish?topic=a"),
        ("POST", "publish"),
        ("POST", "tickets"),
        ("POST", "revocations"),
        ("POST", "drains"),
        ("POST", "streams/00000000-0000000000000000/renew"),
    ],
)
async def test_1_nothing_without_a_token(hub: House, method: str, path: str) -> None:
    """1: without a credential everything but health is 401 with the challenge that says which one, and no stream starts."""
    answer = await hub.ask(method, path, "Content-Type: application/json", body=b'{"message":1}' * (method == "POST"))
    assert (answer.status, answer.kind) == (401, "no-credentials")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert hub.service.streams == 0
    assert (await hub.ask("GET", "health/ready")).status == 200


@pytest.mark.parametrize("path", ["stream", "stream?poll=1", "publish?topic=a"])
async def test_1_a_token_that_is_no_good(hub: House, path: str) -> None:
    """1: a bad token is 401 with its cause as the problem's type and the standard's challenge."""
    method = "POST" if "publish" in path else "GET"
    answer = await hub.ask(method, path, token="token-forged", body=b"x" * (method == "POST"))
    assert (answer.status, answer.kind) == (401, "unknown-key")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert "token-forged" not in answer.body.decode()


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer ", "Bearer a b", "token-0", "Bearer é", "Bearer a,b"]
)
async def test_1_another_scheme(hub: House, header: str) -> None:
    """1: what is no bearer token is 401 and says how to write one."""
    answer = await hub.ask("GET", "stream", f"Authorization: {header}")
    assert (answer.status, answer.kind) == (401, "bad-authorization")


async def test_2_an_expired_token(hub: House) -> None:
    """2: a token that has expired since it was last used is refused although it was remembered."""
    token = hub.tokens.issue("ann", seconds=60)
    assert (await hub.poll(token)).status == 200
    hub.clock.advance(60)
    answer = await hub.poll(token)
    assert (answer.status, answer.kind) == (401, "expired")


async def test_10_credentials_that_contradict_each_other() -> None:
    """10: several headers, or a header and a cookie of different subjects, are refused; the same subject twice is not."""
    async with house(authentication={"cookie": "session"}) as hub:
        ann, same, bob = (hub.tokens.issue(name) for name in ("ann", "ann", "bob"))
        own = "Sec-Fetch-Site: same-origin"
        twice = await hub.poll(ann, "", *bearing(bob))
        assert (twice.status, twice.kind) == (400, "ambiguous-credentials")
        for cookies, status in ((bob, 400), (same, 200), (f"{ann}; session={bob}", 400), ("token-forged", 401)):
            answer = await hub.poll(ann, "", f"Cookie: session={cookies}", own)
            assert answer.status == status, cookies


@pytest.mark.parametrize("name", ["token", "access_token", "jwt", "Authorization", "api_key"])
@pytest.mark.parametrize("path", ["stream", "publish"])
async def test_11_tokens_in_urls(hub: House, name: str, path: str) -> None:
    """11: a bearer token in a URL is refused, even a good one, with a hint to what to use instead."""
    token = hub.tokens.issue("ann", grants=PUBLISHER)
    answer = await hub.ask("GET" if path == "stream" else "POST", f"{path}?topic=a&{name}={token}", body=b"")
    assert (answer.status, answer.kind) == (400, "token-in-url")
    assert "ticket" in answer.problem["hint"]
    assert token not in answer.body.decode()


async def test_11_tokens_in_any_parameter(hub: House) -> None:
    """11: what looks like a JWT is refused under any name, and a topic with dots is not taken for one."""
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
    answer = await hub.ask("GET", f"stream?ticket={jwt}")
    assert (answer.status, answer.kind) == (400, "token-in-url")
    assert (await hub.poll(hub.tokens.issue("ann"), "&topic=production.inventory.updates")).status == 200


async def test_14_targets_reach_their_owners_only(hub: House) -> None:
    """14: a targeted signal reaches the owners of a target, live and in every kind of replay, and nobody else."""
    backend = hub.tokens.issue("backend", grants=PUBLISHER)
    ann, bob = hub.tokens.issue("ann", A), hub.tokens.issue("bob", B)
    async with hub.stream(ann, "?topic=t") as (anns, _), hub.stream(bob, "?topic=*") as (bobs, _):
        sent = [signal(1, targets=[A]), signal(2, targets=[B]), signal(3), signal(4, targets=[]), signal("end")]
        assert (await hub.publish(backend, *sent)).status == 202
        live = [events(await reader.readuntil(SEEN + b"}\n\n")) for reader in (anns, bobs)]
    seen = [[json.loads(event["data"])["message"] for event in found] for found in live]
    assert seen == [[1, 3, "end"], [2, 3, "end"]]
    for query in ("", "&topic=t", "&topic=t&topic=u*", "&since=all", "&since=-5", "&since=10m"):
        for token, expected in zip((ann, bob), seen, strict=True):
            assert messages((await hub.poll(token, query)).body) == expected
            lines = (await hub.poll(token, query, "Accept: application/x-ndjson")).body.splitlines()
            assert [each["message"] for each in map(json.loads, lines) if "signals." not in each.get("event", "")] == expected


async def test_16_publishing_needs_a_grant(hub: House) -> None:
    """16: nobody publishes without a grant; the refusal names the topic, and nothing of a batch is published."""
    own = Grants(publish=(PublishGrant(Filters.parse(["orders/*"])),))
    ann, backend = hub.tokens.issue("ann"), hub.tokens.issue("backend", grants=own)
    assert (await hub.publish(ann, signal(1, "orders/1"))).kind == "not-granted"
    refused = await hub.publish(backend, signal(1, "orders/1"), signal(2, "catalog:orders/1"))
    assert refused.status == 403
    assert "'catalog:orders/1'" in refused.problem["detail"]
    assert refused.problem["errors"][0]["index"] == 1
    for more in (
        {"message": 1},
        {"message": 1, "plugin": "orders"},
        {"channel": "x", "message": 1, "recipients": {"type": "broadcast"}},
    ):
        assert (await hub.publish(backend, more)).status == 403
    assert (await hub.ask("POST", "publish?topic=b", token=backend, body=b"x")).status == 403
    assert messages((await hub.poll(ann)).body) == []
    assert (await hub.publish(backend, signal(1, "orders/1"))).status == 202
    assert messages((await hub.poll(ann)).body) == [1]


async def test_16_the_resulting_address_counts(hub: House) -> None:
    """16: a topic that spells a plugin's address is publishing as that plugin."""
    catalog = Filters.parse(["catalog", "catalog:*"])
    plugin = hub.tokens.issue("plugin:catalog", grants=Grants(publish=(PublishGrant(catalog),), within=catalog))
    topic = Grants(publish=(PublishGrant(Filters.parse(["x"])),))
    other = hub.tokens.issue("other", grants=topic)
    for value, status in (
        ({"topic": "catalog:x"}, (202, 403)),
        ({"plugin": "catalog", "topic": "x"}, (202, 403)),
        ({"plugin": "catalog"}, (202, 403)),
        ({"topic": "x"}, (403, 202)),
        ({"plugin": "search", "topic": "x"}, (403, 403)),
        ({}, (403, 403)),
    ):
        answers = [await hub.publish(token, {"message": 1, **value}) for token in (plugin, other)]
        assert tuple(answer.status for answer in answers) == status, value


async def test_16_whom_a_publisher_may_target(hub: House) -> None:
    """16: a grant for some recipients covers neither others nor everyone."""
    grants = Grants(publish=(PublishGrant(Filters.parse(["t"]), frozenset({"group:default/*"})),))
    backend = hub.tokens.issue("backend", grants=grants)
    for targets, status in (
        ([A], 202),
        ([A, B], 202),
        (["user:ann"], 403),
        ([A, "user:ann"], 403),
        (None, 403),
        ([], 202),
    ):
        assert (await hub.publish(backend, signal(1, targets=targets))).status == status, targets


async def test_19_nothing_is_stored(hub: House) -> None:
    """19: streams, answers and refusals are not to be stored, and differ by origin and credentials."""
    token = hub.tokens.issue("ann", grants=PUBLISHER)
    answers = [await hub.poll(token), await hub.poll(None), await hub.publish(token, signal(1))]
    for answer in answers:
        assert answer.headers["Cache-Control"].startswith("no-store")
        assert answer.headers["Vary"] == "Origin, Authorization, Cookie"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 403),
        (["Sec-Fetch-Site: cross-site"], 403),
        (["Sec-Fetch-Site: same-site"], 403),
        (["Sec-Fetch-Site: none"], 403),
        (["Origin: https://evil.example", "Sec-Fetch-Site: same-origin"], 403),
        (["Origin: null"], 403),
        (["Origin: http://localhost"], 202),
        (["Origin: https://app.example"], 202),
        (["Sec-Fetch-Site: same-origin"], 202),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
async def test_22_cookies_need_a_page_of_ours(headers: list[str], status: int, kind: str) -> None:
    """22: a cookie speaks only for a page of the hub's own or an allow-listed origin; both signs missing is 403."""
    async with house(authentication={"cookie": "session"}, cors_origins={"https://app.example"}) as hub:
        cookie = f"Cookie: session={hub.tokens.issue('ann', grants=PUBLISHER)}"
        answer = await hub.ask("POST", "publish?topic=t", cookie, f"Content-Type: {kind}", *headers, body=b'"x"')
        assert answer.status == status
        poll = await hub.poll(None, "", cookie, *headers)
        assert poll.status == (200 if status == 202 else 403)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]
)
async def test_22_forms_with_a_cookie(kind: str | None) -> None:
    """22: what a form of another page can send is refused: the type, the page it comes from, or both."""
    async with house(authentication={"cookie": "session"}) as hub:
        cookie = f"Cookie: session={hub.tokens.issue('ann', grants=PUBLISHER)}"
        of_kind = [] if kind is None else [f"Content-Type: {kind}"]
        for page in ([], ["Origin: https://evil.example"], ["Sec-Fetch-Site: cross-site"]):
            assert (await hub.ask("POST", "publish", cookie, *of_kind, *page, body=b'{"message":1}')).status == 403
        own = await hub.ask("POST", "publish", cookie, *of_kind, "Origin: http://localhost", body=b'{"message":1}')
        assert own.status == 415


async def test_23_a_foreign_page_with_credentials(hub: House) -> None:
    """23: an EventSource of a foreign origin is refused before it subscribes, whatever it shows."""
    token = hub.tokens.issue("ann")
    answer = await hub.ask("GET", "stream", "Origin: https://evil.example", token=token)
    assert (answer.status, answer.kind) == (403, "origin-not-allowed")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert hub.service.streams == hub.tokens.asked == 0


async def test_37_streams_of_one_identity() -> None:
    """37: an identity has so many streams: a stream more is 200 with a retry and a goodbye, a poll 429; others go on."""
    async with house(limits=Limits(streams_per_identity=2)) as hub:
        ann, more, bob = hub.tokens.issue("ann"), hub.tokens.issue("ann"), hub.tokens.issue("bob")
        async with hub.stream(ann), hub.stream(more):
            answer = await hub.ask("GET", "stream", token=ann)
            assert answer.status == 200
            (goodbye,) = events(answer.body)
            assert json.loads(goodbye["data"]) == {"reason": "identity-streams"}
            assert int(goodbye["retry"]) >= 1000
            poll = await hub.poll(ann)
            assert (poll.status, poll.kind) == (429, "identity-streams")
            assert int(poll.headers["Retry-After"]) >= 1
            assert (await hub.poll(bob)).status == 200
        async with hub.stream(ann):
            pass


async def test_37_before_any_costly_authentication() -> None:
    """37: where an address has its streams, nobody is authenticated any more; health answers."""
    async with house(limits=Limits(streams_per_address=1)) as hub:
        token = hub.tokens.issue("ann")
        async with hub.stream(token):
            asked = hub.tokens.asked
            answer = await hub.ask("GET", "stream", token="token-unknown")
            assert json.loads(events(answer.body)[0]["data"]) == {"reason": "address-streams"}
            assert hub.tokens.asked == asked
            assert (await hub.ask("GET", "health/live")).status == 200
        assert (await hub.poll(token)).status == 200


async def test_37_failed_authentications_of_one_address(hub: House) -> None:
    """37: an address that fails too often waits; who was let in before is still let in from there."""
    known, fresh = hub.tokens.issue("ann"), hub.tokens.issue("bob")
    assert (await hub.poll(known)).status == 200
    statuses = [(await hub.poll(f"token-{number}-forged")).status for number in range(25)]
    assert set(statuses) == {401, 429}
    assert statuses == sorted(statuses)
    waits = await hub.poll(fresh)
    assert (waits.status, waits.kind) == (429, "failed-authentications")
    assert (await hub.poll(known)).status == 200


async def test_40_a_flood_of_one_identity() -> None:
    """40: who publishes too much gets 429 with the time to wait, before anything is published; others are unaffected."""
    async with house(limits=Limits(publish_rate=1, publish_burst=10)) as hub:
        flood, other = (hub.tokens.issue(name, grants=PUBLISHER) for name in ("flood", "other"))
        assert (await hub.publish(flood, *[signal(n) for n in range(9)])).status == 202
        refused = await hub.publish(flood, *[signal("lost") for _ in range(9)])
        assert (refused.status, refused.kind) == (429, "publish-rate")
        assert int(refused.headers["Retry-After"]) >= 5
        assert (await hub.publish(other, signal("other"))).status == 202
        assert messages((await hub.poll(other)).body) == [*range(9), "other"]


async def test_45_idempotency_keys_of_others(hub: House) -> None:
    """45: the same key of another publisher is another key: it suppresses nothing and tells no id."""
    ann, bob = (hub.tokens.issue(name, grants=PUBLISHER) for name in ("ann", "bob"))
    sent = {**signal(1), "idempotencyKey": "k"}
    first, others, again = [(await hub.publish(token, sent)).json["id"] for token in (ann, bob, ann)]
    assert first == again != others
    assert messages((await hub.poll(ann)).body) == [1, 1]


async def test_private_topics_and_what_is_granted() -> None:
    """Asking for more than is granted is 403 that names the filter; a prefix that is wider means all that may be read."""
    rules = Rules(private=Filters.parse(["audit/*"]))
    async with house(authentication={"rules": rules}) as hub:
        backend = hub.tokens.issue("backend", grants=PUBLISHER)
        ann, named = (
            hub.tokens.issue("ann"),
            hub.tokens.issue("eve", grants=Grants(subscribe=Filters.parse(["audit/x", "b"]))),
        )
        for token, query, refused in (
            (ann, "topic=b&topic=audit/x", "audit/x"),
            (ann, "topic=audit/*", "audit/*"),
            (named, "topic=c", "c"),
            (named, "topic=audit/y", "audit/y"),
            (named, "plugin=b", "b:*"),
        ):
            answer = await hub.ask("GET", f"stream?{query}", token=token)
            assert (answer.status, answer.kind) == (403, "not-granted")
            assert repr(refused) in answer.problem["detail"]
        async with hub.stream(ann) as (anns, receipt), hub.stream(named, "?topic=a*&topic=b") as (nameds, other):
            assert (receipt["topics"], other["topics"]) == (["*"], ["audit/x", "b"])
            sent = [signal(n, topic) for n, topic in enumerate(["a", "audit/x", "audit/y", "b", "c"])]
            assert (await hub.publish(backend, *sent, {"message": "end"})).status == 202
            live = [await reader.readuntil(SEEN + b"}\n\n") for reader in (anns, nameds)]
        assert [messages(data) for data in live] == [[0, 3, 4, "end"], [1, 3, "end"]]
        assert messages((await hub.poll(ann)).body) == [0, 3, 4, "end"]
        assert messages((await hub.poll(named, "&topic=*")).body) == [1, 3, "end"]


async def test_anonymous_streams() -> None:
    """Only where the setting allows it is there a stream without credentials, and nothing targeted ever reaches it."""
    async with house(anonymous=True) as hub:
        backend = hub.tokens.issue("backend", grants=PUBLISHER)
        async with hub.stream(None) as (reader, receipt):
            assert receipt["subject"] is None
            await hub.publish(backend, signal(1, targets=[A]), signal(2), signal("end"))
            assert messages(await reader.readuntil(SEEN + b"}\n\n")) == [2, "end"]
        assert messages((await hub.poll(None)).body) == [2, "end"]
        assert (await hub.publish(None, signal(1))).status == 403
        assert (await hub.poll("token-forged")).status == 401


async def test_13_expiry_of_an_open_stream(hub: House) -> None:
    """13: a stream is told 60 s before its token expires, and ends when it does, with a reason and nothing after it."""
    token = hub.tokens.issue("ann", seconds=100)
    async with hub.stream(token, "?topic=t") as (reader, receipt):
        assert receipt["expiresAt"].endswith("Z")
        hub.clock.advance(50)
        (notice,) = events(await reader.readuntil(b"\n\n"))
        assert notice["event"] == "signals.expiring"
        assert json.loads(notice["data"]) == {"expiresAt": receipt["expiresAt"]}
        hub.clock.advance(50)
        (goodbye,) = events(await reader.read())
        assert json.loads(goodbye["data"]) == {"reason": "expired"}
    assert (await hub.poll(token)).kind == "expired"


async def test_13_renewal_of_an_open_stream(hub: House) -> None:
    """13: a fresh token of the same subject prolongs a stream, with what is owned by then; another subject's does not."""
    backend, token = hub.tokens.issue("backend", grants=PUBLISHER), hub.tokens.issue("ann", A, seconds=100)
    async with hub.stream(token, "?topic=t") as (reader, receipt):
        path = f"streams/{receipt['stream']}/renew"
        assert (await hub.ask("POST", path, token=hub.tokens.issue("bob"))).status == 403
        fresh = hub.tokens.issue("ann", B, seconds=1000)
        assert (await hub.ask("POST", path, token=fresh)).status == 200
        await hub.publish(backend, signal(1, targets=[A]), signal(2, targets=[B]), signal("end"))
        assert messages(await reader.readuntil(SEEN + b"}\n\n")) == [2, "end"]
        hub.clock.advance(150)
        await hub.publish(backend, signal("end"))
        assert messages(await reader.readuntil(SEEN + b"}\n\n")) == ["end"]


@pytest.mark.parametrize("what", ["subject", "token", "stream"])
async def test_13_revocation_of_an_open_stream(hub: House, what: str) -> None:
    """13: who is revoked is sent away and refused afterwards, remembered verifications included; others are not."""
    admin = hub.tokens.issue("root", grants=ADMIN)
    token, other = hub.tokens.issue("ann", token_id="t1"), hub.tokens.issue("bob")
    async with hub.stream(token) as (reader, receipt), hub.stream(other):
        named = {"subject": "ann", "token": "t1", "stream": receipt["stream"]}
        body = json.dumps({what: named[what]}).encode()
        for who, status in ((token, 403), (admin, 202)):
            answer = await hub.ask("POST", "revocations", "Content-Type: application/json", token=who, body=body)
            assert answer.status == status
        (goodbye,) = events(await reader.read())
        assert json.loads(goodbye["data"]) == {"reason": "revoked"}
        refused = await hub.poll(token)
        assert (refused.status, refused.kind) == (401, "revoked")
        assert (await hub.poll(other)).status == 200
        assert hub.service.streams == 1


async def test_15_ownership_of_today(hub: House) -> None:
    """15: what somebody owns is looked up again while a stream is open, and holds for it from then on; so does its loss."""
    backend, token = hub.tokens.issue("backend", grants=PUBLISHER), hub.tokens.issue("ann", A)
    async with hub.stream(token) as (reader, _):
        hub.tokens.owned["ann"] = frozenset({B})
        security = hub.service.site.security
        assert security is not None
        await security.refresh()
        await hub.publish(backend, signal(1, targets=[A]), signal(2, targets=[B]), signal("end"))
        assert messages(await reader.readuntil(SEEN + b"}\n\n")) == [2, "end"]
        hub.tokens.withdrawn.add("ann")
        await security.refresh()
        (goodbye,) = events(await reader.read())
        assert json.loads(goodbye["data"]) == {"reason": "revoked"}


async def test_35_forged_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    """35, 11: a refusal is one log line with its cause, and what was shown is not in it."""
    caplog.set_level(logging.INFO)
    async with house(logger=logging.getLogger("tests.security")) as hub:
        await hub.poll("token-secret-canary")
    lines = [record.getMessage() for record in caplog.records if "not authenticated" in record.getMessage()]
    assert len(lines) == 1
    assert "unknown-key" in lines[0]
    assert "canary" not in "".join(str(vars(record)) for record in caplog.records)


async def test_an_unauthenticated_body_is_not_asked_for(hub: House) -> None:
    """Who expects 100-continue and shows nothing is refused before the body is sent."""
    async with connection(hub.url) as (reader, writer):
        writer.write(request("POST", "/signals/publish", "Expect: 100-continue", "Content-Length: 100"))
        answer, _ = parse(await reader.read())
    assert (answer.status, answer.kind) == (401, "no-credentials")


async def test_a_bad_moment_of_the_issuer(hub: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that cannot be checked at the moment is no fault of who shows it: a stream is told to come back, a poll 503."""
    from sse_signals import IssuerUnavailable

    async def out_of_reach(_credentials: object) -> None:
        raise IssuerUnavailable("the issuer does not answer", retry_after=7)

    monkeypatch.setattr(hub.tokens, "authenticate", out_of_reach)
    answer = await hub.ask("GET", "stream", token="token-0")
    assert json.loads(events(answer.body)[0]["data"]) == {"reason": "issuer-unavailable"}
    assert int(events(answer.body)[0]["retry"]) >= 7000
    for poll in (await hub.poll("token-0"), await hub.publish("token-0", signal(1))):
        assert (poll.status, poll.kind, poll.headers["Retry-After"]) == (503, "issuer-unavailable", "7")


async def test_nothing_is_left_of_streams_that_are_gone(hub: House) -> None:
    """However a stream ends, no place, life or session of it stays."""
    token = hub.tokens.issue("ann")
    for _ in range(3):
        async with hub.stream(token):
            pass
    site = hub.service.site
    async with asyncio.timeout(10):
        while hub.service.streams:  # noqa: ASYNC110 - nothing in the hub rings a bell for tests
            await asyncio.sleep(0.005)
    assert site.security is not None
    assert len(site.security.lives) == 0
    assert site.places.identities.of("ann") == 0
