"""Where a request comes from: what only trusted proxies may say, and what nobody may make up."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from ipaddress import IPv6Network, ip_address
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from sse_signals.web.address import NO_ADDRESS, NO_PROXIES, Proxies, client_address
from tests.web.rawhttp import ask, parse, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PRIVATE = Proxies.parse("10.0.0.0/8 2001:db8:ffff::/48")
CANONICAL = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-f:]*::/64|::1|unix")

V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)
TRUSTED = st.sampled_from(["10.0.0.1", "10.255.0.7", "::ffff:10.1.1.1", "2001:db8:ffff::5"])
ADDRESSES = st.one_of(V4, V6, TRUSTED)
PORTS = st.integers(0, 65535)
SPELT = st.one_of(  # an entry, and the address it spells
    ADDRESSES.map(lambda address: (address, address)),
    st.builds(lambda address, port: (f"{address}:{port}", address), V4, PORTS),
    st.builds(lambda address: (f"[{address}]", address), V6),
    st.builds(lambda address, port: (f"[{address}]:{port}", address), V6, PORTS),
)
ANYTHING = st.one_of(SPELT.map(lambda pair: pair[0]), st.text(), st.text("0123456789abcdef:.[]%, \t", max_size=30))


def asked(peer: Any, *lines: str) -> web.Request:
    """Return a request from a peer, as its transport calls it, with lines of `X-Forwarded-For`."""
    transport = Mock()
    transport.get_extra_info = lambda name, default=None: peer if name == "peername" else default
    headers = CIMultiDict([("X-Forwarded-For", line) for line in lines])
    protocol = Mock(peername=peer, transport=transport)
    return make_mocked_request("GET", "/signals/stream", headers=headers, transport=transport, protocol=protocol)


def found(peer: str, *lines: str, trusted: Proxies = PRIVATE) -> str:
    """Return the address of a request from a peer with an address."""
    return client_address(asked((peer, 4711), *lines), trusted)


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("::1%lo", "::1"),
    ],
)
def test_peers(peer: str, name: str) -> None:
    """IPv4 counts as it is, also within IPv6; IPv6 counts as its /64, which one customer has all of."""
    assert found(peer, trusted=NO_PROXIES) == name
    assert found(peer, trusted=PRIVATE) == name


@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8", "192.0.2.8", "unix"])
def test_37_who_is_not_trusted_is_not_believed(trusted: str) -> None:
    """37: whatever a client says of where it comes from, it counts for the address it speaks from."""
    for line in ("1.2.3.4", "10.0.0.1", "127.0.0.1", "::1", "192.0.2.8"):
        assert found("192.0.2.7", line, trusted=Proxies.parse(trusted)) == "192.0.2.7"


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ([], "10.0.0.1"),
        ([""], "10.0.0.1"),
        (["192.0.2.7"], "192.0.2.7"),
        (["1.1.1.1, 192.0.2.7"], "192.0.2.7"),
        (["1.1.1.1,192.0.2.7,10.0.0.3,10.9.9.9"], "192.0.2.7"),
        (["1.1.1.1", "192.0.2.7", "10.0.0.3"], "192.0.2.7"),
        (["192.0.2.7", "1.1.1.1, 10.0.0.3"], "1.1.1.1"),
        (["1.1.1.1, 192.0.2.7", ""], "192.0.2.7"),
        (["192.0.2.7 ,\t, ,10.0.0.3,"], "192.0.2.7"),
        (["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        (["192.0.2.7, unknown"], "10.0.0.1"),
        (["192.0.2.7, unknown, 10.0.0.3"], "10.0.0.3"),
        (["192.0.2.7:56"], "192.0.2.7"),
        (["[2001:db8::1]:80"], "2001:db8::/64"),
        (["[192.0.2.7]:56"], "192.0.2.7"),
        (["[2001:db8::1]"], "2001:db8::/64"),
        (["2001:db8::1"], "2001:db8::/64"),
        (["192.0.2.7, ::ffff:10.0.0.3"], "192.0.2.7"),
        (["192.0.2.7, [::ffff:10.0.0.3]:80"], "192.0.2.7"),
        (["192.0.2.7, 2001:db8:ffff::1"], "192.0.2.7"),
        (["192.0.2.7, 2001:db8:fffe::1"], "2001:db8:fffe::/64"),
        (["::ffff:192.0.2.7"], "192.0.2.7"),
        (["[::1]:80"], "::1"),
    ],
)
def test_the_way_past_proxies(lines: list[str], name: str) -> None:
    """From right to left, past trusted proxies, to the first address that is none, or to what is no address."""
    assert found("10.0.0.1", *lines) == name
    assert found("::ffff:10.0.0.1", *lines) == name


@pytest.mark.parametrize(
    "entry",
    [
        *("unknown", "_hidden", "-", "localhost", "192.0.2.7:", "192.0.2.7:x", "192.0.2.7:123456", ":80", "[]", "[::1"),
        *("::1]", "[::1]80", "fe80::1%eth0", "[::1%\x1b[31m]", "192.0.2", "192.0.2.256", "192.0.2.07"),
        *(
            "192.0.2.7/32",
            '"192.0.2.7"',
            "for=192.0.2.7",
            "192.0.2.7 192.0.2.8",
            "\uff11.2.3.4",
            "1.2.3.4\n",
            "1.2.3.4;",
        ),
    ],
)
def test_what_is_no_address(entry: str) -> None:
    """It ends the way: what stands left of it was written by nobody knows whom."""
    assert found("10.0.0.1", f"192.0.2.9, {entry}, 10.0.0.3") == "10.0.0.3"


def test_a_way_without_end() -> None:
    """Nobody has so many proxies: after 64 entries the last of them is taken, so that no header costs much."""
    hops = [f"10.0.0.{number}" for number in range(200)]
    assert found("10.0.0.1", "192.0.2.7", ",".join(hops)) == "10.0.0.136"
    assert found("10.0.0.1", "192.0.2.7", ",".join(hops[:63])) == "192.0.2.7"


@given(
    st.sampled_from(["10.0.0.1", "192.0.2.7", "::1", "what?"]), st.lists(ANYTHING | st.lists(ANYTHING).map(",".join))
)
@example("10.0.0.1", ["[::1%x]"])
def test_35_whatever_is_sent(peer: str, lines: list[str]) -> None:
    """35: no header is an error, and none can put text of its own into what is logged and counted."""
    assert CANONICAL.fullmatch(found(peer, *lines))


@given(st.lists(SPELT, max_size=6))
def test_the_way_as_an_oracle_goes_it(entries: list[tuple[str, str]]) -> None:
    """Of well-formed entries it is the right-most that no trusted network has; if all are trusted, the left-most."""

    def plain(text: str) -> Any:
        address = ip_address(text)
        return getattr(address, "ipv4_mapped", None) or address

    def trusted(address: Any) -> bool:
        return str(address).startswith("10.") or address in IPv6Network("2001:db8:ffff::/48")

    way = [ip_address("10.0.0.1"), *(plain(address) for _, address in reversed(entries))]
    address = next((each for each in way if not trusted(each)), way[-1])
    name = found("10.0.0.1", ", ".join(entry for entry, _ in entries))
    if address.version == 4 or address.is_loopback:
        assert name == str(address)
    else:
        assert address in IPv6Network(name)


@given(
    st.lists(ANYTHING, max_size=5), V4.filter(lambda text: not text.startswith("10.")), st.lists(TRUSTED, max_size=5)
)
def test_37_nobody_chooses_an_address(made_up: list[str], client: str, proxies: list[str]) -> None:
    """37: whatever a client sends along, it counts for the address that the first trusted proxy saw."""
    assert found("10.0.0.1", *made_up, ", ".join([client, *proxies])) == client


@pytest.mark.parametrize("peer", ["", "/run/client.sock", b"\0abstract", "10.0.0.1", ("2", 3)])
def test_peers_without_an_address(peer: Any) -> None:
    """They all count as one, and are believed only if Unix sockets are trusted, whatever name they gave themselves."""
    assert client_address(asked(peer), PRIVATE) == NO_ADDRESS
    assert client_address(asked(peer, "192.0.2.7"), PRIVATE) == NO_ADDRESS
    assert client_address(asked(peer), Proxies.parse("unix")) == NO_ADDRESS
    assert client_address(asked(peer, "192.0.2.7"), Proxies.parse("unix")) == "192.0.2.7"


def test_peers_that_are_gone() -> None:
    """A connection that broke before anybody saw whose it is counts as one without an address, and is not believed."""
    assert client_address(asked(None, "192.0.2.7"), Proxies.parse("unix")) == NO_ADDRESS


def test_an_address_that_the_application_states() -> None:
    """An application around the hub that has found out where a request comes from is taken at its word."""
    stated = asked(("10.0.0.1", 4711)).clone(remote="192.0.2.7")
    assert client_address(stated, NO_PROXIES) == "192.0.2.7"


@contextlib.asynccontextmanager
async def serving(trusted: Proxies, listening: socket.socket) -> AsyncIterator[None]:
    """Serve what a request's address is."""

    async def answer(incoming: web.BaseRequest) -> web.Response:
        return web.Response(text=client_address(incoming, trusted))

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        yield
    finally:
        await runner.cleanup()


