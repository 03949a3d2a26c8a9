"""Access: who gets an identity, who does not, and what is remembered of either."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
import structlog
from structlog.testing import capture_logs

from sse_signals.errors import IssuerUnavailable, NotAuthenticated, NotRecognised, TooMany
from sse_signals.grants import Grants, PublishGrant
from sse_signals.identity import Identity
from sse_signals.life import access as access_module
from sse_signals.life.access import Access
from sse_signals.life.limits import FailedAuthentications
from sse_signals.life.revocations import Revocation, Revocations
from sse_signals.rules import Rule, Rules
from sse_signals.topics import EVERYTHING, Filters
from tests.fakes import NOON
from tests.life.clock import Clock
from tests.life.cluster import ANN, HOUR, State

if TYPE_CHECKING:
    from sse_signals.interfaces import Authenticator, Credentials

ADDRESS = "192.0.2.1"
PUBLISH = PublishGrant(EVERYTHING)


@dataclass
class Kind:
    """An authenticator of tokens that begin with its name."""

    name: str
    known: dict[str, Identity] = field(default_factory=dict)
    failing: Exception | None = None
    asked: list[str] = field(default_factory=list)

    async def authenticate(self, credentials: Credentials) -> Identity:
        self.asked.append(credentials.token)
        if not credentials.token.startswith(self.name):
            raise NotRecognised("unknown-token", "Another kind.", hint="None.")
        if self.failing is not None:
            raise self.failing
        if credentials.token not in self.known:
            raise NotAuthenticated("unknown-key", "Not known.", hint="None.")
        return self.known[credentials.token]


@dataclass
class Looking(Kind):
    """One that also looks again."""

    today: Identity | None = None

    async def refresh(self, identity: Identity) -> Identity:
        self.asked.append(f"refresh {identity.subject}")
        return self.today or identity


class Door:
    """Access, with all that it needs in a test's hands."""

    def __init__(
        self, *authenticators: Authenticator, rules: Rules | None = None, anonymous: bool = False, leeway: float = 0.0
    ) -> None:
        self.now_ms = NOON
        self.clock = Clock()
        self.revocations = Revocations(State(), lifetime=3600, clock=lambda: self.now_ms)
        self.access = Access(
            authenticators,
            rules=rules or Rules(),
            revocations=self.revocations,
            failures=FailedAuthentications(burst=2, every_s=1, clock_s=self.clock),
            anonymous=anonymous,
            leeway=leeway,
            clock=lambda: self.now_ms,
            logger=structlog.get_logger("sse_signals"),
        )

    async def cause(self, token: str, address: str = ADDRESS) -> str:
        """Return why a token is refused."""
        with pytest.raises((NotAuthenticated, TooMany, IssuerUnavailable)) as caught:
            await self.access.authenticate(token, address)
        error = caught.value
        if isinstance(error, NotAuthenticated):
            return error.cause
        return error.reason if isinstance(error, TooMany) else "issuer"


def who(subject: str = ANN, **more: object) -> Identity:
    """Return what an authenticator says."""
    return replace(Identity(subject, expires_ms=NOON + HOUR, issued_ms=NOON - 1, token_id="t1"), **more)  # type: ignore[arg-type]


async def test_authenticators_are_asked_in_turn_until_one_knows_the_kind() -> None:
    """The first that knows it decides, well or badly."""
    first, second, third = Kind("a"), Kind("b", {"b1": who()}), Kind("b", {"b2": who()})
    door = Door(first, second, third)
    assert (await door.access.authenticate("b1", ADDRESS)).subject == ANN
    assert await door.cause("b2") == "unknown-key"
    assert [first.asked, second.asked, third.asked] == [["b1", "b2"], ["b1", "b2"], []]
    assert await door.cause("c", "192.0.2.2") == "unknown-token"


