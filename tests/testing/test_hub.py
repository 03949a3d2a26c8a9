"""A hub of a test: how it is made, who may use it, and that it ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sse_signals import ConfigurationError, Limits
from sse_signals.testing import SignalsHub, hub
from sse_signals.testing.running import PATIENCE
from tests.testing.listener import listening

if TYPE_CHECKING:
    import aiohttp


def test_it_is_there_and_gone_quickly_whatever_is_open() -> None:
    """A test does not notice it: open streams, also stalled ones, half requests and idle connections do not hold it."""
    began = []
    for _ in range(20):  # on a busy machine most of them may take longer
        since = time.monotonic()
        with hub():
            began.append(time.monotonic() - since)
        if began[-1] < 0.2:
            break
    with hub() as quick, httpx.Client(base_url=quick.url) as idle:
        idle.get("health/live").raise_for_status()
        with listening(quick.url), listening(quick.url) as stalled, quick.stall():
            quick.publish(1)
            end = time.monotonic()
            quick._running.end()
            ended = time.monotonic() - end
            with pytest.raises(httpx.TransportError):
                stalled.block()
    assert min(began) < 0.2
    assert ended < 5
    assert not quick._running.lines._all  # nothing was left for the collector
    assert not any(thread.name == "sse_signals.testing" for thread in threading.enumerate())


def test_a_hub_that_has_ended_says_so() -> None:
    """It is a mistake of the test, and no reason to wait."""
    with hub() as ended:
        pass
    for call in (
        lambda: ended.publish(1),
        lambda: ended.expect("a"),
        lambda: ended.expect_nothing("a", for_=0),
        lambda: ended.wait_for_streams(0),
        lambda: ended.streams,
        ended.forget,
    ):
        with pytest.raises(RuntimeError, match="has ended"):
            call()
    assert not ended.published  # to look at afterwards


def test_who_waits_for_a_hub_that_ends_is_told(signals_hub: SignalsHub) -> None:
    """At once, not after the time it would have waited, and not as if nothing had come."""
    said: list[BaseException] = []

    def wait() -> None:
        try:
            signals_hub.expect_nothing("a", for_=60)
        except RuntimeError as error:
            said.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    since = time.monotonic()
    while not signals_hub._ledger._bells and time.monotonic() - since < 30:
        time.sleep(0.001)
    signals_hub._running.end()
    thread.join(30)
    assert ["has ended" in str(error) for error in said] == [True]


def test_what_takes_too_long_is_given_up(signals_hub: SignalsHub) -> None:
    """Every call has a deadline."""
    with pytest.raises(TimeoutError, match=r"not done within 0\.01 s what it was asked for"):
        signals_hub._running.call(asyncio.Event().wait, within=0.01)
    assert PATIENCE <= 10


def test_many_hubs_at_once_know_nothing_of_each_other() -> None:
    """Each has its own port, log and thread."""
    with hub() as one, hub() as two:
        one.publish(1)
        assert one.url != two.url
        assert not two.published


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"prefix": "signals"}, "prefix"),
        ({"heartbeat": 0.0}, "heartbeat"),
        ({"cors_origins": ["x"]}, "cors_origins"),
        ({"anonymous": True}, "authentication=True"),
    ],
)
def test_a_wrong_option_is_told_at_once(options: dict[str, Any], name: str) -> None:
    """Where the hub is made, and nothing is left behind."""
    with pytest.raises(ConfigurationError, match=name), hub(**options):
        pass
    assert not any(thread.name == "sse_signals.testing" for thread in threading.enumerate())


def test_its_options_are_the_hubs() -> None:
    """The prefix of its routes, pages of other origins, and limits."""
    with hub(prefix="/hub", cors_origins=["https://app.test"], limits=Limits(message=10)) as chosen:
        assert chosen.url.endswith("/hub")
        answer = httpx.post(f"{chosen.url}/publish?topic=a", content=20 * "x", headers={"Origin": "https://app.test"})
    assert answer.status_code == 413
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.test"


@pytest.mark.parametrize(("options", "retry"), [({}, "50"), ({"retry": 0.25}, "250"), ({"retry": 0}, "0")])
def test_clients_are_told_how_soon_to_come_back(options: dict[str, Any], retry: str) -> None:
    """All of them the same time, in milliseconds; a test needs no spread."""
    with hub(**options) as one:
        for _ in range(3):
            assert httpx.get(f"{one.url}/stream?poll=1").text.splitlines()[0] == f"retry: {retry}"


def test_one_waits_until_the_code_under_test_listens(signals_hub: SignalsHub) -> None:
    """Exactly so many streams, and the failure says which there are."""
    signals_hub.wait_for_streams(0, within=0)
    opened = threading.Event()

    def listen() -> None:
        with listening(signals_hub.url, "?topic=orders/*"):
            opened.wait(30)

    thread = threading.Thread(target=listen)
    thread.start()
    signals_hub.wait_for_streams(1)
    assert signals_hub.streams == 1
    with pytest.raises(AssertionError, match=r"2 open streams within 0\.01 s\. Open are:\n  anybody: orders/"):
        signals_hub.wait_for_streams(2, within=0.01)
    opened.set()
    signals_hub.wait_for_streams(0)
    thread.join()
    with pytest.raises(AssertionError, match="Open are: none"):
        signals_hub.wait_for_streams(1, within=0)


async def test_one_waits_so_in_a_loop_too(signals_hub: SignalsHub, http: aiohttp.ClientSession) -> None:
    """The same, by awaiting."""
    async with http.get(f"{signals_hub.url}/stream"):
        await signals_hub.wait_for_streams_async(1)
        with pytest.raises(AssertionError, match=r"anybody: \*"):
            await signals_hub.wait_for_streams_async(2, within=0.01)


def test_tokens_say_who_is_there() -> None:
    """With authentication, one needs a token, and it grants what it was made for."""
    with hub(authentication=True) as guarded:
        jane = guarded.token("user:default/jane", owns=["group:default/sales"])
        robot = guarded.token("robot", publish=["orders/*"])
        admin = guarded.token("admin", publish=True, admin=True)

        def publish(token: str, topic: str, **fields: Any) -> int:
            signal = {"topic": topic, "message": topic, **fields}
            return httpx.post(f"{guarded.url}/publish", json=signal, headers=bearer(token)).status_code

        assert httpx.get(f"{guarded.url}/stream").status_code == 401
        assert publish(jane, "orders/1") == 403
        assert publish(robot, "users/1") == 403
        with listening(guarded.url, Authorization=f"Bearer {jane}") as listener:
            assert publish(robot, "orders/1", targetOwnershipEntityRefs=["group:default/it"]) == 202
            assert publish(admin, "users/1", targetOwnershipEntityRefs=["group:default/sales"]) == 202
            assert "users/1" in listener.block()["data"]
        assert publish("no-token-of-it", "orders/1") == 401
        guarded.refuse(robot)
        for unknown in (robot, f"Bearer {jane}"):  # it would be refused anyhow, or not at all
            with pytest.raises(ValueError, match="no such token"):
                guarded.refuse(unknown)
        assert publish(robot, "orders/1") == 401
        short = guarded.token("robot", publish=True, expires_in=-1.0)
        assert publish(short, "orders/1") == 401
        revoked = httpx.post(f"{guarded.url}/revocations", json={"subject": "robot"}, headers=bearer(admin))
        assert revoked.is_success, revoked.text


def test_tokens_need_authentication(signals_hub: SignalsHub) -> None:
    """A test that asks for one where nobody looks at it would show nothing."""
    with pytest.raises(RuntimeError, match="authentication=True"):
        signals_hub.token("jane")
    for targets in ([], ["group:default/sales"]):  # nobody would receive it, whatever the code under test does
        with pytest.raises(RuntimeError, match="authentication=True"):
            signals_hub.publish(1, target_ownership_entity_refs=targets)
    with hub(authentication=True, anonymous=True) as open_to_all:
        assert httpx.get(f"{open_to_all.url}/stream?poll=1").status_code == 200
        for wrong in ({"owns": "group:default/a"}, {"publish": "orders/*"}):
            with pytest.raises(TypeError, match="lists"):
                open_to_all.token("jane", **wrong)  # type: ignore[arg-type]


def test_one_text_is_no_list_of_refs(signals_hub: SignalsHub) -> None:
    """As with the clients."""
    with pytest.raises(TypeError, match="list of entity refs"):
        signals_hub.publish(1, target_ownership_entity_refs="group:default/a")


def test_it_works_without_pytest() -> None:
    """A script may use the hub, and pytest is not needed for that."""
    script = (
        "import sys; sys.modules['pytest'] = None\n"
        "from sse_signals.testing import hub\n"
        "with hub() as one: one.publish(1); print(len(one.published))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}
