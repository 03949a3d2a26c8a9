"""What is said when the packages of an extra are missing: in one place, and naming no package of a stranger."""

from __future__ import annotations


def install(extra: str) -> str:
    """Return how to install an extra of this package, in words that follow a colon.

    An index may have somebody else's package under this one's name: what is installed is a checkout.

    Args:
        extra: Its name in pyproject.toml.
    """
    return f"install its extra, as with pip install '.[{extra}]' in the checkout that sse-signals was installed from."
