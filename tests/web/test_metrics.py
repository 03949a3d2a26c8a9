"""``GET …/metrics``: who may see it, in which form, and what never stands in it."""

from __future__ import annotations

import asyncio
from unittest import mock

import yaml  # type: ignore[import-untyped]

from sse_signals.metrics.catalogue import SERIES
from tests.authenticated import ADMIN, house, signal
from tests.metrics.readings import families, read
from tests.pages import claimed
from tests.web.doors import foreign, until
from tests.web.faulty import FaultyBroker
from tests.web.rawhttp import ask, request
from tests.web.scraping import HOSTILE, OPENMETRICS, scrape

(SCRAPE,) = claimed("deploy/METRICS.md", "Metrics", "yaml")


async def test_only_an_administrator_may_scrape_where_people_authenticate() -> None:
    """Nobody and everybody else are told so, and a token in the URL is refused."""
    async with house(anonymous=True) as made:
        known, admin = made.tokens.issue("user:default/ann"), made.tokens.issue("user:default/root", grants=ADMIN)
        assert (await made.ask("GET", "metrics")).status == 403
        assert (await made.ask("GET", "metrics", token=known)).problem["hint"].startswith("Ask the operator")
        assert (await made.ask("GET", f"metrics?token={admin}")).kind == "token-in-url"
        assert (await made.ask("GET", "metrics", token=admin)).status == 200
        assert (await made.ask("GET", "metrics", "Origin: https://evil.example.com", token=admin)).status == 403


async def test_without_authentication_the_rules_of_every_request_hold() -> None:
    """Another host's name, as DNS rebinding shows, is refused; HEAD has no body; and nobody keeps the answer."""
    async with foreign() as door:
        rebound = await ask(door.url, request("GET", "/signals/metrics", host="evil.example.com"))
        assert rebound.status == 403
        head = await ask(door.url, request("HEAD", "/signals/metrics"))
        assert (head.status, head.body) == (200, b"")
        answer = await ask(door.url, request("GET", "/signals/metrics"))
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        openmetrics = await ask(door.url, request("GET", "/signals/metrics", OPENMETRICS))
        assert openmetrics.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        assert read(openmetrics.body, openmetrics=True).keys() == read(answer.body).keys()
        assert (await ask(door.url, request("POST", "/signals/metrics"))).status == 405


async def test_metrics_on_a_port_of_their_own_are_not_here() -> None:
    """The hub's own port says where they are."""
    async with foreign() as door:
        door.service.site.metrics.elsewhere = "Ask port 9090 (SIGNALS_METRICS_PORT)."
        answer = await ask(door.url, request("GET", "/signals/metrics"))
        assert (answer.status, answer.kind) == (404, "metrics-elsewhere")
        assert answer.problem["hint"] == "Ask port 9090 (SIGNALS_METRICS_PORT)."


async def test_scrapes_at_the_same_time_share_an_answer() -> None:
    """Fifty of them cost as much as two."""
    async with foreign() as door:
        metrics = door.service.site.metrics
        exposition = mock.AsyncMock(side_effect=metrics.exposition)
        metrics.exposition = exposition
        asked = [ask(door.url, request("GET", "/signals/metrics")) for _ in range(50)]
        answers = await asyncio.gather(*asked)
        assert {answer.status for answer in answers} == {200}
        assert exposition.await_count < 50


async def test_nothing_of_what_clients_say_gets_into_an_exposition() -> None:
    """Topics, subjects, event names, stream names and headers that look like series are nowhere in it."""
    async with house(anonymous=False) as made:
        admin = made.tokens.issue(f"user:default/{'canary'}-root", grants=ADMIN)
        quoted = "canary%22%5C%7Bx%3D%22y%22%7D"
        async with made.stream(admin, f"?topic={quoted}"):
            answer = await made.publish(admin, signal("canary", topic='canary"\\{x="y"}'), query="")
            assert answer.status in {202, 400}
            await made.ask("GET", f"stream?poll=1&topic={quoted}", "Last-Event-ID: canary", token="token-canary")
            await made.ask("GET", "stream?ticket=canary")
            for accept in ("*/*", "application/openmetrics-text;version=canary;escaping=canary"):
                scraped = await made.ask("GET", "metrics", f"Accept: {accept}", f"User-Agent: {HOSTILE}", token=admin)
                text = scraped.body + "\n".join(scraped.headers.values()).encode()
                # The name of a series may hold the word, as what it counts is called so.
                spoken = [line for line in text.splitlines() if b"canary" in line]
                assert not [line for line in spoken if b"sse_signals_canary" not in line], spoken


async def test_every_label_is_on_its_closed_list() -> None:
    """Each sample of the hub has the labels of its row in the catalogue, and no others."""
    rows = {row.full_name.removesuffix("_total").removesuffix("_info"): row for row in SERIES}
    async with foreign() as door:
        answer = await ask(door.url, request("GET", "/signals/metrics", OPENMETRICS))
        for family in families(answer.body, openmetrics=True):
            if family.name.startswith("sse_signals_"):
                row = rows[family.name]
                assert (family.type, family.documentation) == (row.kind, row.help)
                for sample in family.samples:
                    labels = {name: text for name, text in sample.labels.items() if name != "le"}
                    if row.kind == "info":
                        assert sorted(labels) == sorted(row.values)
                    else:
                        assert set(labels) == ({row.label} if row.label else set())
                        assert set(labels.values()) <= set(row.values)


async def test_a_log_that_is_away_does_not_hold_a_scrape_up() -> None:
    """It is answered with broker_up 0, and without what only the log knows."""
    broker = FaultyBroker()
    async with foreign(broker=broker) as door:
        assert (await scrape(door))["broker_up"] == 1
        broker.cut()
        await until(lambda: not door.service.site.service.ready)
        found = await scrape(door)
        assert (found["broker_up"], found["ready"]) == (0, 0)
        assert "broker_lag_records" not in found
        follower = door.service.site.service.follower
        await until(lambda: follower.failures >= 2)  # it could not be reached at all
        broker.mend()
        await until(lambda: follower.reconnects)
        found = await scrape(door)
        assert (found["broker_up"], found["broker_reconnects_total"], found["broker_lag_records"]) == (1, 1, 0)


async def test_prometheus_may_scrape_as_the_page_says() -> None:
    """With the path, and the credential as a bearer token, that its configuration names."""
    (job,) = yaml.safe_load(SCRAPE.code)["scrape_configs"]
    assert "credentials_file" in job["authorization"]
    async with house() as made:
        token = made.tokens.issue("plugin:prometheus", grants=ADMIN)
        scraped = await ask(
            made.url, request("GET", job["metrics_path"], f"Authorization: Bearer {token}", OPENMETRICS)
        )
        assert read(scraped.body, openmetrics=True)["broker_up"] == 1
