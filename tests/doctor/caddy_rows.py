"""Caddy, right and wrong."""

from __future__ import annotations

from typing import Final

from tests.doctor.rows import ORIGIN, Row

_ALLOW: Final = "Access-Control-Allow-Origin"
_NO_CONTROL: Final = "header_down -Cache-Control"
_PACK: Final = "encode {\ngzip\nmatch {\nheader Content-Type text/event-stream*\n}\n}"

ROWS: Final = (
    Row("right"),
    Row("right, and packs", ("encode gzip zstd",), section="site"),
    Row("buffers", ("response_buffers 4KiB",), ("buffering",), section="proxy"),
    Row("packs", (_NO_CONTROL, f"SITE {_PACK}"), ("compression", "cache-control"), section="proxy"),
    Row("loses Cache-Control", ('header_down Cache-Control "max-age=60"',), ("cache-control",), section="proxy"),
    Row("cuts silence", ("read_timeout 2s",), ("idle-limit",), section="transport", hub="slow"),
    Row("cuts everything", ("write 2s",), ("total-limit",), section="timeouts"),
    Row(
        "says CORS itself, too",
        (f"header_down +{_ALLOW} {ORIGIN}",),
        ("cors-doubled",),
        section="proxy",
    ),
    Row("takes CORS away", (f"header_down -{_ALLOW}",), ("cors-missing",), section="proxy"),
    Row("changes Host", ("header_up Host {upstream_hostport}",), ("host-rewritten",), section="proxy"),
    Row("has few connections", ("max_conns_per_host 5",), ("stream-limit",), section="transport"),
    Row("loses Origin", ("header_up -Origin",), ("origin-lost",), section="proxy"),
    Row("loses the query", ("rewrite * {path}?",), ("query-lost",), section="site"),
    Row("loses Last-Event-ID", ("header_up -Last-Event-ID",), ("resume-lost",), section="proxy"),
    Row(
        "loses Authorization",
        ("header_up -Authorization",),
        ("authorization-lost",),
        section="proxy",
        hub="known",
        token=True,
    ),
    Row("takes small bodies", ("max_size 100KB",), ("body-limit",), section="request_body"),
    Row("takes the prefix off", ("uri strip_prefix /signals",), ("prefix",), section="site", curable=False),
    Row("sends to a login page", ("redir * /login 302",), ("redirect",), section="site"),
    Row("shows a login page", ("rewrite * /login",), ("no-hub",), section="site"),
    Row("reaches no hub", ("reverse_proxy 127.0.0.1:9",), ("no-hub-behind",), section="upstream"),
)
TLS: Final = (
    Row("right", tls=True),
    Row("has no HTTP/2", ("protocols h1",), ("six-connections",), section="servers", tls=True, http2=False),
    Row("has a wrong certificate", found=("certificate",), tls=True, verify=True),
)
