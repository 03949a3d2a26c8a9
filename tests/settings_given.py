"""What settings need beside them, so that they may be set."""

from __future__ import annotations

from sse_signals.settings import variable

SECRET = "0123456789abcdef0123456789abcdef"
JWT = {"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_SECRET": SECRET}

# What a setting is for.
BROKERS = {
    "broker_name": "redis://host",
    "sqlite_synchronous": "sqlite:///a",
    "nats_replicas": "nats://host",
    "redis_volatile": "redis://host",
}


def beside(name: str, text: str) -> dict[str, str]:
    """Return what else has to be set so that a setting may be set."""
    needed = {
        "jwt": {"SIGNALS_JWT_SECRET": SECRET, "SIGNALS_JWT_KEY": "a.pem"},
        "backstage": {"SIGNALS_BACKSTAGE_URL": "https://backstage.example"},
        "keys": {"SIGNALS_RULES": "rules.toml"},
    }
    if name == "auth":
        found = {key: value for method in needed if method in text for key, value in needed[method].items()}
    elif name in BROKERS:
        found = {"SIGNALS_BROKER": BROKERS[name]}
    elif name == "metrics_host":
        found = {"SIGNALS_METRICS_PORT": "9090"}
    elif name in {"rules", "anonymous", "cookie", "secret", "insecure_issuer"}:
        found = dict(JWT)
    else:
        method = name.partition("_")[0]
        found = {"SIGNALS_AUTH": method, **needed[method]} if method in needed else {}
    if name == "jwt_jwks_url":
        del found["SIGNALS_JWT_KEY"]
    return {key: value for key, value in found.items() if key != variable(name)}