async def test_37_real_connections() -> None:
    """37: on the wire too, lines are read in their order, and only if the peer is trusted."""
    lines = request("GET", "/", "X-Forwarded-For: 1.1.1.1, 192.0.2.7", "Via: x", "x-forwarded-for: 10.0.0.3")
    for text, data, name in (
        ("", lines, "127.0.0.1"),
        ("10.0.0.0/8", lines, "127.0.0.1"),
        ("127.0.0.1 10.0.0.0/8", lines, "192.0.2.7"),
        ("127.0.0.1", lines.replace(b"10.0.0.3", b"\xff\x80,\xc3\xa4"), "127.0.0.1"),
    ):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = "http://127.0.0.1:{1}".format(*listening.getsockname())
            async with serving(Proxies.parse(text), listening):
                assert (await ask(url, data)).body.decode() == name


async def test_real_unix_sockets(tmp_path: Path) -> None:
    """A peer on a Unix socket has a name, and is believed if that is trusted."""
    for text, name in (("", NO_ADDRESS), ("unix", "192.0.2.7")):
        path = f"{tmp_path}/hub-{text}.sock"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            async with serving(Proxies.parse(text), listening), asyncio.timeout(30):
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(request("GET", "/", "X-Forwarded-For: 192.0.2.7"))
                assert parse(await reader.read())[0].body.decode() == name
                writer.close()
                await writer.wait_closed()
