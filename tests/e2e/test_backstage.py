"""A whole hub beside a Backstage: its users, its plugins, its keys, and what holds while it cannot be reached."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.auth.backstage_issuer import JANE, USERINFO, USERS_JWKS, Backstage, plugin_jwks
from tests.auth.issuer import signing_key
from tests.e2e.backstage_site import JOE, A, B, Site, a_backstage, a_site, beside, to  # noqa: F401 - fixtures
from tests.web.rawhttp import DEADLINE, messages

if TYPE_CHECKING:
    from pathlib import Path


async def test_groups_of_a_user(site: Site) -> None:
    """What a plugin sends to a group reaches its members, whose tokens do not say what they own, and nobody else."""
    jane, joe = site.source.user(), site.source.user("User:Default/JOE")
    async with site.stream(jane) as janes, site.stream(joe) as joes:
        assert [(await stream.opened())["subject"] for stream in (janes, joes)] == [JANE, JOE]
        await site.send(A, B, JANE, "Group:Team-A", "group:default/nobody", None)
        expected = [A, JANE, "Group:Team-A", "everyone", "end"], [B, "everyone", "end"]
        assert await janes.until_end() == expected[0]
        assert await joes.until_end() == expected[1]
    for token, seen in zip((jane, joe), expected, strict=True):
        assert messages((await site.poll(token)).body) == seen
    assert site.source.server.requests[USERINFO] == 2
    assert site.source.tokens == [jane, joe]


async def test_what_the_token_says_itself(site: Site) -> None:
    """Where tokens hold `ent`, nobody is asked, and it alone counts."""
    async with site.stream(site.source.user(ent=[JANE, B])) as stream:
        await stream.opened()
        await site.send(A, B, JANE)
        assert await stream.until_end() == [B, JANE, "end"]
    assert site.source.server.requests[USERINFO] == 0


async def test_a_limited_token_in_a_cookie(source: Backstage) -> None:
    """A user's limited token gets what its groups get: in a header, or in Backstage's cookie on an own page."""
    async with beside(source, cookie="backstage-auth") as site:
        token = source.limited()
        cookie = f"Cookie: backstage-auth={token}"
        async with site.stream(token) as shown, site.stream(None, cookie, "Sec-Fetch-Site: same-origin") as sent:
            for stream in (shown, sent):
                assert (await stream.opened())["subject"] == JANE
            await site.send(A, B)
            assert await shown.until_end() == await sent.until_end() == [A, "end"]
        for page in ("Sec-Fetch-Site: same-site", "Origin: http://localhost:3000"):
            assert (await site.poll(None, cookie, page)).kind == "origin-not-allowed"


async def test_a_plugin_publishes_as_itself_only(site: Site) -> None:
    """A plugin's token publishes to its own channels, in either form, and to no others; users do not publish at all."""
    for plugin in ("notifications", "cat"):
        site.source.install(plugin)
    own, other = {"plugin": "catalog", "topic": "x"}, {"plugin": "notifications", "topic": "x"}
    granted = [to(None, 1), to(None, 2, "catalog"), {"message": 3, **own}, {"message": 4, "topic": "catalog:a:b"}]
    refused = [
        to(None, "no", "notifications"),
        to(JANE, "no", "notifications:x"),
        to(None, "no", "catalogue"),
        to(None, "no", "x"),
        {"message": "no", **other},
        {"message": "no", "topic": "notifications"},
        {"message": "no", "topic": "x"},
        {"message": "no"},
    ]
    token = site.source.plugin()
    for payload in granted:
        assert (await site.publish(token, payload)).status == 202, payload
    for payload in refused:
        assert (await site.publish(token, payload)).kind == "not-granted", payload
    assert (await site.publish(token, granted[0], refused[0])).status == 403
    assert (await site.publish(site.source.plugin("notifications"), refused[0] | {"message": 5})).status == 202
    for stranger in (
        site.source.plugin("notifications"),
        site.source.plugin("cat"),
        site.source.plugin(obo=JANE, sub="cat"),
    ):
        assert (await site.publish(stranger, granted[0])).kind == "not-granted"
    for user in (site.source.user(), site.source.limited(), site.source.user("user:default/catalog")):
        assert (await site.publish(user, granted[0])).kind == "not-granted"
    forged = site.source.plugin(key=site.source.plugin_keys["notifications"])
    assert (await site.publish(forged, granted[0])).kind == "unknown-key"
    assert (await site.publish(site.source.plugin(aud="catalog"), granted[0])).kind == "wrong-audience"
    assert messages((await site.poll(site.source.user())).body) == [1, 2, 3, 4, 5]


async def test_no_rule_makes_a_plugin_another(source: Backstage, tmp_path: Path) -> None:
    """A rule may grant a plugin whatever it likes: the plugin's token publishes as that plugin all the same."""
    rules = tmp_path / "rules.toml"
    await asyncio.to_thread(rules.write_text, '[[rule]]\nwho = ["plugin:catalog", "*"]\npublish = ["*"]\n')
    async with beside(source, rules=str(rules)) as site:
        token = source.plugin()
        for payload in (to(None, "no", "notifications"), {"message": "no", "topic": "x"}, {"message": "no"}):
            assert (await site.publish(token, payload)).kind == "not-granted"
            assert (await site.publish(source.user(), payload | {"message": "yes"})).status == 202
        assert (await site.publish(token, to(None, "yes"))).status == 202
        assert messages((await site.poll(source.user())).body) == ["yes"] * 4


