"""Pages with the browser module: what it dispatches, as the checker takes it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from tests.e2e.inbox import DEADLINE
from tests.faults.observed import Block, Client, Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from playwright.async_api import BrowserContext, Page

    Token = Callable[[], Awaitable[str | None] | str | None]

# What happens is told in one list, in the order in which it happened, in as many calls as Python keeps up with.
SCRIPT = """
async ([module, options, withToken]) => {
    const {SignalsClient} = await import(module);
    const waiting = [], subscriptions = {};
    let busy = false;
    const tell = async (...what) => {
        waiting.push(what);
        if (busy) return;
        busy = true;
        while (waiting.length) await told(waiting.splice(0));
        busy = false;
    };
    addEventListener("error", (event) => tell("error", String(event.error?.message ?? event.message)));
    addEventListener("unhandledrejection", (event) => tell("unhandled", String(event.reason)));
    const client = new SignalsClient(withToken ? {...options, token: () => token()} : options);
    window.signals = {
        client,
        subscribe: (name, topic, throws) => {
            tell("began", name, client.lastEventId);
            subscriptions[name] = client.subscribe(topic, (message, event) => {
                tell("event", name, event.id, message.content);
                if (throws) throw new Error("thrown by " + name);
            }, {
                onGap: (gap) => tell("gap", name, gap.reason, gap.from, gap.to),
                onStatus: (status, detail) => tell("status", name, status, detail),
            });
            const failed = (error) => tell("failed", name, String(error));
            client.ready.then(() => tell("ready", name, client.lastEventId), failed);
        },
        unsubscribe: (name) => { subscriptions[name].unsubscribe(); tell("ended", name); },
        close: () => { client.close(); tell("closed"); },
    };
}
"""


@dataclass
class Heard:
    """A status that a subscription was told of."""

    time: float
    status: str
    detail: Mapping[str, Any]


@dataclass
class Subscription:
    """What the callbacks of one subscription were called with.

    Attributes:
        client: It, as a reader that the checker judges.
        statuses: What it was told, in order.
        ready: Whether the promise of its time has been kept.
        failed: With what it was rejected instead.
        ended: Whether it was dropped; nothing may come after that.
    """

    client: Client
    statuses: list[Heard] = field(default_factory=list)
    ready: bool = False
    failed: str = ""
    ended: bool = False
    contents: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    @property
    def status(self) -> str:
        """The last status that it was told."""
        return self.statuses[-1].status if self.statuses else ""

    @property
    def over(self) -> bool:
        """Whether nothing is to come, for the moment at least."""
        return self.ended or self.status == "refused"

    def since(self, time: float) -> list[str]:
        """Return the statuses told since a moment."""
        return [heard.status for heard in self.statuses if heard.time >= time]

    def reasons(self, status: str) -> set[str | None]:
        """Return the reasons that were told with a status."""
        return {heard.detail.get("reason") for heard in self.statuses if heard.status == status}

    def _add(self, block: Block) -> None:
        self.client.sessions[-1].blocks.append(block)

    def took(self, kind: str, *what: Any) -> None:
        """Take one thing that its page tells of it."""
        getattr(self, f"_{kind}")(monotonic(), *what)

    def _began(self, now: float, last: str) -> None:
        self.client.sessions.append(Session("page", last or None, now))

    def _ready(self, now: float, last: str) -> None:
        self.ready = True
        if self.client.sessions[-1].resume is None:  # whoever begins with nothing begins where the stream does
            self._add(Block("open", now, last))

    def _failed(self, _now: float, why: str) -> None:
        self.failed = why

    def _event(self, now: float, event_id: str, content: str) -> None:
        self.contents.append(content)
        self.seen.add(content)
        self._add(Block("event", now, event_id, content))

    def _gap(self, now: float, reason: str, begins: str | None, ends: str) -> None:
        self._add(Block("gap", now, ends, gap_from=begins, reason=reason))

    def _status(self, now: float, status: str, detail: dict[str, Any] | None) -> None:
        self.statuses.append(Heard(now, status, detail or {}))

    def _ended(self, _now: float) -> None:
        self.ended = True


class ClientPage:
    """A page with a `SignalsClient`.

    Attributes:
        page: The page.
        subscriptions: By name, those that are over too.
        errors: What the page's own handler of errors was told.
        unhandled: The rejections that nobody handled.
        too_late: What was told of a subscription that is over.
        closed: Whether the client was closed.
        tokens: How often it asked for a token.
    """

    def __init__(self, page: Page, token: Token | None) -> None:
        self.page = page
        self.subscriptions: dict[str, Subscription] = {}
        self.errors: list[str] = []
        self.unhandled: list[str] = []
        self.too_late: list[list[Any]] = []
        self.closed = False
        self.tokens = 0
        self._token = token
        self._news = asyncio.Event()

    @property
    def clients(self) -> list[Client]:
        """All subscriptions, as readers that the checker judges."""
        return [each.client for each in self.subscriptions.values()]

    async def token(self) -> str | None:
        """Give the page a token."""
        self.tokens += 1
        assert self._token is not None
        made = self._token()
        return made if made is None or isinstance(made, str) else await made

    def told(self, records: list[list[Any]]) -> None:
        """Take what the page tells."""
        for kind, *what in records:
            if kind == "error":
                self.errors += what
            elif kind == "unhandled":
                self.unhandled += what
            elif kind == "closed":
                self.closed = True
            else:
                subscription = self.subscriptions[what[0]]
                if (subscription.ended or self.closed) and kind in {"event", "gap", "status"}:
                    self.too_late.append([kind, *what])
                subscription.took(kind, *what[1:])
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def subscribe(self, topic: str, name: str = "", *, throws: bool = False) -> Subscription:
        """Subscribe to a topic; the callback may throw each time."""
        name = name or topic
        made = self.subscriptions[name] = Subscription(Client(name, (topic,)))
        await self.page.evaluate("(its) => signals.subscribe(...its)", [name, topic, throws])
        return made

    async def unsubscribe(self, name: str) -> None:
        """Drop a subscription."""
        await self.page.evaluate("(name) => signals.unsubscribe(name)", name)

    async def close(self) -> None:
        """Close the client."""
        await self.page.evaluate("signals.close()")

    async def last_event_id(self) -> str:
        """Return the id that the client would resume from."""
        return str(await self.page.evaluate("signals.client.lastEventId"))

    async def status(self) -> str:
        """Return the client's own status."""
        return str(await self.page.evaluate("signals.client.status"))

    async def until(self, true: Callable[[], object], what: str = "", seconds: float = DEADLINE) -> None:
        """Wait until something is true; it is asked again each time that the page tells something."""
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    await self._news.wait()
        except TimeoutError:
            told = {name: (each.statuses[-5:], each.contents[-3:]) for name, each in self.subscriptions.items()}
            raise AssertionError(f"never came: {what}; {told}; {self.errors} {self.unhandled}") from None


@asynccontextmanager
async def client_page(
    context: BrowserContext, page_url: str, hub_url: str, token: Token | str | None = None, **options: Any
) -> AsyncIterator[ClientPage]:
    """Open a page that has a client.

    Args:
        context: The browser's profile.
        page_url: The page.
        hub_url: The hub, with the prefix of its routes; its module is what the page imports.
        token: The one there is, or what makes those that the page's own function returns.
        options: Of the client.
    """
    page = await context.new_page()
    made = ClientPage(page, None if isinstance(token, str) else token)
    try:
        await page.expose_function("told", made.told)
        await page.expose_function("token", made.token)
        await page.goto(page_url)
        options = {"url": hub_url, "share": False, **options}
        if isinstance(token, str):
            options["token"] = token
        await page.evaluate(SCRIPT, [f"{hub_url}/client.js", options, callable(token)])
        yield made
    finally:
        await page.close()
