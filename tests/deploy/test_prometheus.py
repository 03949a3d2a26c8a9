"""deploy/prometheus and deploy/grafana: checked by promtool, run by a real Prometheus that scrapes hubs at work."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest

from tests.deploy.files import DEPLOY
from tests.deploy.observing import ALERTS, DASHBOARD, DRAWN, FOLDER, RECORDED, filled_in, queries
from tests.deploy.prometheus import DEADLINE, Hub, Prometheus, listeners, live, shell, until
from tests.pages import claimed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.brokers.servers import RedisServer

SET_UP: Final = claimed("deploy/RUNBOOKS.md", "Set it up", "sh")
LOOK: Final = claimed("deploy/RUNBOOKS.md", "First look", "sh")


@pytest.fixture(scope="module")
def hubs(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[tuple[Hub, Hub]]:
    """A hub of two workers whose metrics have a port of their own, and one of a single process without."""
    shared = {"SIGNALS_BROKER": redis_server.url, "SIGNALS_BROKER_NAME": "prometheus"}
    hub = Hub(tmp_path_factory.mktemp("hub"), SIGNALS_WORKERS="2", SIGNALS_METRICS_PORT="0", **shared)
    other = Hub(tmp_path_factory.mktemp("other"))
    with hub.running(), other.running():
        yield hub, other


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, hubs: tuple[Hub, Hub]) -> Iterator[Prometheus]:
    """A Prometheus that has scraped a hub before, while and after it did something."""
    hub, other = hubs
    made = Prometheus(tmp_path_factory.mktemp("prometheus"), hub, other)
    with made.running(), listeners(hub):
        live(hub)
        until(lambda: made.query('increase(sse_signals_publishes_total{job="sse_signals", outcome="refused"}[1m]) > 0'))
        until(
            lambda: made.query(
                'instance:sse_signals_authentications:share1d{job="sse_signals", result!="accepted"} > 0'
            )
        )
        until(lambda: made.query("instance:sse_signals_canary_seconds:p90_10m > 0"))
        yield made


def test_what_the_page_says_to_set_up(tmp_path: Path) -> None:
    """Its commands put one's own address everywhere; promtool has nothing to say of the rules, and each alert fires."""
    for folder in ("prometheus", "grafana"):
        shutil.copytree(DEPLOY / folder, tmp_path / "deploy" / folder)
    [block] = SET_UP
    assert "SUCCESS" in shell(block.code, tmp_path)
    for path in (tmp_path / "deploy").rglob("*.*"):
        assert "docs.example.com" not in path.read_text(encoding="utf-8"), path
    assert (tmp_path / "deploy/grafana/sse-signals.json").read_text().count("git.example.com/you/signals") > len(DRAWN)


@pytest.mark.parametrize("words", [["config", "prometheus.yaml"], ["rules", "--lint-fatal", "rules.yaml"]])
def test_promtool_checks_the_files(words: list[str]) -> None:
    """The configuration and the rules are valid, and no rule is there twice."""
    subprocess.run(["promtool", "check", *words], cwd=FOLDER, check=True, capture_output=True, timeout=DEADLINE)


def test_the_dashboard_has_something_to_draw(prometheus: Prometheus) -> None:
    """Each of its queries, variables and annotations finds numbers in a hub that did a little of everything."""
    empty = queries()

    def drawn() -> bool:
        empty[:] = [query for query in empty if not any(map(math.isfinite, _values(prometheus, query)))]
        return not empty

    until(drawn, empty)
    for annotation in DASHBOARD["annotations"]["list"][1:]:
        prometheus.query(filled_in(annotation["expr"]))
    for variable in DASHBOARD["templating"]["list"][1:]:
        series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", filled_in(variable["definition"])).groups()  # type: ignore[union-attr]
        found = prometheus.query(f"count by ({label}) ({series})")
        assert any(sample["metric"].get(label) for sample in found), variable["name"]


def _values(prometheus: Prometheus, query: str) -> list[float]:
    return [float(sample["value"][1]) for sample in prometheus.query(filled_in(query))]


def test_the_rules_run(prometheus: Prometheus) -> None:
    """They are evaluated without complaint, what is recorded is there, and nothing fires at a hub that is well."""
    groups = prometheus.get("rules")["groups"]
    ran = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"] for rule in ran} == ALERTS.keys() | RECORDED.keys()
    assert [rule for rule in ran if rule["health"] != "ok"] == []
    for name in RECORDED:
        until(partial(prometheus.query, name))
    assert prometheus.query('ALERTS{alertstate="firing"}') == []


def test_scrapes_work_as_the_configurations_say(prometheus: Prometheus) -> None:
    """By the own port, by token and by annotations of pods: each finds its hub once, and a pod with its names."""
    found = {sample["metric"]["job"]: sample["metric"] for sample in prometheus.query("up == 1")}
    assert len(prometheus.query("up")) == len(found) == 3
    assert found["sse_signals_pods"].items() >= {"namespace": "signals", "pod": "hub-0"}.items()
    assert all(re.search(r"sse[-_]signals", job) for job in found)


def test_promtool_likes_the_metrics(prometheus: Prometheus) -> None:
    """A real scrape has nothing that Prometheus advises against."""
    for text in (urllib.request.urlopen(prometheus.hub.metrics).read(), prometheus.other.ask("/metrics").read()):
        words = ["promtool", "check", "metrics"]
        done = subprocess.run(words, input=text, capture_output=True, timeout=DEADLINE, check=False)
        assert (done.returncode, done.stderr.decode()) == (0, "")


def test_the_first_look(prometheus: Prometheus) -> None:
    """Its commands say what the node thinks of itself, that the log can be reached, and who is connected."""
    hub = prometheus.hub
    [block] = LOOK
    code = block.code.replace("http://127.0.0.1:9090/metrics", hub.metrics)
    said = shell(code.replace("| tail", "| tail || true"), hub.log.parent, **hub.environment)
    assert said.count("sse_signals_broker_up{") == 2, said
    assert "orders/*" in said, said
    assert '"level"' in said, said
