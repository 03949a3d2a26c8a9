"""Every refusal is a problem document with a hint, in our server and inside anybody's application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from sse_signals import SignalsService, errors
from sse_signals.brokers.memory import MemoryBroker
from tests.web.doors import OpenDoor, event_broker, foreign, own
from tests.web.rawhttp import ask, exchange, messages, parse, request

BOTH = pytest.mark.parametrize("open_door", [own, foreign])
Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """Catch what is logged: failures on purpose would be printed with the source they stand in."""
    with capture_logs() as entries:
        yield entries


class Failing(MemoryBroker):
    """A log whose publishing fails in a way of the test's own."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    async def publish(self, *_: Any, **__: Any) -> Any:
        raise self._error


@pytest.mark.parametrize("path", ["/signals/", "/signals/nothing", "/signals/stream/x", "/signals/health"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PROPFIND"])
@BOTH
async def test_404(open_door: OpenDoor, method: str, path: str) -> None:
    """Below the prefix nothing is 404 without saying what there is."""
    async with open_door() as door:
        answer = await ask(door.url, request(method, path))
        assert (answer.status, answer.kind) == (404, "not-found")
        assert "/signals/stream" in answer.problem["hint"]


@pytest.mark.parametrize("target", ["/", "/x", "/%2e%2e/etc/passwd", "/signals/%ff", "*", "http://a"])
async def test_404_elsewhere(target: str) -> None:
    """Our own server answers so at every other target too, even at one that is no path."""
    async with own() as door:
        answer = await ask(door.url, request("OPTIONS", target))
        assert (answer.status, answer.kind) == (404, "not-found")


async def test_connect() -> None:
    """The hub is no proxy."""
    async with own() as door:
        assert (await ask(door.url, request("CONNECT", "example.com:443"))).kind == "not-found"


@pytest.mark.parametrize(
    ("path", "method"), [("stream", "GET"), ("publish", "POST"), ("health/live", "GET"), ("health/ready", "GET")]
)
@BOTH
async def test_405(open_door: OpenDoor, path: str, method: str) -> None:
    """A method that is not for a path is 405 with the one that is."""
    async with open_door() as door:
        for other in {"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"} - {method}:
            answer = await ask(door.url, request(other, f"/signals/{path}"))
            assert (answer.status, answer.kind) == (405, "method-not-allowed")
            methods = f"{method}, HEAD" if "health" in path else method
            assert answer.headers["Allow"] == f"{methods}, OPTIONS"
            assert method in answer.problem["hint"]


@BOTH
async def test_head(open_door: OpenDoor) -> None:
    """HEAD has no body, also where it is refused; it opens no stream."""
    async with open_door() as door:
        for path, status in (("stream", 405), ("publish", 405), ("nothing", 404)):
            head, rest = parse(await exchange(door.url, request("HEAD", f"/signals/{path}")))
            assert (head.status, head.body, rest) == (status, b"", b"")


@pytest.mark.parametrize(
    "error",
    [RuntimeError("secret"), KeyError("secret"), TimeoutError(), ConnectionError("secret"), errors.SignalsError()],
)
@BOTH
async def test_500(open_door: OpenDoor, error: Exception, logs: list[MutableMapping[str, Any]]) -> None:
    """A fault of the hub's own is a problem too, without its inside; that is logged, and the next request is served."""
    async with open_door(broker=Failing(error)) as door:
        answer = await ask(door.url, request("POST", "/signals/publish?topic=a", body=b"x"))
        assert (answer.status, answer.kind) == (500, "internal-error")
        assert b"secret" not in answer.body
        (entry,) = [entry for entry in logs if entry["log_level"] == "error"]
        assert (entry["path"], entry["exc_info"]) == ("/signals/publish", error)
        assert (await ask(door.url, request("GET", "/signals/health/live"))).status == 200


@BOTH
async def test_closed_list_of_causes(open_door: OpenDoor) -> None:
    """What the log refuses is told apart: unreachable, and reachable but full."""
    unreachable = errors.BrokerUnavailable("gone", retry_after=2.4)
    async with open_door(broker=Failing(unreachable)) as door:
        answer = await ask(door.url, request("POST", "/signals/publish?topic=a", body=b"x"))
        assert (answer.status, answer.kind) == (503, "broker-unavailable")
        assert answer.headers["Retry-After"] == "3"
        assert "outcome" not in answer.problem
    async with open_door(broker=Failing(errors.BrokerUnavailable("gone", outcome_unknown=True))) as door:
        answer = await ask(door.url, request("POST", "/signals/publish?topic=a", body=b"x"))
        assert (answer.status, answer.problem["outcome"]) == (503, "unknown")
        assert answer.headers["Retry-After"] == "1"
        assert "Idempotency-Key" in answer.problem["hint"]


@web.middleware
async def outer(request: web.Request, handler: Next) -> web.StreamResponse:
    """Do what middlewares of others do: turn errors into pages of their own, and mark every response."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        response = web.Response(status=error.status, text="<h1>Oh no</h1>", content_type="text/html")
    except Exception:  # noqa: BLE001 - as theirs do
        response = web.Response(status=500, text="<h1>Oh no</h1>", content_type="text/html")
    if not response.prepared:
        response.headers["X-Theirs"] = "1"
    return response


async def test_middlewares_of_others() -> None:
    """Inside an application with middlewares of its own, streams and problems stay what they are."""
    async with foreign(middlewares=[outer, web.normalize_path_middleware()]) as door:
        for method, target, status in (
            ("GET", "/signals/nothing", 404),
            ("PUT", "/signals/stream", 405),
            ("POST", "/signals/publish", 415),
            ("GET", "/signals/stream?x=1", 400),
        ):
            answer = await ask(door.url, request(method, target))
            assert (answer.status, answer.headers["X-Theirs"]) == (status, "1")
            assert answer.problem
        assert (await ask(door.url, request("POST", "/signals/publish?topic=a", body=b"x"))).status == 202
        assert messages((await ask(door.url, request("GET", "/signals/stream?poll=1"))).body) == ["x"]
        assert (await ask(door.url, request("GET", "/theirs"))).headers["Content-Type"].startswith("text/html")
    async with foreign(middlewares=[outer], broker=Failing(RuntimeError("secret"))) as door:
        answer = await ask(door.url, request("POST", "/signals/publish?topic=a", body=b"x"))
        assert (answer.status, answer.kind) == (500, "internal-error")


async def test_below_another_application() -> None:
    """A hub may be part of an application inside an application."""
    inner, app = web.Application(), web.Application()
    SignalsService.create(inner, event_broker=event_broker(MemoryBroker()))
    app.add_subapp("/api", inner)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        assert (await ask(url, request("POST", "/api/signals/publish?topic=a", body=b"x"))).status == 202
        assert messages((await ask(url, request("GET", "/api/signals/stream?poll=1"))).body) == ["x"]
        assert (await ask(url, request("GET", "/api/signals/nothing"))).kind == "not-found"
    finally:
        await runner.cleanup()