async def test_13_what_an_authenticator_still_believes_is_checked_again() -> None:
    """13: expiry and revocation are checked each time, whatever an authenticator remembers."""
    door = Door(Kind("a", {"a1": who()}))
    await door.access.authenticate("a1", ADDRESS)
    door.revocations.note(Revocation("token", "t1", NOON))
    assert await door.cause("a1") == "revoked"
    door = Door(Kind("a", {"a1": who()}))
    identity = await door.access.authenticate("a1", ADDRESS)
    door.now_ms = NOON + HOUR - 1
    door.access.check(identity)
    door.now_ms += 1
    with pytest.raises(NotAuthenticated, match="expired"):
        door.access.check(identity)
    assert await door.cause("a1") == "expired"


async def test_an_address_that_fails_too_often_has_to_wait() -> None:
    """Before anything is asked; but who was let in before does not wait for what others there did."""
    kind = Kind("a", {"a1": who(), "a2": who(token_id="t2")})
    door = Door(kind)
    await door.access.authenticate("a1", ADDRESS)
    assert [await door.cause(f"a{n}") for n in (7, 8, 9)] == ["unknown-key", "unknown-key", "failed-authentications"]
    assert kind.asked[-1] == "a8"
    await door.access.authenticate("a1", ADDRESS)
    assert await door.cause("a2") == "failed-authentications"
    await door.access.authenticate("a2", "192.0.2.2")
    door.clock.now += 1
    await door.access.authenticate("a2", ADDRESS)


async def test_who_is_refused_is_no_longer_somebody_who_was_let_in() -> None:
    """A token that was good once and is not any more waits like any other."""
    kind = Kind("a", {"a1": who()})
    door = Door(kind)
    await door.access.authenticate("a1", ADDRESS)
    kind.known.clear()
    assert [await door.cause("a1") for _ in range(3)] == ["unknown-key", "unknown-key", "failed-authentications"]


async def test_an_issuer_that_is_down_is_nobody_s_failure() -> None:
    """Nobody is counted, and nothing is logged as a refusal."""
    kind = Kind("a", failing=IssuerUnavailable("no answer"))
    door = Door(kind)
    with capture_logs() as logs:
        assert [await door.cause("a1") for _ in range(5)] == ["issuer"] * 5
    assert logs == []


async def test_11_a_refusal_is_one_log_line_without_the_token() -> None:
    """11: it says the cause and where it came from, and not what was shown."""
    door = Door(Kind("a"))
    with capture_logs() as logs:
        await door.cause("a-canary-secret")
    assert [(entry["cause"], entry["remote"]) for entry in logs] == [("unknown-key", ADDRESS)]
    assert "canary" not in repr(logs)
    assert "canary" not in repr(door.access._known)


async def test_nobody_may_listen_only_where_anybody_may() -> None:
    """Who shows nothing is somebody anonymous, with the rules that there are for them, or refused."""
    rules = Rules(private=Filters.parse(["secret"]), rules=(Rule(frozenset({"anonymous"}), publish=(PUBLISH,)),))
    somebody = Door(Kind("a"), rules=rules, anonymous=True).access.nobody(ADDRESS)
    assert (somebody.subject, somebody.grants.publish, somebody.grants.unmarked) == (None, (PUBLISH,), True)
    assert somebody.owns == frozenset()
    with capture_logs() as logs, pytest.raises(NotAuthenticated) as caught:
        Door(Kind("a")).access.nobody(ADDRESS)
    assert caught.value.cause == logs[0]["cause"] == "no-credentials"


