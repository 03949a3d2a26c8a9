"""The README's API by example is true: the same things with curl, in JavaScript, in Python and in Backstage's words."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import EventBroker, Identity, SignalsClient, SignalsService
from tests.e2e.browser import chromium
from tests.pages import Block, claimed, each_claimed
from tests.test_readme import DEADLINE
from tests.test_readme_clients import HUB, a_page, blockbuster, serve, stack  # noqa: F401 - fixtures
from tests.web.doors import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack

    from sse_signals import SignalStream

BEGIN, PUBLISH, LISTEN, TARGETED, RESUME, BATCH, AGAIN = each_claimed(
    "README.md",
    "The API by example",
    "Publish a signal",
    "Listen to topics",
    "Send it to some only",
    "Resume",
    "Many at once",
    "Repeat it safely",
)
NATIVE = claimed("README.md", "Listen", "js")
ANN = Identity("user:default/ann", frozenset({"user:default/ann", "group:default/ops"}))
PAID = {"state": "paid"}


def code(blocks: list[Block], language: str) -> str:
    """Return the one block in a language."""
    (found,) = (block.code for block in blocks if block.language == language)
    return found


class Hub:
    """A hub in an application, and somebody in its process who sees what is published, targeted or not."""

    def __init__(self, url: str, service: SignalsService, orders: SignalsClient, stream: SignalStream[Any]) -> None:
        self.url = url
        self.orders = orders
        self.service = service
        self.stream = stream

    async def published(self, count: int) -> list[tuple[str | None, object]]:
        """Return where and what was published next."""
        async with asyncio.timeout(DEADLINE):
            events = [await anext(self.stream) for _ in range(count)]
        return [(event.address, event.message) for event in events]

    async def nothing_more(self) -> None:
        """Check that what is published from here comes next."""
        await self.orders.publish("end")
        assert await self.published(1) == [("orders", "end")]

    async def streams(self, count: int) -> None:
        """Wait until so many streams are open."""
        await until(lambda: self.service.streams == count)


@pytest.fixture
def place(stack: AsyncExitStack) -> Callable[..., Any]:  # noqa: F811 - a fixture
    """Start a hub whose application has a page."""

    async def start(html: str = "") -> Hub:
        event_broker = EventBroker.from_url("memory://")
        app = a_page(lambda: html.replace(HUB, url))
        service = SignalsService.create(app, event_broker=event_broker)
        url = ""
        url = await serve(stack, app)
        client = SignalsClient.for_plugin("orders", event_broker=event_broker)
        topics = ["orders", "orders/1", "orders/2", "orders/3", "orders/4", "orders/42", "builds/7"]
        stream = await stack.enter_async_context(client.subscribe(plugins=topics, identity=ANN))
        return Hub(url, service, client, stream)

    return start


async def test_with_curl(place: Callable[..., Any]) -> None:
    """Each line does what it says: publish, listen, target, resume, many at once, and the same once more."""
    hub = await place()
    begin = code(BEGIN, "sh").replace(HUB, hub.url)
    environment = {**os.environ, "no_proxy": "*"}

    async def run(lines: str) -> str:
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-euc", f"{begin}\n{lines}"), stdin=-3, stdout=-1, stderr=-3, env=environment
        )
        async with asyncio.timeout(DEADLINE):
            return (await shell.communicate())[0].decode()

    async def reads(line: str, until: bytes, last: str = "") -> None:
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-euc", f"{begin}\nLAST={last}\nexec {line}"), stdin=-3, stdout=-1, stderr=-3, env=environment
        )
        assert shell.stdout is not None
        async with asyncio.timeout(DEADLINE):
            await shell.stdout.readuntil(b"\n\n")
            first.set()
            await shell.stdout.readuntil(until)
            shell.kill()
            await shell.communicate()

    first = asyncio.Event()
    listening = asyncio.create_task(reads(code(LISTEN, "sh"), b'"message":{"state":"paid"}}\n\n'))
    await first.wait()
    last = json.loads(await run(code(PUBLISH, "sh")))["id"]
    await listening
    assert await hub.published(1) == [("orders/42", PAID)]
    assert json.loads(await run(code(TARGETED, "sh")))["id"] != last
    assert await hub.published(1) == [("orders/42", "late")]
    assert [len(json.loads(line)["ids"]) for line in (await run(code(BATCH, "sh"))).replace("}{", "}\n{").split()] == [
        2,
        2,
    ]
    assert await hub.published(4) == [
        (f"orders/{number}", what) for number, what in enumerate(("paid", "sent", "paid", "paid"), 1)
    ]
    assert await run(code(AGAIN, "sh")) == await run(code(AGAIN, "sh"))
    assert await hub.published(1) == [("orders/42", "paid")]
    await hub.nothing_more()
    after, ago = code(RESUME, "sh").splitlines()
    await reads(after, b'"topic":"orders/4",', last)
    assert (await run(ago)).count("\nid: ") == 8  # the receipt, six signals that are for everybody, and a heartbeat


async def test_in_javascript_and_in_backstage(place: Callable[..., Any], stack: AsyncExitStack) -> None:  # noqa: F811
    """All of it runs as a module of a page; Backstage's calls with stand-ins that hand on what they are given."""
    scripts = [
        *(code(LISTEN, "js"), code(LISTEN, "ts")),
        f"{NATIVE[0].code} source.addEventListener('message', () => show('native', 0)); await opened(source);",
        "await client.ready;",
        *(
            f"{code(PUBLISH, 'js')} globalThis.last = id;",
            code(PUBLISH, "ts"),
            code(TARGETED, "js"),
            code(TARGETED, "ts"),
        ),
        f"{code(BATCH, 'js')} show('ids', ids.length);",
        *(code(AGAIN, "js"), code(AGAIN, "js"), code(RESUME, "js"), code(RESUME, "ts"), "await later.ready;"),
    ]
    wrapped = "\n".join(f"{{ {script} }}" for script in scripts).replace("const later", "globalThis.later")
    html = f"""<!doctype html><script type=module>
        {code(BEGIN, "js")}
        globalThis.seen = [];
        const show = (...what) => seen.push(JSON.stringify(what));
        const keep = (...what) => show('kept', ...what), reload = () => show('gap');
        const opened = (source) => new Promise((then) => source.addEventListener('open', then));
        const signals = {{ publish }};
        const useSignals = (channel, onSignal, options) => client.subscribe(channel, onSignal, options);
        {wrapped}
        seen.push('done');
    </script>"""
    hub = await place(html)
    page = await (await stack.enter_async_context(chromium())).new_page()
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    await page.goto(hub.url)
    expected = [("orders/42", PAID), ("orders:42", PAID), ("orders/42", "late"), ("orders:42", {"late": True})]
    expected += [("orders/1", "paid"), ("orders/2", "sent"), ("orders/42", "paid")]
    assert await hub.published(7) == expected
    await hub.nothing_more()
    await page.wait_for_function("seen.includes('done') && seen.some((one) => one.includes('kept'))")
    seen = await page.evaluate("seen")
    assert failed == []
    for one in (["orders/42", PAID], ["orders", PAID], ["native", 0], ["ids", 2], ["orders/2", "sent"]):
        assert json.dumps(one, separators=(",", ":")) in seen
    assert not any("gap" in one or "late" in one for one in seen)


