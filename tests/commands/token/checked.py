"""Reading what ``sse-signals token check`` prints."""

from __future__ import annotations

import re

CHECKS = [
    *("form", "extensions", "algorithm", "type", "key", "signature"),
    *("expiry", "start", "lifetime", "issuer", "audience", "subject", "identity"),
]


def rows(text: str) -> dict[str, str]:
    """Return the result of each check in a table."""
    return dict(re.findall(r"^([a-z]+) +(passed|failed|not reached)  ", text, re.MULTILINE))


def fact(text: str, label: str) -> str:
    """Return what stands beside a label, as one line."""
    found = re.search(rf"^{label}  +(.*(?:\n {{13}}.*)*)", text, re.MULTILINE)
    assert found is not None, text
    return " ".join(found[1].split())
