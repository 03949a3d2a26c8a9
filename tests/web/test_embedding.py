"""What an application of somebody's own may pass, and what it is told when it passes something else."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from sse_signals import ConfigurationError, EventBroker, SignalsService


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("allowed_hosts", "app.example.com"),
        ("allowed_hosts", set()),
        ("allowed_hosts", {"*"}),
        ("allowed_hosts", {"app.example.com:8080"}),
        ("allowed_hosts", {"app.example.com", ""}),
        ("cors_origins", {"*"}),
        ("cors_origins", {"https://app.example.com/"}),
        ("cors_origins", {"https://app.example.com:443"}),
        ("cors_origins", {"https://app.example.com:99999"}),
        ("prefix", ""),
        ("prefix", "/a/"),
        ("prefix", "/a/../b"),
        ("prefix", "/{x}"),
        ("heartbeat", 0),
        ("send_timeout", -1),
    ],
)
def test_what_cannot_work_is_refused_at_once(name: str, value: Any) -> None:
    """A setting that would match nothing, or everything, names itself instead."""
    with pytest.raises(ConfigurationError, match=f"^{name} is "):
        SignalsService.create(web.Application(), event_broker=EventBroker.from_url("memory://"), **{name: value})


def test_what_works_is_taken_as_it_is_compared() -> None:
    """Hosts in any case, None for all of them, and one origin as a text."""
    event_broker = EventBroker.from_url("memory://")
    service = SignalsService.create(
        web.Application(),
        event_broker=event_broker,
        allowed_hosts=["App.Example.com", "[::1]"],
        cors_origins="https://www.example.com:8443",
        prefix="/a/b",
    )
    assert service.site.hosts == {"app.example.com", "[::1]"}
    assert service.site.cors_origins == {"https://www.example.com:8443"}
    assert SignalsService.create(web.Application(), event_broker=event_broker, allowed_hosts=None).site.hosts is None