async def test_rules_are_applied_once_to_the_same_identity() -> None:
    """What an authenticator remembers costs no rules again; what it says anew does."""
    kind = Kind("a", {"a1": who(), "a2": who()})
    door = Door(kind, rules=Rules(rules=(Rule(frozenset({ANN}), publish=(PUBLISH,)),)))
    first = await door.access.authenticate("a1", ADDRESS)
    assert first.grants.publish == (PUBLISH,)
    assert first.stated == Grants()
    assert await door.access.authenticate("a1", ADDRESS) is first
    kind.known["a1"] = who(owns=frozenset({"group:default/g"}))
    assert (await door.access.authenticate("a1", ADDRESS)).owns == {"group:default/g"}


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token that was used longest ago is forgotten first."""
    monkeypatch.setattr(access_module, "KNOWN", 2)
    door = Door(Kind("a", {f"a{n}": who() for n in range(4)}))
    first = await door.access.authenticate("a0", ADDRESS)
    for token in ("a1", "a0", "a2", "a3"):
        await door.access.authenticate(token, ADDRESS)
    assert len(door.access._known) == 2
    assert await door.access.authenticate("a0", ADDRESS) is not first


async def test_15_a_second_look_applies_the_rules_to_what_is_owned_today() -> None:
    """15: gained and lost ownership is gained and lost grants; what did not change stays the very same identity."""
    group = "group:default/ops"
    rules = Rules(rules=(Rule(frozenset({group}), publish=(PUBLISH,), admin=True),))
    looking = Looking("a", {"a1": who()})
    door = Door(Kind("x"), looking, rules=rules)
    before = await door.access.authenticate("a1", ADDRESS)
    assert await door.access.refreshed(before) is before
    looking.today = who(owns=frozenset({group}))
    gained = await door.access.refreshed(before)
    assert gained.owns == {group}
    assert (gained.grants.admin, gained.grants.publish) == (True, (PUBLISH,))
    looking.today = who()
    lost = await door.access.refreshed(gained)
    assert (lost.owns, lost.grants.admin, lost.grants.publish) == (frozenset(), False, ())


async def test_without_anybody_who_looks_again_nothing_changes() -> None:
    """Most tokens say all there is to know."""
    door = Door(Kind("a", {"a1": who()}))
    identity = await door.access.authenticate("a1", ADDRESS)
    assert await door.access.refreshed(identity) is identity


async def test_2_the_leeway_is_for_requests_and_not_for_what_lasts() -> None:
    """2: a token may be shown until so long after its expiry; a stream that it opened ends exactly then."""
    door = Door(Kind("a", {"a1": who()}), leeway=30)
    door.now_ms = NOON + HOUR + 29_999
    late = await door.access.authenticate("a1", ADDRESS)
    with pytest.raises(NotAuthenticated, match="expired"):
        door.access.check(late)
    door.now_ms += 1
    assert await door.cause("a1") == "expired"


async def test_who_makes_up_issuers_has_to_wait() -> None:
    """An issuer that cannot be asked and that the token itself has named counts as a failure of the address."""
    door = Door(Kind("a", failing=IssuerUnavailable("no answer", named=True)))
    assert [await door.cause("a1") for _ in range(3)] == ["issuer", "issuer", "failed-authentications"]


async def test_what_is_shown_besides_tokens_counts_too() -> None:
    """Whoever refuses something else says so, and asks first whether the address may try at all."""
    door = Door(Kind("a"))
    error = NotAuthenticated("bad-session", "No.", hint="None.")
    with capture_logs() as logs:
        for _ in range(2):
            door.access.check_address(ADDRESS)
            door.access.refused(error, ADDRESS)
    assert [entry["cause"] for entry in logs] == ["bad-session"] * 2
    with pytest.raises(TooMany):
        door.access.check_address(ADDRESS)


async def test_the_reason_of_who_knew_its_form_is_the_one_that_helps() -> None:
    """A token that one authenticator could read, though not for this hub, is refused for what that one said of it."""

    class Near(Kind):
        async def authenticate(self, credentials: Credentials) -> Identity:
            self.asked.append(credentials.token)
            raise NotRecognised("wrong-issuer", "It is of another issuer.", hint="None.")

    assert await Door(Near("a"), Kind("b")).cause("c") == "wrong-issuer"


async def test_a_token_that_is_no_text_is_refused_like_any_other() -> None:
    """Bytes that are no UTF-8 arrive as lone surrogates, and are no failure of the hub's."""
    assert await Door(Kind("a")).cause("\udcff") == "unknown-token"
