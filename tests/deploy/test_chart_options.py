"""What the chart makes only if it is asked: a route of the Gateway API, rules for the Prometheus Operator."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any, Final

import jsonschema  # type: ignore[import-untyped]
import pytest

from sse_signals.settings import load
from tests.deploy import chart
from tests.deploy.files import DEPLOY, from_yaml, manifests
from tests.deploy.test_kubernetes import ALL

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY: Final = DEPLOY / "kubernetes/gateway"
ROUTE: Final[dict[str, Any]] = manifests("gateway/httproute")["HTTPRoute"]
VALUES: Final[dict[str, Any]] = from_yaml((chart.CHART / "values.yaml").read_text())
needs_helm: Final = pytest.mark.skipif(chart.helm() is None, reason="needs Helm; the digests are compared without it")
_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"


def _whole(needed: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(needed), "properties": properties}


def _list(items: dict[str, Any], at_most: int) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "maxItems": at_most, "items": items}


_NAME: Final = {"type": "string", "pattern": rf"^{_LABEL}(\.{_LABEL})*$", "maxLength": 253}
_TEXTS: Final = {"type": "object", "additionalProperties": {"type": "string"}}
# What gateway.networking.k8s.io/v1 says of the fields that are used here, its rules in CEL included.
HTTP_ROUTE: Final = _whole(
    ("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"const": "gateway.networking.k8s.io/v1"},
    kind={"const": "HTTPRoute"},
    metadata=_whole(("name",), name=_NAME, labels=_TEXTS, annotations=_TEXTS),
    spec=_whole(
        parentRefs=_list(
            _whole(("name",), group=_NAME, kind={"type": "string"}, name=_NAME, namespace=_NAME, sectionName=_NAME), 32
        ),
        hostnames=_list({"type": "string", "pattern": rf"^(\*\.)?{_LABEL}(\.{_LABEL})*$"}, 16),
        rules=_list(
            _whole(
                matches=_list(
                    _whole(
                        path=_whole(
                            type={"enum": ["Exact", "PathPrefix"]},
                            value={
                                "type": "string",
                                "pattern": r"^/(?!.*(//|/\.\.?(/|$)))([-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*$",
                                "maxLength": 1024,
                            },
                        )
                    ),
                    64,
                ),
                timeouts=_whole(request={"type": "string", "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"}),
                backendRefs=_list(
                    _whole(("name", "port"), name=_NAME, port={"type": "integer", "minimum": 1, "maximum": 65535}), 16
                ),
            ),
            16,
        ),
    ),
)


def test_the_route_is_valid() -> None:
    """It is what the standard allows, and leads to the Service by one rule without a limit of time."""
    jsonschema.Draft7Validator(HTTP_ROUTE).validate(ROUTE)
    [rule] = ROUTE["spec"]["rules"]
    assert rule["timeouts"] == {"request": "0s"}
    [port] = ALL["Service"]["spec"]["ports"]
    assert rule["backendRefs"] == [{"name": ALL["Service"]["metadata"]["name"], "port": port["port"]}]


def test_the_route_leads_where_the_ingress_leads() -> None:
    """Paths and hosts are the same, so that what administrators do is outside by neither."""
    [rule], [of_ingress] = ROUTE["spec"]["rules"], ALL["Ingress"]["spec"]["rules"]
    assert all(match["path"]["type"] == "PathPrefix" for match in rule["matches"])
    paths = [match["path"]["value"] for match in rule["matches"]]
    assert paths == [each["path"] for each in of_ingress["http"]["paths"]]
    assert ROUTE["spec"]["hostnames"] == [of_ingress["host"]]


def test_the_component_takes_the_route_for_the_ingress() -> None:
    """Kustomize gets the route, and takes away the Ingress that there is, in the same namespace."""
    found = from_yaml((GATEWAY / "kustomization.yaml").read_text())
    base = from_yaml((DEPLOY / "kubernetes/kustomization.yaml").read_text())
    assert (found["kind"], found["namespace"]) == ("Component", base["namespace"])
    assert found["resources"] == ["httproute.yaml"]
    assert {path.name for path in GATEWAY.iterdir()} == {"kustomization.yaml", "httproute.yaml"}
    [patch] = [from_yaml(each["patch"]) for each in found["patches"]]
    assert patch.pop("$patch") == "delete"
    assert patch["metadata"].pop("namespace") == base["namespace"]
    ingress = ALL["Ingress"]
    assert patch == {key: ingress[key] for key in ("apiVersion", "kind")} | {
        "metadata": {"name": ingress["metadata"]["name"]}
    }


def test_values_that_are_refused() -> None:
    """Neither a route without a Gateway or a host, nor what is no name, no page of runbooks, or no address for pods."""
    route, rules = VALUES["route"], VALUES["prometheusRule"]
    assert (route["enabled"], rules["enabled"]) == (False, False)
    for slip in (
        {"route": route | {"parentRefs": []}},
        {"route": route | {"hostnames": []}},
        {"route": route | {"hostnames": ["https://signals.example.com"]}},
        {"route": route | {"parentRefs": [{"namespace": "gateway"}]}},
        {"route": route | {"timeout": "5s"}},
        {"prometheusRule": rules | {"runbooks": "RUNBOOKS.md"}},
        {"listen": "127.0.0.1"},
    ):
        assert len(chart.refused(VALUES | slip)) == 1, slip


def test_the_chart_has_the_rules() -> None:
    """Its copy is the file of deploy/prometheus, whose place for runbooks is the one that the template replaces."""
    assert chart.COPY.read_text() == chart.RULES.read_text(), "run: python -m tests.deploy.chart"
    template = (chart.CHART / "templates/prometheusrule.yaml").read_text()
    assert f'.Files.Get "{chart.COPY.name}"' in template
    [place] = re.findall(r'replace "(.*?)"', template)
    assert place == VALUES["prometheusRule"]["runbooks"]
    assert set(re.findall(r"runbook_url: (.*)#", chart.RULES.read_text())) == {place}


@needs_helm
def test_rules_as_helm_makes_them() -> None:
    """The object holds all groups, with the operator's labels and one's own page of runbooks."""
    given = ("enabled=true", "runbooks=https://git.example.com/RUNBOOKS.md", "labels.release=stack")
    text = chart.rendered(*(word for each in given for word in ("--set", f"prometheusRule.{each}")))[
        "prometheusrule.yaml"
    ]
    made = from_yaml(text)
    assert (made["apiVersion"], made["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert made["metadata"]["labels"].items() >= {"release": "stack", "app.kubernetes.io/name": "sse-signals"}.items()
    rules = chart.RULES.read_text().replace("https://docs.example.com/", "https://git.example.com/")
    assert made["spec"] == from_yaml(rules)


@needs_helm
@pytest.mark.parametrize(
    ("streams", "grace"), [("500", 5 + 5 + 60 + 16), ("501", 87), ("50000", 185), ("9000000", 285)]
)
def test_the_grace_grows_with_the_streams(streams: str, grace: int) -> None:
    """A second more for each 500 streams that a node takes, besides 15 s and the drain."""
    made = chart.rendered("--set-string", f"settings.SIGNALS_MAX_STREAMS={streams}", "--set", "drain.window=60")
    assert from_yaml(made["deployment.yaml"])["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == grace


@needs_helm
def test_kubernetes_takes_a_long_drain() -> None:
    """A rollout may take longer than a new node has to be ready for, or Kubernetes would refuse the deployment."""
    made = from_yaml(chart.rendered("--set", "drain.window=3600")["deployment.yaml"])["spec"]
    assert made["progressDeadlineSeconds"] > made["minReadySeconds"] == 5 + 5 + 3600


@needs_helm
def test_what_is_said_after_an_installation(tmp_path: Path) -> None:
    """It warns of a route whose gateway is not let in, and of alerts without runbooks, until both are mended."""
    # Helm shows its notes only when there is a cluster: a copy of the chart makes an object of them.
    folder = tmp_path / "chart"
    shutil.copytree(chart.CHART, folder)
    notes = (folder / "templates/NOTES.txt").read_text()
    (folder / "templates/NOTES.txt").unlink()
    (folder / "templates/_notes.tpl").write_text('{{ define "notes" }}' + notes + "{{ end }}")
    (folder / "templates/notes.yaml").write_text('kind: Notes\ntext: {{ include "notes" . | toJson }}\n')
    asked = ("--set", "ingress.enabled=false,route.enabled=true,prometheusRule.enabled=true")
    mended = (
        *("--set", "networkPolicy.ingressFrom[0].namespaceSelector.matchLabels.name=gateways"),
        *("--set", "prometheusRule.runbooks=https://git.example.com/RUNBOOKS.md"),
    )
    values = ((), asked, asked + mended)
    said = [from_yaml(chart.rendered(*each, chart=folder)["notes.yaml"])["text"] for each in values]
    assert ["sse-signals doctor https://signals.example.com/signals" in each for each in said] == [True, True, True]
    assert ["networkPolicy.ingressFrom" in each for each in said] == [False, True, False]
    assert ["prometheusRule.runbooks" in each for each in said] == [False, True, False]


@needs_helm
def test_pods_that_have_addresses_of_ipv6_alone() -> None:
    """The hub listens where it is told to, with its metrics and health, which the kubelet asks for."""
    made = from_yaml(chart.rendered("--set", "listen=::")["configmap.yaml"])["data"]
    settings = load({"SIGNALS_METRICS_PORT": "9090"} | made, {})
    assert (settings.host, settings.metrics_host) == ("::", "::")