async def test_new_keys_while_streams_are_open(site: Site) -> None:
    """When keys change, open streams go on, tokens signed with new ones are good at once, with old ones no longer."""
    source = site.source
    old, old_plugin = source.user(), source.plugin()
    async with site.stream(old) as before:
        await before.opened()
        await site.send(A)
        assert await before.until_end() == [A, "end"]
        source.clock.advance(11)
        source.rotate_users("users-2")
        source.rotate("catalog", "catalog-2")
        async with site.stream(source.user()) as after:
            await after.opened()
            await site.send(A)
            for stream in (before, after):
                assert await stream.until_end() == [A, "end"]
        assert (await site.poll(old)).kind == "unknown-key"
        assert (await site.publish(old_plugin, to(None, 1))).kind == "unknown-key"
        await site.look_again()
        await site.send(B, A)
        assert await before.until_end() == [A, "end"]
    keys = [source.server.requests[path] for path in (USERS_JWKS, plugin_jwks("catalog"))]
    assert keys == [2, 2]


async def test_a_backstage_that_is_down(site: Site) -> None:
    """While Backstage is down those whom it knows go on; others are told to come back, and may when it is up again."""
    source = site.source
    jane = source.user()
    async with site.stream(jane) as open_before:
        await open_before.opened()
        await site.send(A)
        await open_before.until_end()
        source.down()
        await site.look_again()
        async with site.stream(source.user(uip="another")) as opened_now:
            assert (await opened_now.opened())["subject"] == JANE
            await site.send(A, B)
            for stream in (open_before, opened_now):
                assert await stream.until_end() == [A, "end"]

        stranger = source.user(JOE)
        async with site.stream(stranger) as stream:
            assert await stream.goodbye() == "issuer-unavailable"
        poll = await site.poll(stranger)
        assert (poll.status, poll.kind) == (503, "issuer-unavailable")
        assert int(poll.headers["Retry-After"]) >= 1
        source.plugin_keys["search"] = signing_key("search-1")
        unknown = await site.publish(source.plugin("search"), to(None, 1, "search"))
        assert (unknown.status, unknown.kind) == (503, "issuer-unavailable")
        new_key = await site.poll(source.user(key=signing_key("users-9")))
        assert (new_key.status, new_key.kind) == (503, "issuer-unavailable")

        source.up()
        source.clock.advance(11)
        async with site.stream(stranger) as stream:
            assert (await stream.opened())["subject"] == JOE
            assert (await site.publish(source.plugin("search"), to(B, 1, "search"))).status == 202
            await site.send(B)
            assert await stream.until_end() == [1, B, "end"]
        assert await open_before.until_end() == ["end"]


async def test_groups_that_change(site: Site) -> None:
    """Who joins or leaves a group gets what it gets, or no longer, on the open stream; who is gone is sent away."""
    source = site.source
    jane = source.user()
    async with site.stream(jane) as stream:
        await stream.opened()
        source.groups[JANE] = [B]
        await site.send(A, B)
        assert await stream.until_end() == [A, "end"]
        await site.look_again()
        await site.send(A, B, JANE)
        assert await stream.until_end() == [B, JANE, "end"]
        source.withdrawn.add(jane)
        await site.look_again()
        assert await stream.goodbye() == "revoked"
    assert (await site.poll(jane)).kind == "ownership-refused"


async def test_a_token_that_is_renewed(site: Site) -> None:
    """A stream ends when its token does, unless a fresh one of the same user comes in time, with what it owns then."""
    source = site.source
    async with site.stream(source.user()) as renewed, site.stream(source.user(uip="other")) as ends:
        name = (await renewed.opened())["stream"]
        await ends.opened()
        source.clock.advance(3541)
        for stream in (renewed, ends):
            assert (await stream.next())[0] == "signals.expiring"
        source.groups[JANE] = [B]
        assert (await site.ask("POST", f"streams/{name}/renew", token=source.user(JOE))).status == 403
        assert (await site.ask("POST", f"streams/{name}/renew", token=source.user())).status == 200
        source.clock.advance(60)
        assert await ends.goodbye() == "expired"
        await site.send(A, B)
        assert await renewed.until_end() == [B, "end"]


async def test_a_hub_that_starts_before_backstage(source: Backstage) -> None:
    """A hub starts without Backstage, and works as soon as that is there."""
    source.down()
    async with beside(source) as site:
        async with asyncio.timeout(DEADLINE), site.stream(source.user()) as stream:
            assert await stream.goodbye() == "issuer-unavailable"
        source.up()
        source.clock.advance(11)
        async with site.stream(source.user()) as stream:
            await stream.opened()
            await site.send(A)
            assert await stream.until_end() == [A, "end"]
