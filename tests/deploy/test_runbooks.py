"""What a person reads at night: each alert has its runbook, each panel can be read, and what they name is there."""

from __future__ import annotations

import re
from typing import Final

from tests.deploy.files import DEPLOY, from_yaml
from tests.deploy.observing import (
    ALERTS,
    BASE,
    BOOK,
    DASHBOARD,
    DRAWN,
    FOLDER,
    OTHERS,
    OURS,
    PANELS,
    RECORDED,
    RULES,
    UNITS,
    names,
    queries,
)
from tests.named import missing
from tests.pages import claimed, section
from tests.test_documents import anchors

INHIBIT: Final = claimed("deploy/RUNBOOKS.md", "Set it up", "yaml")
OUTSIDE: Final = claimed(
    "deploy/RUNBOOKS.md", "From outside", "sh", not_run="It takes a hub behind a proxy; its options are compared."
)


def test_every_series_that_is_asked_for_is_one() -> None:
    """Rules and dashboard name series that METRICS.md has, that are recorded here, or that Prometheus makes."""
    recorded_from = {name for rule in RULES for name in names(rule["expr"])}
    drawn = {name for query in queries() for name in names(query)}
    assert (recorded_from | drawn) - OURS - OTHERS == RECORDED.keys(), "each rule is used, and no name is made up"
    assert OURS - recorded_from - drawn == set(), "everything that METRICS.md has is to be seen"


def test_every_panel_can_be_read() -> None:
    """It says what it shows, in what unit, of which data source, and who is who; none lies on another."""
    assert DASHBOARD["schemaVersion"] >= 39
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in DRAWN:
        assert re.fullmatch(r"[^\s].{20,}\.", panel["description"]), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == panel["datasource"]["uid"] == "${datasource}"
            assert target["legendFormat"] or panel["type"] == "table", panel["title"]
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert label in {"instance", "worker", "job", "reason", "outcome", "result", "limit"}
    cells = [(x, y) for panel in PANELS for place in [panel["gridPos"]] for x in across(place) for y in down(place)]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


def across(place: dict[str, int]) -> range:
    """Return the columns that a panel takes."""
    return range(place["x"], place["x"] + place["w"])


def down(place: dict[str, int]) -> range:
    """Return the rows that a panel takes."""
    return range(place["y"], place["y"] + place["h"])


def test_every_alert_has_a_runbook() -> None:
    """It links to it, as some panel does; the runbook says what there is to say; and no runbook is left over."""
    books = re.findall(r"^## (Signals\w+)$", BOOK, re.MULTILINE)
    assert books == list(ALERTS), "in the order of the file"
    linked = {link["url"] for panel in DRAWN for link in panel["links"]}
    for name, rule in ALERTS.items():
        url = rule["annotations"]["runbook_url"]
        assert url == f"{BASE}#{name.lower()}"
        assert url in linked, name
        assert url.partition("#")[2] in anchors("deploy/RUNBOOKS.md")
        text = section("deploy/RUNBOOKS.md", name)
        assert re.findall(r"^(?:- )\*\*(Users|Cause|Do|It is nothing|Never nothing)", text, re.MULTILINE)[:3] == [
            "Users",
            "Cause",
            "Do",
        ]
        assert re.search(r"^- \*\*(It is nothing if|Never nothing:)", text, re.MULTILINE), name
    assert {
        url for url in linked if url.partition("#")[0] != BASE or url.partition("#")[2] not in map(str.lower, ALERTS)
    } == set()


def test_every_alert_says_what_it_is() -> None:
    """To people, in whole sentences; its severity is one of two; and each label that it names is one that it has."""
    tested = (FOLDER / "rules_test.yaml").read_text()
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert re.fullmatch(r"[^\s].{40,}\.", rule["annotations"]["description"]), name
        fired = re.findall(rf"labels: 'ALERTS\{{alertname=\"{name}\", (.*?)\}}'", tested)
        assert fired, name
        for label in re.findall(r"\{\{ \$labels\.(\w+)", " ".join(rule["annotations"].values())):
            assert all(f'{label}="' in labels for labels in fired), (name, label)


def test_what_the_runbooks_name_is_there() -> None:
    """Series are those of METRICS.md, lines of the log those of OPERATING.md, panels those of the dashboard."""
    assert names(BOOK.replace("`", " ")) - OURS - OTHERS == set()
    page = (DEPLOY / "OPERATING.md").read_text(encoding="utf-8")
    events = set(re.findall(r"^\| ([^|]+?) \| (?:debug|info|warning|error) ", page, re.MULTILINE))
    titles = {panel["title"] for panel in DRAWN}
    quoted = set(re.findall(r'"([^"\n]+?)"', re.sub(r"\n +", " ", BOOK.partition("## SignalsNoNodes")[2])))
    assert quoted - events - titles == {"Targets", "The log", "When it says 401"}
    assert missing(re.sub(r"\n +", " ", BOOK)) == []


def test_alerts_that_are_inhibited_are_alerts() -> None:
    """What Alertmanager is told names alerts of these rules, on both sides."""
    [block] = INHIBIT
    rules = from_yaml(block.code)["inhibit_rules"]
    named = {
        name
        for rule in rules
        for side in ("source_matchers", "target_matchers")
        for name in re.findall(r"Signals\w+", str(rule[side]))
    }
    assert len(rules) == 3
    assert named <= ALERTS.keys()
    assert all(set(rule["equal"]) <= {"job", "instance"} for rule in rules)


def test_no_label_tells_of_somebody() -> None:
    """Neither a topic nor a user is a label of anything that is recorded, alerted or drawn."""
    text = "".join(
        path.read_text(encoding="utf-8") for path in (FOLDER / "rules.yaml", DEPLOY / "grafana/sse-signals.json")
    )
    assert not re.search(r"\b(topic|subject|user|stream|remote|address)\s*=~?\"|labels\.(topic|subject|user)", text)
