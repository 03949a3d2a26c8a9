"""Changing who listens on a network that a test moves by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes import Network

GROUP = "group:default/a"
OTHER = "group:default/b"


def turn(network: Network) -> None:
    """Let the loop go round until nothing is due."""
    network.scheduler.advance(0)
