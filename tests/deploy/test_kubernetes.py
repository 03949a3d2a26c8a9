"""deploy/kubernetes is valid, is the Helm chart's own output, and fits the hub and the image."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any, Final

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from sse_signals.metrics.catalogue import SERIES
from sse_signals.settings import Settings, load, variable
from sse_signals.web.routes import _PATHS as ROUTES
from tests.deploy import chart
from tests.deploy.constraints import project
from tests.deploy.files import DEPLOY, from_yaml, image_environment, last_stage, manifests, rest

FOLDER: Final = DEPLOY / "kubernetes"
NAMES: Final = (
    *("namespace", "serviceaccount", "configmap", "deployment", "service", "poddisruptionbudget"),
    *("horizontalpodautoscaler", "networkpolicy", "ingress"),
)
ALL: Final = manifests(*NAMES)
POD: Final[dict[str, Any]] = ALL["Deployment"]["spec"]["template"]["spec"]
HUB: Final[dict[str, Any]] = POD["containers"][0]


@pytest.mark.parametrize("name", [*NAMES, "secret.example"])
def test_valid_for_kubernetes(name: str) -> None:
    """Each manifest is what the newest Kubernetes that the validator knows takes, without a member too many."""
    newest = kubernetes_validate.latest_version()
    assert newest.startswith(chart.KUBERNETES)
    kubernetes_validate.validate(from_yaml((FOLDER / f"{name}.yaml").read_text()), newest, strict=True)


def test_what_kustomize_takes() -> None:
    """The kustomization lists exactly the manifests that are there, and no Secret."""
    found = from_yaml((FOLDER / "kustomization.yaml").read_text())
    assert found["resources"] == [f"{name}.yaml" for name in NAMES]
    others = {"kustomization.yaml", "secret.example.yaml", "prometheus-adapter.yaml"}
    assert {path.name for path in FOLDER.glob("*.yaml")} - others == set(found["resources"])
    assert found["namespace"] == ALL["Namespace"]["metadata"]["name"] == "signals"
    assert [f"{each['name']}:{each['newTag']}" for each in found["images"]] == [HUB["image"]]


def test_chart_and_manifests_belong_together() -> None:
    """Neither the chart nor what it makes was changed without the other; with Helm here it is made anew."""
    assert chart.DIGESTS.read_text() == chart.digests(), "run: python -m tests.deploy.chart"
    if chart.helm() is not None:
        for name, text in chart.plain().items():
            assert (FOLDER / name).read_text() == text


def test_values_and_their_schema() -> None:
    """The schema knows each setting that the chart does not make itself, takes the values, and refuses slips."""
    schema = json.loads(chart.SCHEMA.read_text())
    assert schema == chart.schema(), "run: python -m tests.deploy.chart"
    settings = {variable(field.name) for field in fields(Settings) if field.name not in chart.ITS_OWN}
    assert set(schema["properties"]["settings"]["properties"]) == settings
    values = from_yaml((chart.CHART / "values.yaml").read_text())
    assert chart.refused(values) == []
    traced = {"SIGNALS_TRACING": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.monitoring:4318"}
    assert chart.refused(values | {"settings": values["settings"] | traced}) == []
    for slip in (
        {"settings": values["settings"] | {"SIGNALS_WORKER": "2"}},
        {"settings": values["settings"] | {"SIGNALS_MAX_STREAMS": 1_000_000}},
        {"settings": values["settings"] | {"SIGNALS_SECRET": "s" * 43}},
        {"settings": values["settings"] | {"SIGNALS_BROKER": "nats://hub:password@nats"}},
        {"settings": values["settings"] | {"SIGNALS_DRAIN_WINDOW": "5"}},
        {"settings": values["settings"] | {"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "api-key=secret"}},
        {"image": {"repository": "sse-signals", "tag": "latest"}},
        {"drain": values["drain"] | {"window": -1}},
        {"replicas": 3},
        {"settings": values["settings"] | {"SIGNALS_PREFIX": "/"}},
        {"podLabels": {"app.kubernetes.io/name": "of-somebody-else"}},
        {"autoscaling": values["autoscaling"] | {"cpu": 60}},
    ):
        assert len(chart.refused(values | slip)) == 1, slip
    about, name = from_yaml((chart.CHART / "Chart.yaml").read_text()), project()["project"]
    assert (about["appVersion"], about["version"], about["name"]) == (name["version"], name["version"], name["name"])


def test_how_the_schema_is_written() -> None:
    """It is written as it is read, and small objects stand in one line."""
    assert chart.SCHEMA.read_text() == chart.as_text(chart.schema())
    text = chart.as_text({"a": {"b": [1, 2], "c": {"d": 3}}, "e": {"f": "g" * 90}})
    assert '"b": [1, 2],\n' in text
    assert '"c": {"d": 3}\n' in text
    assert '"e": {\n' in text


def test_a_start_takes_the_settings() -> None:
    """Image, ConfigMap and Secret together are settings without a contradiction."""
    assert HUB["envFrom"] == [{"configMapRef": {"name": ALL["ConfigMap"]["metadata"]["name"]}}]
    [broker] = HUB["env"]
    secret = manifests("secret.example")["Secret"]
    reference = broker["valueFrom"]["secretKeyRef"]
    assert reference["name"] == secret["metadata"]["name"]
    environment = (
        image_environment() | ALL["ConfigMap"]["data"] | {broker["name"]: secret["stringData"][reference["key"]]}
    )
    settings = load({key: value for key, value in environment.items() if key.startswith("SIGNALS_")}, {})
    [mounted] = [each["secret"] for each in POD["volumes"] if "secret" in each]
    [mount] = [each for each in HUB["volumeMounts"] if each["name"] == "secrets"]
    files = {f"@{mount['mountPath']}/{each['path']}" for each in mounted["items"]}
    assert files == {settings.secret, settings.jwt_secret}
    assert {each["key"] for each in mounted["items"]} | {reference["key"]} == set(secret["stringData"])
    ports = {each["name"]: each["containerPort"] for each in HUB["ports"]}
    assert ports == {"http": settings.port, "metrics": settings.metrics_port}
    assert settings.metrics_host == settings.host == "0.0.0.0"


def test_it_leaves_before_it_is_killed() -> None:
    """Kubernetes gives time for preStop, delay, window and so many streams; one new node comes before one goes."""
    data = ALL["ConfigMap"]["data"]
    drain = int(data["SIGNALS_DRAIN_DELAY"]) + int(data["SIGNALS_DRAIN_WINDOW"])
    waits = HUB["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["terminationGracePeriodSeconds"] == waits + drain + rest(Settings())
    deployment = ALL["Deployment"]["spec"]
    assert deployment["minReadySeconds"] >= waits + drain
    assert deployment["progressDeadlineSeconds"] > deployment["minReadySeconds"], "Kubernetes refuses it otherwise"
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert "replicas" not in deployment
    assert ALL["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


def test_probes_ask_what_there_is() -> None:
    """Alive decides over being killed, ready over getting requests, both at the metrics' own port."""
    asked = {name: HUB[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    assert asked == {
        "startup": {"path": "/health/live", "port": "metrics"},
        "readiness": {"path": "/health/ready", "port": "metrics"},
        "liveness": {"path": "/health/live", "port": "metrics"},
    }


def test_it_may_do_little() -> None:
    """The pod is what the Pod Security Standard `restricted` allows, and less."""
    assert ALL["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    user, _, group = dict(last_stage())["USER"].partition(":")
    assert POD["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": int(user),
        "runAsGroup": int(group),
        "fsGroup": int(group),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert HUB["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is False
    assert POD["enableServiceLinks"] is False
    assert "memory" in HUB["resources"]["limits"]


def test_all_speak_of_the_same_pods() -> None:
    """Service, budget, policy, autoscaler, spread and ingress lead to the pods of the deployment and their ports."""
    labels = ALL["Deployment"]["spec"]["template"]["metadata"]["labels"]
    spreads = POD["topologySpreadConstraints"]
    selectors = [
        ALL["Deployment"]["spec"]["selector"]["matchLabels"],
        ALL["Service"]["spec"]["selector"],
        ALL["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        ALL["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in spreads),
    ]
    assert len(spreads) == 2
    assert all(each == labels for each in selectors)
    assert ALL["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == ALL["Deployment"]["metadata"]["name"]
    named = {each["name"] for each in HUB["ports"]}
    rules = ALL["NetworkPolicy"]["spec"]["ingress"]
    assert {each["port"] for rule in rules for each in rule["ports"]} == named
    assert all(rule["from"] for rule in rules)
    [port] = ALL["Service"]["spec"]["ports"]
    assert port["targetPort"] in named
    assert POD["serviceAccountName"] == ALL["ServiceAccount"]["metadata"]["name"]
    [rule] = ALL["Ingress"]["spec"]["rules"]
    for path in rule["http"]["paths"]:
        service = path["backend"]["service"]
        assert service == {"name": ALL["Service"]["metadata"]["name"], "port": {"name": port["name"]}}
        assert path["path"].removeprefix("/signals/") in ROUTES
        # What the admission webhook of ingress-nginx allows, by its setting strict-validate-path-type.
        assert path["pathType"] == "ImplementationSpecific" or re.fullmatch(r"/[A-Za-z0-9_/-]*", path["path"])


def test_what_administrators_do_is_not_outside() -> None:
    """The ingress leads to nothing that is for administrators, but the list of streams, which is below renewing."""
    [rule] = ALL["Ingress"]["spec"]["rules"]
    outside = [path["path"] for path in rule["http"]["paths"]]
    for path in ("metrics", "drain", "drains", "revocations", "console", "health/ready"):
        assert not any(f"/signals/{path}".startswith(each) for each in outside)
    assert ALL["Ingress"]["spec"]["tls"][0]["hosts"] == [rule["host"]]


def test_the_autoscaler_counts_what_is_there() -> None:
    """The metric is one of the hub's, the adapter's rule brings it, and it leaves room below the limit of streams."""
    metric = ALL["HorizontalPodAutoscaler"]["spec"]["metrics"][0]["pods"]
    name = metric["metric"]["name"]
    assert name.removeprefix("sse_signals_") in {each.name.removeprefix("sse_signals_") for each in SERIES}
    [rule] = from_yaml((FOLDER / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    assert rule["seriesQuery"].startswith(f"{name}{{")
    assert rule["name"]["matches"] == name
    assert int(metric["target"]["averageValue"]) < Settings().max_streams
    cpu = ALL["HorizontalPodAutoscaler"]["spec"]["metrics"][1]["resource"]
    assert cpu == {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "600m"}}  # of the one core it uses
