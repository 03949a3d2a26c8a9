"""Configurations of proxies: right, and wrong on purpose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from sse_signals.doctor.remedies import REMEDIES

ORIGIN: Final = "https://app.example.com"
NOTE: Final = "six-connections"

# What a line counts as: a later one of the same kind replaces it.
_WITH_ARGUMENT: Final = frozenset({"proxy_set_header", "proxy_hide_header", "add_header", "header_up", "header_down"})


@dataclass(frozen=True)
class Row:
    """One configuration, and what is to be found behind it.

    Attributes:
        name: What it is.
        lines: What is wrong with it.
        found: The findings besides the note on plain HTTP.
        section: Where the lines stand; proxies differ in what sections they have.
        hub: Which of the hubs stands behind: ``quick`` (a heartbeat a second), ``slow``, ``slower`` or ``known``
            (with tokens).
        tls: Whether TLS is spoken.
        http2: Whether TLS offers HTTP/2.
        origin: The page that shall be allowed.
        token: Whether a token is given.
        path: The path that is given.
        verify: Whether certificates have to be valid.
        seconds: How long to watch at least.
        curable: Whether the lines that are printed mend it where it is: not all of them can stand there.
    """

    name: str
    lines: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    section: str = "location"
    hub: str = "quick"
    tls: bool = False
    http2: bool = True
    origin: str | None = ORIGIN
    token: bool = False
    path: str = "/signals"
    verify: bool = False
    seconds: float = 3.0
    curable: bool = True


def cured(row: Row, proxy: str) -> Row:
    """Return a row as it is when the lines are changed that are printed for its findings."""
    lines = list(row.lines)
    for name in row.found:
        for line in _parts(REMEDIES[name][proxy]):
            lines = [*(other for other in lines if kind(other) != kind(line)), line]
    return replace(row, name=f"{row.name}, cured", lines=tuple(lines), found=())


def curable(row: Row, proxy: str) -> bool:
    """Say whether lines are printed for all that is found, and not only what to look for."""
    return (
        row.curable
        and bool(row.found)
        and all(not REMEDIES.get(name, {}).get(proxy, "#").startswith("#") for name in row.found)
    )


def _parts(remedy: str) -> list[str]:
    line = remedy.partition("  #")[0].replace("zone=ZONE", "zone=requests").replace("ZONE", "addresses")
    if "{" in line:
        return [line]
    return [f"{part.strip()};" for part in line.split(";") if part.strip()] if line.endswith(";") else [line]


def kind(line: str) -> str:
    """Return what a line counts as: one replaces another of its kind."""
    words = line.replace(">", "").replace("header_up -", "header_up ").replace("header_down -", "header_down ").split()
    return " ".join(words[:2]).lower() if words[0] in _WITH_ARGUMENT else words[0]
