"""What a tab shows the hub before it shares with others, item 46 of the security checklist, and who steps back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.authenticated import Tokens
from tests.e2e.tabs import until
from tests.e2e.town import ANN, BOB, HELD, People, Town

if TYPE_CHECKING:
    from tests.e2e.tabs import Browsing

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]


async def test_46_a_follower_proves_who_it_is(room: Browsing) -> None:
    """46: whoever comes second shows its own token before it hears anything, whatever it says and whoever leads."""
    town = Town(room)
    ann = await town.tab(ANN, subject=ANN)
    assert await room.leader() is ann
    liar = await town.tab(BOB, token=Tokens.issue(room.hub.tokens, BOB, BOB), subject=ANN)
    await room.streams(2)
    await town.publish()
    await room.judge()
    assert not {json.dumps(message) for _, message in liar.heard[0].got} & set(town.secrets(BOB))


@pytest.mark.parametrize("opaque", [False, True])
async def test_46_a_follower_becomes_somebody_else(room: Browsing, opaque: bool) -> None:
    """46: a follower whose token() is somebody else's by now leaves, at the latest when the stream is to be renewed."""
    town = Town(room)
    make = Tokens.issue if opaque else People.issue

    def token(who: str, seconds: int) -> str:
        return make(room.hub.tokens, who, who, seconds=seconds)  # type: ignore[arg-type]

    leads = await town.tab(ANN, token=token(ANN, 200), subject=ANN)
    changes = await town.tab(ANN, token=token(ANN, 100), subject=ANN)
    assert await room.leader() is leads
    await room.streams(1)
    await town.publish()
    await until(lambda: len(changes.heard[0].got) >= 30)
    was = len(changes.heard[0].got)
    changes.heard[0].until = len(town.feed.published)
    await changes.sign_in(token(BOB, 900))
    await leads.sign_in(token(ANN, 900))
    room.hub.clock.advance(150)
    await room.streams(2)
    await town.publish()
    last = await town.feed.publish(None)
    await until(lambda: all(tab.heard[0].has(last) for tab in room.tabs))
    assert not {json.dumps(message) for _, message in changes.heard[0].got[was:]} & set(town.secrets(BOB))
    assert leads.heard[0].fault() is None


async def test_46_a_cookie_of_somebody_else(room: Browsing) -> None:
    """46: a tab that says it is Ann, and whose cookie is Bob's, does not follow Ann's tabs."""
    town = Town(room)
    for who in (ANN, BOB):
        cookie = {"name": HELD, "value": town.token(who), "url": room.hub.url}
        await room.context.add_cookies([cookie])  # type: ignore[list-item]
        await room.tab("news", owns=[who], credentials="include", subject=ANN)
    await room.streams(2)
    await town.publish()
    await room.judge()


@pytest.mark.parametrize("late", [False, True])
async def test_a_tab_without_a_good_token_holds_nothing(room: Browsing, late: bool) -> None:
    """Whose only token is refused from the start keeps nobody from listening, who was there before or comes later."""
    town = Town(room)
    good = None if late else await town.tab(ANN)
    stale = await room.blank()
    await stale.start(token=town.token(ANN, seconds=-10), fixed=True)
    refused = "(client) => { client.subscribe('news', () => {}); return client.ready.catch(() => client.status); }"
    assert await stale.page.evaluate(f"({refused})(clients.main)") == "refused"
    good = good or await town.tab(ANN)
    assert await room.leader() is good
    await room.streams(1)
    await town.publish()
    await room.judge()


async def test_a_leader_without_a_good_token_steps_down(room: Browsing) -> None:
    """Whose token is refused, and has no other, does not keep the other tabs of the same person from listening."""
    town = Town(room)
    first = await town.tab(ANN, token=town.token(ANN, seconds=100), fixed=True)
    second = await town.tab(ANN)
    assert await room.leader() is first
    await town.publish()
    first.heard[0].until = len(town.feed.published)
    room.hub.clock.advance(150)
    assert await room.leader(second) is second
    await room.streams(1)
    assert await first.page.evaluate("clients.main.status") == "refused"
    await town.publish()
    await room.judge()


async def test_a_leader_prolongs_the_stream_for_all(room: Browsing) -> None:
    """The one stream goes on with a fresh token of the leading tab."""
    town = Town(room)
    first = await town.tab(ANN, token=town.token(ANN, seconds=100))
    await town.tab(ANN)
    await first.sign_in(town.token(ANN))
    room.hub.clock.advance(50)
    await town.publish()
    security = room.hub.service.site.security
    assert security is not None
    await until(
        lambda: all((stream.identity.expires_ms or 0) > room.hub.clock() + 3e6 for stream in security.lives.streams)
    )
    room.hub.clock.advance(100)
    await town.publish()
    await room.judge()
    assert len([asked for asked in room.asked if not asked.poll]) == 1