async def test_in_python(place: Callable[..., Any]) -> None:
    """The blocking client does the same."""
    hub = await place()

    class Enough(Exception):
        """Ends an example that would go on for ever."""

    def show(*what: object) -> None:
        printed.append(what)
        raise Enough

    printed: list[tuple[object, ...]] = []
    names: dict[str, Any] = {"print": show}

    def run(block: list[Block]) -> None:
        with contextlib.suppress(Enough):
            exec(code(block, "python"), names)

    exec(code(BEGIN, "python").replace("http://127.0.0.1:8080", hub.url), names)
    listening = threading.Thread(target=run, args=(LISTEN,), daemon=True)
    listening.start()
    await hub.streams(1)
    for block in (PUBLISH, TARGETED, AGAIN, AGAIN):
        await asyncio.to_thread(run, block)
    assert await hub.published(3) == [("orders/42", PAID), ("orders/42", "late"), ("orders/42", "paid")]
    await hub.nothing_more()
    await asyncio.to_thread(listening.join, DEADLINE)
    assert printed == [(names["event_id"], "orders/42", PAID)]
    names["last"] = names["event_id"]
    await asyncio.to_thread(run, RESUME)
    (_, (resumed, place_after)) = printed
    assert resumed == place_after != names["last"]
    await asyncio.to_thread(names["signals"].close)


def test_what_each_language_shows() -> None:
    """Each operation stands side by side in the languages that have it."""
    shown = [
        [block.language for block in blocks] for blocks in (BEGIN, PUBLISH, LISTEN, TARGETED, RESUME, BATCH, AGAIN)
    ]
    everything = ["sh", "js", "python", "ts"]
    assert shown == [everything[:3], *[everything] * 4, ["sh", "js"], everything[:3]]
