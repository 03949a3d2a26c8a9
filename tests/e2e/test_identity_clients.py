"""Who somebody is, with clients that can send headers, and behind a proxy."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.e2e.clients import CURL, HOSTS, curl_once
from tests.e2e.inbox import DEADLINE, Inbox
from tests.e2e.nginx import behind, nginx
from tests.web.doors import until
from tests.web.rawhttp import messages

if TYPE_CHECKING:
    from pathlib import Path

    from sse_signals.server import Running
    from tests.conftest import StartHub

pytestmark = pytest.mark.usefixtures("short_delays")

SECRET = "a secret of this test, which is long enough"
A, B = "group:default/a", "group:default/b"
JSON = ("-H", "Content-Type: application/json")
OWN_PAGE = ("-H", "Sec-Fetch-Site: same-origin")  # what a browser says of its own accord


def token(subject: str, *owns: str, seconds: float = 36_000, **grants: Any) -> str:
    """Return a token of the hub's issuer."""
    now = int(time.time())
    claims = {"iss": "e2e", "aud": "signals", "sub": subject, "ent": owns, "iat": now, "exp": now + seconds}
    return jwt.encode({**claims, "signals": grants}, SECRET, "HS256")


ANN, BOB = token("user:default/ann", A), token("user:default/bob", B)
BACKEND = token("backend", publish=["t"])


@pytest.fixture
async def hub(start_hub: StartHub) -> Running:
    """A hub on which everybody has to authenticate with a JSON Web Token."""
    started: Running = await start_hub(auth="jwt", jwt_secret=SECRET, jwt_issuer="e2e", jwt_audience="signals")
    return started


async def curl(url: str, *arguments: str, shown: str | None = None) -> str:
    """Run curl, maybe with a token, and return what it prints."""
    bearer = () if shown is None else ("-H", f"Authorization: Bearer {shown}")
    process = await asyncio.create_subprocess_exec(*CURL, *bearer, *arguments, url, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(DEADLINE):
        output, _ = await process.communicate()
    return output.decode()


async def publish(url: str, message: Any, *targets: str) -> str:
    """Publish with curl, and return the id."""
    signal = {"topic": "t", "message": message, "targetOwnershipEntityRefs": targets}
    answer = json.loads(await curl(f"{url}/publish", *JSON, "-d", json.dumps(signal), shown=BACKEND))
    event_id: str = answer["id"]
    return event_id


def heads_and_body(output: str) -> tuple[list[str], str]:
    """Return the lines of the head, and the body, of what ``curl -i`` prints."""
    head, _, body = output.replace("\r\n", "\n").partition("\n\n")
    return head.split("\n"), body


def cookie_in(lines: list[str]) -> str:
    """Return the cookie that a response sets, as a browser sends it."""
    (value,) = (line.partition(": ")[2] for line in lines if line.lower().startswith("set-cookie: "))
    return value.partition(";")[0]


def told(inbox: Inbox) -> list[Any]:
    """Return the messages that a client got."""
    return [event.data["message"] for event in inbox.received if event.name == "message"]


async def test_everything_with_curl(hub: Running, tmp_path: Path) -> None:
    """With curl one publishes, asks for a ticket, uses it once, renews the stream, and comes back with its cookie."""
    origin, jar = hub.url.removesuffix("/signals"), str(tmp_path / "cookies")
    made = json.loads(await curl(f"{hub.url}/tickets", *JSON, "-d", '{"topics":["t"]}', shown=ANN))
    assert (made["expiresIn"], set(made)) == (30, {"ticket", "expiresIn", "url"})
    poll = f"{origin}{made['url']}&poll=1"
    first = await publish(hub.url, 1, A)
    assert messages((await curl(poll, "-c", jar)).encode()) == [1]
    await publish(hub.url, 2, B)
    await publish(hub.url, 3, A)
    resumed = await curl(poll, "-b", jar, *OWN_PAGE, "-H", f"Last-Event-ID: {first}")
    assert messages(resumed.encode()) == [3]
    without = json.loads(await curl(poll))
    assert (without["status"], without["type"]) == (401, "urn:sse-signals:problem:used-ticket")
    asked = json.loads(await curl(poll, "-b", jar))
    assert (asked["status"], asked["type"]) == (403, "urn:sse-signals:problem:origin-missing")

    inbox = Inbox()
    listening = asyncio.create_task(
        curl_once(f"{hub.url}/stream", {"Authorization": f"Bearer {token('user:default/ann', A, seconds=30)}"}, inbox)
    )
    await inbox.until_open()
    renew = f"{hub.url}/streams/{inbox.received[0].data['stream']}/renew"
    assert json.loads(await curl(renew, "-X", "POST", shown=BOB))["status"] == 403
    renewed = json.loads(await curl(renew, "-X", "POST", shown=token("user:default/ann", B)))
    assert renewed["status"] == "renewed"
    await publish(hub.url, 4, A)
    await inbox.until(await publish(hub.url, 5, B))
    assert told(inbox) == [5]
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_behind_nginx(hub: Running, tmp_path: Path, version: str) -> None:
    """Behind nginx, tokens, tickets and their cookies reach the hub as they are, and its refusals the client."""
    async with nginx(tmp_path) as front:
        url = behind(front, hub.url, version)
        for name in ("curl", "httpx-sse"):
            inbox = Inbox()
            async with HOSTS[name]() as listen, listen(f"{url}/stream?topic=t", inbox, token=ANN):
                await inbox.until_open()
                await publish(url, "for b", B)
                await inbox.until(await publish(url, name, A))
                assert told(inbox) == [name]
        made = json.loads(await curl(f"{url}/tickets", "-X", "POST", shown=ANN))
        poll = f"{url}/stream?ticket={made['ticket']}&poll=1"
        head, body = heads_and_body(await curl(poll, "-i"))
        cookie = cookie_in(head)
        assert messages(body.encode()) == ["curl", "httpx-sse"]
        _, again = heads_and_body(await curl(poll, "-i", *OWN_PAGE, "-H", f"Cookie: {cookie}"))
        assert messages(again.encode()) == ["curl", "httpx-sse"]
        refused, problem = heads_and_body(await curl(poll, "-i"))
        assert " 401 " in refused[0]
        assert json.loads(problem)["type"] == "urn:sse-signals:problem:used-ticket"
        challenged, _ = heads_and_body(await curl(f"{url}/stream", "-i"))
        assert "www-authenticate: bearer" in [line.lower() for line in challenged]
        await until(lambda: not hub.service.streams)
