"""The fixture of `sse_signals.testing`, for pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.testing.kit import SignalsHub, hub

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "signals_hub(authentication=False, …): how the hub of the test is made")


@pytest.fixture
def signals_hub(request: pytest.FixtureRequest) -> Iterator[SignalsHub]:
    """A hub of the test's own; ``@pytest.mark.signals_hub(authentication=True)`` says how it is made.

    The markers of a module, a class and a test add up; of an option that several give, the nearest counts.
    """
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("signals_hub"))):  # from the farthest to the nearest
        if marker.args:
            given = ", ".join(map(repr, marker.args))
            pytest.fail(
                f"signals_hub({given}): its options have names: signals_hub(authentication=True)", pytrace=False
            )
        options |= marker.kwargs
    with hub(**options) as running:
        yield running
