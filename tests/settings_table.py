"""The table of settings in README.md: ``python -m tests.settings_table`` writes it anew from the settings."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any, Final

from sse_signals.settings import Settings, option, variable
from tests.pages import ROOT

BEGIN: Final = "<!-- the settings, written by python -m tests.settings_table -->\n"
END: Final = "<!-- end of the settings -->\n"
_HEAD: Final = "| variable | option | default | what it may be | what it is for |\n|---|---|---|---|---|"
_THEMES: Final = {
    "Where it listens": ("host", "port", "workers", "prefix", "trusted_proxies", "cors_origins", "insecure"),
    "The log": (
        *("broker", "broker_name", "idempotency_window", "sqlite_synchronous", "nats_replicas", "redis_volatile"),
        *("history_count", "history_bytes", "history_age"),
    ),
    "Streams and publishing": (
        *("heartbeat", "send_timeout", "max_message", "max_body"),
        *("max_streams", "max_streams_per_identity", "max_streams_per_address", "publish_rate", "publish_burst"),
    ),
    "Operation": (
        *("drain_delay", "drain_window", "max_stream_age"),
        *("metrics_host", "metrics_port", "canary", "tracing", "log_publishes"),
    ),
    "Who may do what": ("auth", "rules", "anonymous", "cookie", "secret", "leeway", "token_lifetime", "expiring"),
    "JSON Web Tokens": (
        *("jwt_secret", "jwt_key", "jwt_jwks_url", "jwt_issuer", "jwt_audience", "jwt_type", "jwt_algorithm"),
        *("jwt_owns_claim", "jwt_grants_claim", "insecure_issuer"),
    ),
    "Backstage": ("backstage_url", "backstage_issuer", "backstage_plugin_id", "backstage_plugins"),
}
_CODE: Final = re.compile(r"(?<![\w/`])(?:[a-z]+:///?(?:[\w./:-]*\w)?|@/path|/signals|\d+(?:\.\d+){3}/\d+)")


def table() -> str:
    """Return the table in Markdown: a row for each setting, below one for its theme.

    Raises:
        LookupError: A setting has no theme, or a theme names a setting that is none.
    """
    known = {field.name: field for field in fields(Settings)}
    themed = [name for names in _THEMES.values() for name in names]
    if sorted(themed) != sorted(known):
        message = f"not in a theme once, or no setting: {sorted(set(themed) ^ set(known))}"
        raise LookupError(message)
    rows = [_HEAD]
    for theme, names in _THEMES.items():
        rows += [f"| **{theme}** | | | | |", *(_row(known[name]) for name in names)]
    return "\n".join(rows)


def _row(field: Any) -> str:
    words = [_text(field.metadata[key]) for key in ("may_be", "purpose")]
    return f"| `{variable(field.name)}` | `{option(field.name)}` | {_default(field.default)} | {' | '.join(words)} |"


def _default(value: object) -> str:
    if value in (None, (), frozenset()):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:.15g}`" if isinstance(value, float) else f"`{value}`"


def _text(words: str) -> str:
    """Return words as a cell: what means something in Markdown stands for itself, and URLs and the like are code."""
    escaped = re.sub(r"([|`*_~<])", r"\\\1", words)
    return _CODE.sub(lambda found: f"`{found[0]}`", escaped)


def written(readme: str) -> str:
    """Return the table that a README holds."""
    return readme.partition(BEGIN)[2].partition(END)[0].strip()


def renewed(readme: str) -> str:
    """Return a README with the table of today.

    Raises:
        LookupError: It has no place for the table.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        message = f"README.md needs these two lines around the table of settings:\n{BEGIN}{END}"
        raise LookupError(message)
    return f"{before}{BEGIN}\n{table()}\n\n{END}{after}"


def main() -> None:
    """Write the table into README.md."""
    path = ROOT / "README.md"
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
