"""Which address a request comes from, for limits and logs: only trusted proxies are believed.

`X-Forwarded-For` is text that anybody can send. Each proxy appends the address that it was spoken to from, so the entry
at the right end is as true as the peer is trusted, the one before it as true as the proxy named after it, and what is
left of the first address that is no trusted proxy is hearsay. Whoever could choose their own address here would have no
limit of streams, publishes or failed authentications, and could use up those of others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface
from typing import TYPE_CHECKING, Final, TypeAlias

from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

NO_ADDRESS: Final = "unix"  # the name of all peers without an address: those on a Unix socket
_UNIX: Final = ("unix", "unix:")  # the second as nginx writes it
_MOST_HOPS: Final = 64
_ENTRY: Final = re.compile(r"(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\])(?::[0-9]{1,5})?|([0-9A-Fa-f:.]+)")
_NETWORK: Final = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?")
_MAPPED: Final = 96  # bits before the IPv4 address in an IPv4-mapped one: RFC 4291, section 2.5.5.2
_SITE: Final = 64  # bits of what one customer has at least: RFC 6177, section 2


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies whose `X-Forwarded-For` is believed; without any, nobody's is.

    Attributes:
        networks: Where they are.
        unix: Whether peers on a Unix socket are such proxies.
    """

    networks: tuple[Network, ...] = ()
    unix: bool = False

    @classmethod
    def parse(cls, text: str) -> Proxies:
        """Return the proxies of a setting: addresses and networks, separated by commas or spaces, and ``unix``.

        Raises:
            ConfigurationError: An entry is no address or network, or is every address there is.
        """
        entries = text.replace(",", " ").split()
        networks = tuple(_network(entry) for entry in entries if entry not in _UNIX)
        return cls(networks, unix=len(networks) < len(entries))

    def __contains__(self, address: Address | None) -> bool:
        """Say whether an address is a proxy's; None is a peer without an address."""
        return self.unix if address is None else any(address in network for network in self.networks)


NO_PROXIES: Final = Proxies()


def client_address(request: web.BaseRequest, trusted: Proxies) -> str:
    """Return the address a request comes from, in the form in which addresses are counted. It never raises.

    It is the peer's own, unless that is a trusted proxy: then `X-Forwarded-For` is read from right to left, over all
    its lines, past trusted proxies, to the first address that is none. An entry that is no address ends the way, and
    the last address before it on the way counts. An IPv6 address counts as its /64, since one customer has all of it;
    an IPv4-mapped one is IPv4. Peers without an address count as one, `NO_ADDRESS`.

    Args:
        request: The request.
        trusted: The proxies that are believed.
    """
    if request.remote is None:  # the connection is gone already
        return NO_ADDRESS
    if trusted is NO_PROXIES and request.remote != request.get_extra_info("peername"):
        return _counted_text(request.remote)
    peer = _peer(request, request.remote)
    return _counted(_walked(peer, request.headers.getall("X-Forwarded-For", ()), trusted) if peer in trusted else peer)


@lru_cache(maxsize=10_000)  # the same few come again and again
def _counted_text(remote: str) -> str:
    return _counted(_address(remote.partition("%")[0]))


def _peer(request: web.BaseRequest, remote: str) -> Address | None:
    # On a Unix socket the client chooses its name, which is a path: one like "10.0.0.1" is no address.
    return None if remote == request.get_extra_info("peername") else _address(remote.partition("%")[0])


def _walked(peer: Address | None, lines: Iterable[str], trusted: Proxies) -> Address | None:
    found = peer
    entries = ",".join(lines).rsplit(",", _MOST_HOPS)[-_MOST_HOPS:]
    for entry in filter(None, (entry.strip(" \t") for entry in reversed(entries))):
        address = _forwarded(entry)
        if address is None:
            break
        found = address
        if address not in trusted:
            break
    return found


def _forwarded(entry: str) -> Address | None:
    match = _ENTRY.fullmatch(entry)
    return _address(match[1] or match[2] or match[3]) if match else None


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _counted(address: Address | None) -> str:
    if address is None:
        return NO_ADDRESS
    if isinstance(address, IPv4Address) or address.is_loopback:
        return str(address)
    return str(IPv6Network((address, _SITE), strict=False))


def _network(entry: str) -> Network:
    try:
        written = ip_interface(entry if _NETWORK.fullmatch(entry) else "")
    except ValueError:
        detail = "it may be addresses, networks such as 10.0.0.0/8 or 2001:db8::/32, and unix, separated by commas or "
        raise ConfigurationError(f"SIGNALS_TRUSTED_PROXIES names {entry!r}: {detail}spaces.") from None
    network: Network = written.network
    if written.ip != network.network_address:
        detail = f"did you mean the network {network} or the address {written.ip}?"
        raise ConfigurationError(f"SIGNALS_TRUSTED_PROXIES names {entry!r}: {detail}")
    mapped = getattr(written.ip, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= _MAPPED:
        network = IPv4Network((mapped, network.prefixlen - _MAPPED))
    if not network.prefixlen:
        detail = "whoever reaches the hub could then choose an address; name the networks of the proxies alone."
        raise ConfigurationError(f"SIGNALS_TRUSTED_PROXIES names {entry!r}: {detail}")
    return network
