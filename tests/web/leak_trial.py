"""A world on a real hub over HTTP: everybody listens in every way there is, and the oracle looks at each of them."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.authenticated import ADMIN, bearing
from tests.web.leak_listener import Listener, body_of, events_of, named, query_of
from tests.web.leak_oracle import Person, Said, Texts, may_publish, on_topic, receives, refused, rules_for
from tests.web.leak_worlds import SECRET_REFS, SECRET_TOPICS, grants_of
from tests.web.rawhttp import connection, parse, request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.authenticated import House
    from tests.web.leak_worlds import LeakWorld, Request
    from tests.web.rawhttp import Answer

JSON = "Content-Type: application/json"
LINES = "Accept: application/x-ndjson"
SAME_SITE = "Sec-Fetch-Site: same-origin"


class Trial:
    """One world on one hub."""

    def __init__(self, world: LeakWorld, house: House) -> None:
        self.world = world
        self.house = house
        self.law = world.law
        self.said: list[Said] = []  # what is in the log, by the number that is its message
        self.ids: list[str] = []
        self.compared: set[tuple[object, ...]] = set()
        self.root = house.tokens.issue("root", grants=ADMIN)
        self.people = [pairing.before for pairing in world.people]
        self.tokens = [self._token(person) for person in self.people]
        self.listeners: list[Listener] = []
        self.stack = AsyncExitStack()

    async def run(self) -> None:
        """Live it, and look at everything that anybody was told."""
        async with self.stack:
            await self._listen()
            await self._say(self.world.first)
            await self._hear()
            await self._renew()
            await self._say(self.world.later)
            await self._hear()
            await self._look_back()

    def _token(self, person: Person) -> str | None:
        if person.name is None:
            return None
        return self.house.tokens.issue(person.name, *person.owns, grants=grants_of(person))

    # Listening.

    async def _listen(self) -> None:
        for person, token in zip(self.people, self.tokens, strict=True):
            for asked in self.world.asked:
                query = query_of(asked)
                await self._open(person, asked, "live", f"stream?{query}", *bearing(token))
                await self._open(person, asked, "live lines", f"stream?{query}", LINES, *bearing(token), version="1.1")
                if token is not None:
                    await self._open_with_ticket(person, asked, token)

    async def _open_with_ticket(self, person: Person, asked: Texts, token: str) -> None:
        body = json.dumps({"topics": asked} if asked else {}).encode()
        answer = await self.house.ask("POST", "tickets", JSON, token=token, body=body)
        if self._let_in(answer, person, asked):
            self._check_secrets(answer.body, person, asked)
            path = str(answer.json["url"]).removeprefix("/signals/")
            await self._open(person, asked, "live ticket", path, SAME_SITE, version="1.1")
            again = await self.house.ask("GET", path, SAME_SITE)
            assert (again.status, again.kind) == (401, "used-ticket")

    async def _open(
        self, person: Person, asked: Texts, path: str, target: str, *headers: str, version: str = "1.0"
    ) -> None:
        reader, writer = await self.stack.enter_async_context(connection(self.house.url))
        writer.write(request("GET", f"/signals/{target}", *headers, version=version))
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.splitlines()[0]:
            answer, _ = parse(head + await reader.read())
            assert not self._let_in(answer, person, asked)
            return
        assert not refused(self.law, person, asked or ("*",)), f"{person} was let in to {asked}"
        one = Listener(person, asked, path, reader, chunked=version == "1.1", ticket=target)
        await one.read_until(b'"heartbeat"')
        one.name = named(one)
        one.cookie = head.partition(b"Set-Cookie: ")[2].partition(b";")[0].decode()
        self.listeners.append(one)

    def _let_in(self, answer: Answer, person: Person, asked: Texts) -> bool:
        """Say whether somebody was let in, after seeing that it is right."""
        wrong = refused(self.law, person, asked or ("*",))
        if answer.status == 200:
            assert not wrong, f"{person} was let in to {asked}, of which nothing of {wrong} may be read"
            return True
        self._check_secrets(answer.body, person, asked)
        assert (answer.status, answer.kind) == (403, "not-granted"), answer
        assert any(repr(each) in answer.problem["detail"] for each in wrong), f"{answer.problem}: {person} asks {asked}"
        return False

    # Saying.

    async def _say(self, requests: Sequence[Request]) -> None:
        for number, each in enumerate(requests):
            person, token = self.people[each.publisher], self.tokens[each.publisher]
            allowed = [may_publish(self.law, person, signal) for signal in each.signals]
            answer = await self.house.publish(token, *self._bodies(each.signals))
            self._check_secrets(answer.body, person, (), *each.signals)
            self.compared.update((self.law, person, signal, "publish") for signal in each.signals)
            if all(allowed):
                assert answer.status == 202, f"{person} could not say {each.signals}: {answer.problem}"
                self._in_log(each.signals, answer)
            else:
                assert (answer.status, answer.kind) == (403, "not-granted"), f"{person} said {each.signals}"
            await self._explain(each.signals, self.people[number % len(self.people)].name)
        await self._explain((Said(None),), None)

    async def _explain(self, signals: tuple[Said, ...], subject: str | None) -> None:
        """Say something with every right to, and compare how many on the hub get it, and why some do not."""
        named = "" if subject is None else f"&subject={quote(subject)}"
        answer = await self.house.publish(self.root, *self._bodies(signals), query=f"?explain=1{named}")
        explained = answer.json["explain"]
        self._in_log(signals, answer)
        for index, (signal, counts) in enumerate(zip(signals, explained["signals"], strict=True)):
            matched = [one for one in self.listeners if on_topic(self.law, one.person, one.asked or ("*",), signal)]
            entitled = [one for one in matched if receives(self.law, one.person, one.asked or ("*",), signal)]
            found = (counts["streams"], counts["matched"], counts["entitled"], counts["filtered"])
            expected = (len(self.listeners), len(matched), len(entitled), len(matched) - len(entitled))
            assert found == expected, f"{signal}: {found} instead of {expected}"
            verdicts = {
                each["name"]: each["signals"][index]["verdict"]
                for each in explained.get("subject", {"streams": []})["streams"]
            }
            theirs = [one for one in self.listeners if one.person.name == subject is not None]
            assert verdicts.keys() == {one.name for one in theirs}
            for one in theirs:
                assert verdicts[one.name].startswith("receives") == (one in entitled), (one, signal)
                assert (verdicts[one.name] == "not-owner") == (one in matched and one not in entitled)
                self._compared(one.person, one.asked, [signal], "explain")

    def _bodies(self, signals: tuple[Said, ...]) -> list[dict[str, Any]]:
        return [body_of(signal, number) for number, signal in enumerate(signals, len(self.said))]

    def _in_log(self, signals: tuple[Said, ...], answer: Answer) -> None:
        for number, signal in enumerate(signals, len(self.said)):
            for one in self.listeners:
                if receives(self.law, one.person, one.asked or ("*",), signal):
                    one.due.append(number)
        self.said += signals
        self.ids += answer.json.get("ids") or [answer.json["id"]]

    # Hearing.

    async def _hear(self) -> None:
        """Read all live streams to the last thing said, a broadcast, and see that each got what it should."""
        mark = b'"message":%d}' % (len(self.said) - 1)
        async with asyncio.timeout(60):
            await asyncio.gather(*(one.read_until(mark) for one in self.listeners))
        for one in self.listeners:
            self._check(one.person, one.asked, one.path, one.text, one.due, *one.were)

    def _check(self, person: Person, asked: Texts, path: str, text: bytes, due: list[int], *were: Person) -> None:
        got = events_of(text)
        numbers = [number for number, _ in got]
        more, less = [self.said[n] for n in numbers if n not in due], [self.said[n] for n in due if n not in numbers]
        assert not more, f"leaked ({path}): {person} asked for {asked} and got {more}"
        assert not less, f"missing ({path}): {person} asked for {asked} and did not get {less}"
        assert numbers == due, f"({path}): not once each, in order"
        assert [where for _, where in got] == [self.said[number].where for number in due]
        heard = [self.said[number] for number in due]
        self._check_secrets(text, person, asked, *heard, were=were)
        self._compared(person, asked, self.said, path)

    def _compared(self, person: Person, asked: Texts, signals: Sequence[Said], path: str) -> None:
        self.compared.update((self.law, person, asked, signal, path) for signal in signals)

    def _check_secrets(
        self, text: bytes, person: Person, asked: Texts, *met: Said, were: Sequence[Person] = ()
    ) -> None:
        """See that nobody is told a name that they do not know, be it from who they were."""
        known = repr((asked, met, [(each, rules_for(self.law, each)) for each in (person, *were)]))
        for secret in SECRET_TOPICS:
            assert secret.encode() not in text or secret in known, f"{person} was told of {secret}: {text!r}"
        if not met or b'"id"' not in text:
            for secret in SECRET_REFS:
                assert secret.encode() not in text.lower() or secret in known.lower(), text

    # Other identities, and what is kept.

    async def _renew(self) -> None:
        self.people = [pairing.after for pairing in self.world.people]
        self.tokens = [self._token(person) for person in self.people]
        for one in self.listeners:
            for person, token in zip(self.people, self.tokens, strict=True):
                answer = await self.house.ask("POST", f"streams/{one.name}/renew", JSON, token=token)
                if person.name is None:
                    assert answer.status == 401
                elif person.name == one.person.name:
                    self._check_secrets(answer.body, person, one.asked)
                    self._renewed(one, person, answer)
                else:
                    assert (answer.status, answer.kind) == (403, "not-granted")
                    self._check_secrets(answer.body, person, ())

    def _renewed(self, one: Listener, person: Person, answer: Answer) -> None:
        wrong = refused(self.law, person, one.asked or ("*",))
        assert answer.status == (403 if wrong else 200), (answer, one.person, person, wrong)
        if not wrong:
            one.were.append(one.person)
            one.person = person
            cookie = answer.headers.get("Set-Cookie", "")
            assert bool(cookie) == bool(one.cookie)
            one.cookie = cookie.partition(";")[0]

    async def _look_back(self) -> None:
        """Read what is kept in every way, all at once, with the identities of now."""
        looks = [
            self._look(person, token, asked, *way)
            for asked in self.world.asked
            for way in self._ways()
            for person, token in zip(self.people, self.tokens, strict=True)
        ]
        looks += [self._come_back(one) for one in self.listeners if one.cookie]
        async with asyncio.timeout(60):
            await asyncio.gather(*looks)

    def _due(self, person: Person, asked: Texts, after: int = 0) -> list[int]:
        """Return the numbers of what somebody is to get of all that is kept, from a number on."""
        numbered = enumerate(self.said)
        return [n for n, said in numbered if n >= after and receives(self.law, person, asked or ("*",), said)]

    def _ways(self) -> list[tuple[str, str, list[str], int, int]]:
        """Return each way to look back: its name, query and headers, what it begins after, how many at most."""
        middle, everything = len(self.said) // 2, len(self.said)
        since = f"Last-Event-ID: {self.ids[middle]}"
        return [
            ("poll", "poll=1", [], 0, everything),
            ("poll lines", "poll=1", [LINES], 0, everything),
            ("poll since=-3", "poll=1&since=-3", [], 0, 3),
            ("poll since=10m", "poll=1&since=10m", [], 0, everything),
            ("since=all", "since=all", [], 0, everything),
            ("since=-2", "since=-2", [], 0, 2),
            ("resume", "", [since], middle + 1, everything),
            ("resume lines", f"lastEventId={self.ids[middle]}", [LINES], middle + 1, everything),
        ]

    async def _look(
        self,
        person: Person,
        token: str | None,
        asked: Texts,
        path: str,
        query: str,
        headers: list[str],
        after: int,
        most: int,
    ) -> None:
        target = f"stream?{'&'.join(filter(None, (query_of(asked), query)))}"
        due = self._due(person, asked, after)
        if "poll" in path:
            answer = await self.house.ask("GET", target, *headers, token=token)
            if self._let_in(answer, person, asked):
                self._check(person, asked, path, answer.body, due[-most:])
        else:
            await self._replay(person, asked, path, target, due[-most:], *bearing(token), *headers)

    async def _replay(
        self, person: Person, asked: Texts, path: str, target: str, due: list[int], *headers: str
    ) -> None:
        """Open a stream, and read it to the last thing said, which everybody gets."""
        async with connection(self.house.url) as (reader, writer):
            writer.write(request("GET", f"/signals/{target}", *headers, version="1.0"))
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.splitlines()[0]:
                answer, _ = parse(head + await reader.read())
                assert not self._let_in(answer, person, asked)
                return
            assert not refused(self.law, person, asked or ("*",)), f"{person} was let in to {asked}"
            one = Listener(person, asked, path, reader, chunked=False)
            await one.read_until(b'"message":%d}' % (len(self.said) - 1))
            self._check(person, asked, path, one.text, due)

    async def _come_back(self, one: Listener) -> None:
        """Come back as an EventSource does, with the URL it has, its cookie, and the last id it saw."""
        middle = len(self.said) // 3
        due = self._due(one.person, one.asked, middle + 1)
        headers = (SAME_SITE, f"Cookie: {one.cookie}", f"Last-Event-ID: {self.ids[middle]}")
        await self._replay(one.person, one.asked, "cookie", one.ticket, due, *headers)
