"""The line to change, by finding and proxy; a comment where nothing is to be added, but something to be looked for.

nginx: where `place` says. Caddy: in the site, or in its `reverse_proxy`. HAProxy: in the frontend or backend. Traefik:
in its file, by its path. Kubernetes: an annotation of the Ingress for ingress-nginx, or a key of its ConfigMap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANNOTATION: Final = "nginx.ingress.kubernetes.io/"
_AGAIN: Final = "  # a location that has one takes none from outside: repeat there what stood in the server"
_CORS: Final = {
    "nginx": "# take out every add_header and proxy_hide_header with Access-Control-: the hub says them itself",
    "caddy": "# take out every header, header_down with Access-Control-: the hub says them itself",
    "haproxy": "# take out every http-response …-header Access-Control-…: the hub says them itself",
    "traefik": "# take accessControl… out of the headers middleware: the hub says them itself",
    "ingress": f'{_ANNOTATION}enable-cors: "false"',
}
_WHOLE_PATH: Final = {
    "nginx": "proxy_pass http://HUB:8080;  # without a path: it then passes the whole path on",
    "caddy": "handle /signals/* { reverse_proxy HUB:8080 }  # not handle_path, which takes the prefix off",
    "haproxy": "# take out http-request set-path and replace-path",
    "traefik": "# take stripPrefix and replacePath off the hub's router",
    "ingress": f"# take out {_ANNOTATION}rewrite-target",
}

REMEDIES: Final[Mapping[str, Mapping[str, str]]] = {
    "buffering": {
        "nginx": "proxy_buffering off;",
        "caddy": "response_buffers 0  # in reverse_proxy",
        "haproxy": "option http-no-delay  # it holds nothing by itself: look for filters, and at what stands before it",
        "traefik": "# take the buffering middleware off the hub's router: it waits for whole answers",
        "ingress": f'{_ANNOTATION}proxy-buffering: "off"',
    },
    "compression": {
        "nginx": "gzip off;",
        "caddy": 'header_down Cache-Control "no-store, no-transform"  # in reverse_proxy; encode leaves that alone',
        "haproxy": "compression type text/html text/css application/javascript  # without text/event-stream",
        "traefik": 'http.middlewares.NAME.compress.excludedContentTypes: ["text/event-stream"]',
        "ingress": 'use-gzip: "false"  # ConfigMap; or gzip-types without text/event-stream',
    },
    "cache-control": {
        "nginx": (
            'proxy_hide_header Cache-Control; add_header Cache-Control "no-store, no-transform"; expires off;' + _AGAIN
        ),
        "caddy": 'header_down Cache-Control "no-store, no-transform"  # in reverse_proxy',
        "haproxy": 'http-response set-header Cache-Control "no-store, no-transform"',
        "traefik": 'http.middlewares.NAME.headers.customResponseHeaders.Cache-Control: "no-store, no-transform"',
        "ingress": f"{_ANNOTATION}custom-headers: NAMESPACE/CONFIGMAP  # and allow it: global-allowed-response-headers",
    },
    "cached": {
        "nginx": "proxy_cache off;",
        "caddy": "# take the cache module off the hub's path",
        "haproxy": "http-request cache-use NAME unless { path_beg /signals/ }",
        "traefik": "# take the cache middleware or plugin off the hub's router",
        "ingress": f'{_ANNOTATION}proxy-buffering: "off"  # and no proxy_cache in a configuration-snippet',
    },
    "idle-limit": {
        "nginx": "proxy_read_timeout 1h;",
        "caddy": "read_timeout 1h  # in reverse_proxy, transport http",
        "haproxy": "timeout server 1h  # in the backend, and timeout client 1h in the frontend",
        "traefik": "# it has no such limit: look at what stands before and behind it",
        "ingress": f'{_ANNOTATION}proxy-read-timeout: "3600"',
    },
    "total-limit": {
        "nginx": "worker_shutdown_timeout 1h;  # it cuts after a reload; nginx has no other total limit",
        "caddy": "write 0  # in the global options, servers, timeouts",
        "haproxy": "hard-stop-after 1h  # in global: it cuts after a reload; HAProxy has no other total limit",
        "traefik": "entryPoints.NAME.transport.respondingTimeouts.writeTimeout: 0s",
        "ingress": 'worker-shutdown-timeout: "3600s"  # ConfigMap: it cuts after a reload',
    },
    "host-rewritten": {
        "nginx": f"proxy_set_header Host $http_host;{_AGAIN}",
        "caddy": "header_up Host {http.request.hostport}  # in reverse_proxy; it is what Caddy does by itself",
        "haproxy": "# take out http-request set-header Host",
        "traefik": "http.services.NAME.loadBalancer.passHostHeader: true",
        "ingress": f"# take out {_ANNOTATION}upstream-vhost",
    },
    "six-connections": {
        "nginx": "http2 on;  # with listen 443 ssl (from 1.25.1)",
        "caddy": "protocols h1 h2 h3  # in the global options, servers; and a site with https://",
        "haproxy": "bind :443 ssl crt FILE alpn h2,http/1.1",
        "traefik": "entryPoints.NAME.http.tls: {}  # HTTP/2 comes with TLS; tls.options …alpnProtocols may name h2",
        "ingress": 'use-http2: "true"  # ConfigMap, which is the default; and spec.tls in the Ingress',
    },
    "stream-limit": {
        "nginx": "limit_conn ZONE 1000;  # each request counts, with HTTP/2 too; also http2_max_concurrent_streams",
        "caddy": "max_conns_per_host 0  # in reverse_proxy, transport http",
        "haproxy": "server NAME HUB:8080 maxconn 10000  # and maxconn in the frontend and in global",
        "traefik": "http.middlewares.NAME.inFlightReq.amount: 10000",
        "ingress": f'{_ANNOTATION}limit-connections: "1000"',
    },
    "rate-limit": {
        "nginx": "limit_req zone=ZONE burst=1000 nodelay; limit_conn ZONE 1000;  # each request counts, HTTP/2's too",
        "caddy": "# take rate_limit off the hub's path, or let it have more events in its window",
        "haproxy": "http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000 }  # and maxconn 10000",
        "traefik": "http.middlewares.NAME.rateLimit.burst: 1000  # and rateLimit.average, inFlightReq.amount",
        "ingress": f'{_ANNOTATION}limit-rps: "1000"  # and limit-rpm, limit-connections',
    },
    "origin-lost": {
        "nginx": f"proxy_set_header Origin $http_origin;{_AGAIN}",
        "caddy": "# take header_up with Origin out of reverse_proxy: it passes it on by itself",
        "haproxy": "# take out http-request del-header Origin, and set-header",
        "traefik": "# take Origin out of the headers middleware's customRequestHeaders",
        "ingress": "# take Origin out of the ConfigMap that proxy-set-headers names",
    },
    "query-lost": {
        "nginx": "# take the ? off the end of what rewrite makes, or add $is_args$args to what proxy_pass names",
        "caddy": "# add ?{query} to what rewrite makes",
        "haproxy": "# take out http-request set-query, or let set-uri keep the query",
        "traefik": "# let replacePathRegex leave the query alone",
        "ingress": "# take the ? off the end of rewrite in the configuration-snippet",
    },
    "cors-errors": {
        "nginx": "proxy_intercept_errors off;",
        "caddy": "# take handle_response off the hub's reverse_proxy",
        "haproxy": "# take http-response return, and http-error, off the hub's backend",
        "traefik": "# take the errors middleware off the hub's router",
        "ingress": f"# take out {_ANNOTATION}custom-http-errors",
    },
    "resume-lost": {
        "nginx": f"proxy_set_header Last-Event-ID $http_last_event_id;{_AGAIN}",
        "caddy": "header_up Last-Event-ID {http.request.header.Last-Event-ID}  # in reverse_proxy",
        "haproxy": "# take out http-request del-header Last-Event-ID",
        "traefik": "# take Last-Event-ID out of the headers middleware's customRequestHeaders",
        "ingress": "# take Last-Event-ID out of the ConfigMap that proxy-set-headers names",
    },
    "authorization-lost": {
        "nginx": f"proxy_set_header Authorization $http_authorization;{_AGAIN}",
        "caddy": "header_up Authorization {http.request.header.Authorization}  # in reverse_proxy",
        "haproxy": "# take out http-request del-header Authorization",
        "traefik": "http.middlewares.NAME.basicAuth.removeHeader: false",
        "ingress": f"# take out {_ANNOTATION}auth-… for the hub's path, or let its answers pass Authorization on",
    },
    "body-limit": {
        "nginx": "client_max_body_size 1m;",
        "caddy": "max_size 1MiB  # in request_body",
        "haproxy": "# take out http-request deny with req.body_size or req.hdr(content-length)",
        "traefik": "http.middlewares.NAME.buffering.maxRequestBodyBytes: 1048576"
        "  # on a router of /signals/publish alone: it waits for whole answers, too",
        "ingress": f"{_ANNOTATION}proxy-body-size: 1m",
    },
    "publish-blocked": {
        "nginx": "limit_except GET POST OPTIONS { deny all; }",
        "caddy": "# take POST into the matcher that lets requests pass",
        "haproxy": "http-request deny unless { method GET POST OPTIONS }",
        "traefik": "# take POST into the router's rule: Method(`GET`) || Method(`POST`) || Method(`OPTIONS`)",
        "ingress": "# take limit_except out of the configuration-snippet",
    },
    "redirect": {
        "nginx": "# take return 301, or the rewrite, off the hub's path, or use the URL that it leads to",
        "caddy": "# take redir off the hub's path, or use the URL that it leads to",
        "haproxy": "# take http-request redirect off the hub's path, or use the URL that it leads to",
        "traefik": "# take redirectScheme off the hub's router, or use the URL that it leads to",
        "ingress": f'{_ANNOTATION}ssl-redirect: "false"  # or use the URL that it leads to',
    },
    "prefix": _WHOLE_PATH,
    "ticket-path": _WHOLE_PATH,
    "no-hub-behind": {
        "nginx": "proxy_pass http://HUB:8080;  # where the hub really listens",
        "caddy": "reverse_proxy HUB:8080  # where the hub really listens",
        "haproxy": "server NAME HUB:8080  # where the hub really listens",
        "traefik": "http.services.NAME.loadBalancer.servers: [{url: http://HUB:8080}]",
        "ingress": "# let the Ingress's backend name the service and port where the hub listens",
    },
    **dict.fromkeys(
        (*("cors-missing", "cors-doubled", "cors-wrong", "cors-credentials", "cors-foreign", "cors-preflight"),),
        _CORS,
    ),
}


def remedies(name: str, proxies: tuple[str, ...]) -> dict[str, str]:
    """Return the lines for a finding; empty where no proxy is the cause.

    Args:
        name: The finding's.
        proxies: For which proxies.
    """
    lines = REMEDIES.get(name) or (REMEDIES["idle-limit"] if name == "time-limit" else {})
    return {proxy: lines[proxy] for proxy in proxies if proxy in lines}


def place(name: str, proxy: str, path: str) -> str:
    """Return where a finding's line stands, to follow the proxy's name; empty where the line says it, or needs none.

    Args:
        name: The finding's.
        proxy: For which proxy.
        path: The prefix of the hub's routes.
    """
    if proxy != "nginx":
        return ""
    return f", {_PLACES.get(name, f'in location {path}/ {{ … }}')}"


_PLACES: Final = {"total-limit": "at the very outside", "six-connections": "in server { … }"}
