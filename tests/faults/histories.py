"""Made-up histories in which everything is right: a log, publishers and clients without a program between them."""

from __future__ import annotations

from dataclasses import replace

from tests.faults.observed import Attempt, Block, Client, Session

TOPICS = ("a", "b", "b/c", None)
OWNERS = (None, frozenset({"u"}), frozenset({"u", "g"}), frozenset[str]())
READERS = (("*", "u"), ("a", "g"), ("b*", ""))  # what each client asks for, and what it owns
OUTCOMES = ("acknowledged", "acknowledged", "acknowledged", "unknown", "vanished", "refused")


class Story:
    """A history as it grows. Each public method is one thing that can happen; time passes with each."""

    def __init__(self) -> None:
        self.time = 0.0
        self.attempts: list[Attempt] = []
        self.clients = [
            Client(f"c{number}", (topic,), frozenset({owner} if owner else ()))
            for number, (topic, owner) in enumerate(READERS)
        ]
        self._log: list[tuple[str, Attempt]] = []
        self._open: dict[str, Session] = {}
        self._at: dict[str, int] = {}  # how much of the log each client has had
        self._last: dict[str, str] = {}  # each client's last id
        self._floor = 0
        self._record = 0
        self._epoch = 0

    def publish(self, topic: int = 0, owner: int = 0, outcome: int = 0, batch: int = 1) -> list[Attempt]:
        """Publish a record."""
        outcome_name = OUTCOMES[outcome % len(OUTCOMES)]
        sent, appended = self._now(), outcome_name in {"acknowledged", "unknown"}
        self._record += appended
        made = []
        for index in range(batch):
            attempt = Attempt(
                content=f"m{len(self.attempts)}",
                outcome="unknown" if outcome_name == "vanished" else outcome_name,
                sent=sent,
                answered=sent + 0.5,
                topic=TOPICS[topic % 4],
                targets=OWNERS[owner % 4],
                request=f"r{sent}",
                index=index,
            )
            event_id = f"e{self._epoch}-{self._record}" + (f".{index}" if index else "")
            if outcome_name == "acknowledged":
                attempt = replace(attempt, id=event_id)
            if appended:
                self._log.append((event_id, attempt))
            self.attempts.append(attempt)
            made.append(attempt)
        return made

    def open(self, number: int) -> None:
        """Open or resume a client's stream, if it has none."""
        client = self._client(number)
        if client.name in self._open:
            return
        resume = self._last.get(client.name)
        session = self._open[client.name] = Session("n", resume, self._now())
        client.sessions.append(session)
        if resume is None:
            self._at[client.name] = len(self._log)
            self._say(client, "open", self._head(len(self._log)))
            return
        self._say(client, "open", resume)
        epoch, at = resume.split("-")[0], self._at[client.name]
        if epoch != f"e{self._epoch}":
            self._gap(client, resume, "epoch")
        elif at < self._floor:
            self._gap(client, resume, "trimmed")

    def read(self, number: int, count: int) -> None:
        """Let a client have the next places of the log, if its stream is open."""
        client = self._client(number)
        while count and client.name in self._open and self._at[client.name] < len(self._log):
            if self._at[client.name] < self._floor:  # trimmed under it
                self._gap(client, self._last[client.name], "trimmed")
                continue
            event_id, attempt = self._log[self._at[client.name]]
            self._at[client.name] += 1
            count -= 1
            if client.may_see(attempt):
                self._say(client, "event", event_id, attempt.content)

    def beat(self, number: int) -> None:
        """Send a heartbeat to a client that has had everything."""
        client = self._client(number)
        if client.name in self._open and self._at[client.name] == len(self._log):
            self._say(client, "heartbeat", self._head(len(self._log)))

    def cut(self, number: int) -> None:
        """Break a client's connection."""
        self._open.pop(self._client(number).name, None)

    def trim(self, count: int) -> None:
        """Let the log forget its oldest, by whole records."""
        floor = min(len(self._log), self._floor + count)
        while floor < len(self._log) and "." in self._log[floor][0]:
            floor += 1
        self._floor = floor

    def lose(self) -> None:
        """Lose the log, and all connections with it."""
        self._open.clear()
        self._log.clear()
        self._at = dict.fromkeys(self._at, 0)
        self._floor = self._record = 0
        self._epoch += 1

    def finish(self) -> Story:
        """Let all clients have everything there is."""
        for number in range(len(self.clients)):
            self.open(number)
            self.read(number, len(self._log) + 1)
            self.beat(number)
        return self

    def _now(self) -> float:
        self.time += 1
        return self.time

    def _client(self, number: int) -> Client:
        return self.clients[number % len(self.clients)]

    def _head(self, at: int) -> str:
        return self._log[at - 1][0] if at else f"e{self._epoch}-0"

    def _say(self, client: Client, kind: str, event_id: str, content: str = "", gap_from: str | None = None) -> None:
        self._last[client.name] = event_id
        self._open[client.name].blocks.append(Block(kind, self._now(), event_id, content, gap_from))

    def _gap(self, client: Client, after: str, reason: str) -> None:
        self._at[client.name] = self._floor
        self._say(client, "gap", self._head(self._floor), reason, after)
