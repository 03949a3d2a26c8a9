"""Runs of the suite in this process."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sse_signals.bench.target import parse
from sse_signals.conformance import adapters, catalogue
from sse_signals.conformance.adapter_file import AdapterFile
from sse_signals.conformance.first_contact import meet
from sse_signals.conformance.hub import Hub
from sse_signals.conformance.requests import Requests
from sse_signals.conformance.run import try_all

if TYPE_CHECKING:
    from sse_signals.conformance.adapter import Adapter
    from sse_signals.conformance.outcome import Result, Verdict

ENOUGH: Final = 15.0  # seconds, where nothing is waited for in vain


def described(text: str) -> Adapter:
    """Return a description, or one that comes with the package."""
    return AdapterFile("hub.toml", catalogue.NAMES).parse(adapters.BUILT_IN.get(text, text))


def hub_at(url: str, adapter: str, *, patience: float = 5.0, token: str | None = None, **changes: Any) -> Hub:
    """Return a hub that is to be tried."""
    address, path = parse(url)
    command = changes.pop("drain_command", None)
    known = replace(described(adapter), **changes)
    requests = Requests(address, path, token=token)
    return Hub(known, requests, secrets.token_hex(4), patience=patience, drain_command=command)


def unhurried(url: str, adapter: str) -> Hub:
    """Return a hub that is to be tried with so much patience, in all things, that only what never comes is late."""
    return hub_at(url, adapter, patience=ENOUGH, drain=replace(described(adapter).drain, within=ENOUGH))


async def ran(hub: Hub, *only: str) -> dict[str, Result]:
    """Try cases; return how each ended."""
    results: list[Result] = []
    try:
        await meet(hub)
        await try_all(hub, catalogue.chosen(only), results.append)
    finally:
        await hub.close()
    return {result.case.full_name: result for result in results}


def ended(results: dict[str, Result], verdict: Verdict) -> set[str]:
    """Return the cases that ended so."""
    return {name for name, result in results.items() if result.verdict is verdict}


def told(results: dict[str, Result], verdict: Verdict) -> dict[str, str]:
    """Return what was seen in the cases that ended so."""
    return {name: result.seen for name, result in results.items() if result.verdict is verdict}
