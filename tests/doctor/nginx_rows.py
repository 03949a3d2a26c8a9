"""nginx, right and wrong: the lines stand in the location of the hub unless the section says otherwise."""

from __future__ import annotations

from typing import Final

from tests.doctor.rows import ORIGIN, Row

_IGNORE: Final = "proxy_ignore_headers X-Accel-Buffering;"
_OLD: Final = "proxy_http_version 1.0;"  # with chunks it happens to pass on what it has
_OTHER: Final = "add_header Access-Control-Allow-Origin https://other.example;"
_NO_TOKEN: Final = 'proxy_set_header Authorization "";'
_HIDE: Final = "proxy_hide_header Access-Control-Allow-Origin;"
_LOGIN: Final = 'default_type text/html; return 200 "<form>Sign in</form>";'

ROWS: Final = (
    Row("right"),
    Row("right, 1 MiB and no origin", origin=None),
    Row("buffers", (_IGNORE, _OLD), ("buffering",)),
    Row("packs", ("gzip on;", "gzip_types text/event-stream;", "gzip_proxied any;"), ("compression",)),
    Row(
        "packs and buffers",
        ("gzip on;", "gzip_types text/event-stream;", "gzip_proxied any;", _IGNORE),
        ("buffering",),
        curable=False,
    ),
    Row(
        "loses Cache-Control",
        ("proxy_hide_header Cache-Control;", 'add_header Cache-Control "max-age=60";'),
        ("cache-control",),
    ),
    Row("keeps answers", ("expires 1h;",), ("cache-control",)),
    Row("cuts silence", ("proxy_read_timeout 2s;",), ("idle-limit",), hub="slow"),
    Row(
        "packs, buffers and cuts silence",
        ("gzip on;", "gzip_types *;", "gzip_proxied any;", _IGNORE, "proxy_read_timeout 4s;"),
        ("buffering", "compression"),
        hub="slower",
        curable=False,
    ),
    Row("says CORS itself, too", (f"add_header Access-Control-Allow-Origin {ORIGIN} always;",), ("cors-doubled",)),
    Row("takes CORS away", (_HIDE,), ("cors-missing",)),
    Row(
        "says another origin",
        (_HIDE, _OTHER),
        ("cors-missing", "cors-wrong"),
    ),
    Row("answers errors itself", ("proxy_intercept_errors on;", "error_page 404 /gone;"), ("cors-errors",)),
    Row(
        "lets everybody in",
        ('proxy_set_header Origin "";', "add_header Access-Control-Allow-Origin * always;"),
        ("cors-foreign",),
        origin=None,
    ),
    Row("loses Origin", ('proxy_set_header Origin "";',), ("origin-lost",)),
    Row("loses the query", ("rewrite ^(.*)$ $1? break;",), ("query-lost",)),
    Row("lets few requests through", ("limit_req zone=requests;",), ("rate-limit",)),
    Row("lets few through, and says so", ("limit_req zone=requests;", "limit_req_status 429;"), ("rate-limit",)),
    Row("lets one connection through", ("limit_conn addresses 1;",), ("rate-limit",)),
    Row("answers preflights", ("if ($request_method = OPTIONS) { return 405; }",), ("cors-preflight",)),
    Row("changes Host", ("proxy_set_header Host $proxy_host;",), ("host-rewritten",)),
    Row("has few connections", ("limit_conn addresses 5;",), ("stream-limit",)),
    Row("loses Last-Event-ID", ('proxy_set_header Last-Event-ID "";',), ("resume-lost",)),
    Row("loses Authorization", (_NO_TOKEN,), ("authorization-lost",), hub="known", token=True),
    Row("takes tokens", hub="known", token=True),
    Row("is given no token", (), ("refused",), hub="known"),
    Row("takes small bodies", ("client_max_body_size 100k;",), ("body-limit",)),
    Row("takes no POST", ("limit_except GET { deny all; }",), ("publish-blocked",), origin=None),
    Row("takes the prefix off", ("proxy_pass http://HUB:8080/;",), ("prefix",)),
    Row(
        "makes another path of it",
        ("rewrite ^/signals/here(/.*)$ /signals$1 break;",),
        ("ticket-path",),
        hub="known",
        token=True,
        path="/signals/here",
        curable=False,
    ),
    Row("has the hub elsewhere", found=("prefix",), path="/app", curable=False),
    Row("sends to a login page", ("return 302 /login;",), ("redirect",)),
    Row("shows a login page", (_LOGIN,), ("no-hub",)),
    Row("sends to TLS", ("return 301 https://$server_addr:$tls_port$request_uri;",), ("redirect",)),
    Row("reaches no hub", ("proxy_pass http://127.0.0.1:9;",), ("no-hub-behind",)),
    Row("wants a password", ('auth_basic "hub";', "auth_basic_user_file /dev/null;"), ("refused",)),
)
TLS: Final = (
    Row("right", tls=True),
    Row("has no HTTP/2", ("http2 off;",), ("six-connections",), section="server", tls=True, http2=False),
    Row("has a wrong certificate", found=("certificate",), tls=True, verify=True),
    Row("has a wrong certificate for a token", found=("certificate",), tls=True, verify=True, hub="known", token=True),
    Row(
        "takes few streams",
        ("http2_max_concurrent_streams 5;",),
        ("stream-limit",),
        section="server",
        tls=True,
        curable=False,
    ),
)
