"""The fixture of `sse_signals.testing`, for pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sse_signals.testing.kit import SignalsHub, hub

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "signals_hub(authentication=False, …): how the hub of the test is made")


@pytest.fixture
def signals_hub(request: pytest.FixtureRequest) -> Iterator[SignalsHub]:
    """A hub of the test's own; ``@pytest.mark.signals_hub(authentication=True)`` says how it is made."""
    marker = request.node.get_closest_marker("signals_hub")
    with hub(**({} if marker is None else marker.kwargs)) as running:
        yield running
