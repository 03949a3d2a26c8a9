"""A Prometheus that runs the files of deploy/prometheus, a hub for it to scrape, and some life in that hub."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

import jwt
import yaml  # type: ignore[import-untyped]

from tests.brokers.servers import free_port
from tests.deploy.files import from_yaml
from tests.deploy.observing import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE: Final = 60.0
SECRET: Final = "0123456789abcdef" * 3
TOKEN, OTHER = (
    jwt.encode({"sub": subject, "exp": int(time.time()) + 3600, "signals": grants}, SECRET)
    for subject, grants in (("ann", {"publish": ["orders/*"], "admin": True}), ("bob", {}))
)
STREAMS: Final = 5  # that one identity may have open
POD: Final = {"namespace": "signals", "pod_name": "hub-0", "pod_phase": "Running", "pod_container_port_name": "metrics"}


def until(condition: Callable[[], Any], about: object = None) -> Any:
    """Wait until a condition holds, and return what it says; ``about`` is told if it never does."""
    end = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < end, (condition, about)
        time.sleep(0.1)
    return found


def shell(code: str, folder: Path, **environment: str) -> str:
    """Run shell code in a folder; it has to succeed; return what it printed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env={**os.environ, **environment, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, (code, done.stdout, done.stderr)
    return done.stdout


@contextmanager
def program(words: list[str], log: Path, **environment: str) -> Iterator[None]:
    """Run a program while the block lasts."""
    with log.open("wb") as lines:
        process = subprocess.Popen(
            words, stdout=lines, stderr=lines, stdin=subprocess.DEVNULL, env={**os.environ, **environment}
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE)
        finally:
            process.kill()


class Hub:
    """A hub with authentication and a canary.

    Attributes:
        log: Its log.
        environment: Its settings.
        url: Where it is.
        metrics: Where its metrics are.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.log = folder / "hub.log"
        self.environment = {
            "SIGNALS_PORT": "0",
            "SIGNALS_CANARY": "1",
            "SIGNALS_AUTH": "jwt",
            "SIGNALS_JWT_SECRET": SECRET,
            "SIGNALS_MAX_STREAMS_PER_IDENTITY": str(STREAMS),
            "SIGNALS_TOKEN": TOKEN,
            **settings,
        }
        self.url = self.metrics = ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it while the block lasts."""
        command = str(Path(sys.executable).with_name("sse-signals"))
        with program([command, "serve"], self.log, **self.environment):
            self.url = self.environment["SIGNALS_URL"] = until(lambda: self._told("listening"))
            self.metrics = self._told("metrics at") or f"{self.url}/metrics"
            yield

    def _told(self, event: str) -> str | None:
        lines = [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return next((line["url"] for line in lines if line["event"] == event), None)

    def ask(self, path: str, body: object = None, token: str = TOKEN) -> Any:
        """Send a request, and return the answer."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=DEADLINE)

    def status(self, path: str, body: object = None, token: str = TOKEN) -> int:
        """Send a request, and return the status of the answer."""
        try:
            with self.ask(path, body, token) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as problem:
            return problem.code


@contextmanager
def listeners(hub: Hub) -> Iterator[None]:
    """Have streams at both workers, one of which takes nothing, and ask for more of them than one may have."""
    address = urllib.parse.urlsplit(hub.url)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((address.hostname, address.port))
        head = (
            f"GET {address.path}/stream?topic=orders/* HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        )
        slow.sendall(f"{head}\r\n".encode())
        assert slow.recv(12) == b"HTTP/1.1 200"
        for _ in range(2 * STREAMS):  # with the slow one, one more than both workers together take
            Thread(target=_listen, args=[hub], daemon=True).start()
        yield


def _listen(hub: Hub) -> None:
    with suppress(OSError, ValueError), hub.ask("/stream?topic=orders/*") as stream:
        while stream.read1():
            pass


def live(hub: Hub) -> None:
    """Do what users do: publish, be refused, and guess."""
    for number in range(40):
        assert hub.status("/publish", {"topic": f"orders/{number}", "message": "paid"}) == 202
        assert hub.status("/publish", {"topic": "orders/1", "message": "x" * 60_000}) == 202
    assert hub.status("/publish", {"topic": "orders/1", "message": 1}, OTHER) == 403
    assert hub.status("/publish", {"topic": "orders/1", "message": 1}, "no-token") == 401


class Prometheus:
    """A Prometheus with the rules, which scrapes hubs in the three ways that the configurations show.

    Attributes:
        hub: A hub whose metrics have a port of their own, which is scraped as such and as a pod.
        other: One without, which wants a token.
    """

    def __init__(self, folder: Path, hub: Hub, other: Hub) -> None:
        self.folder = folder
        self.port = free_port()
        self.hub = hub
        self.other = other

    def configured(self) -> Path:
        """Write the configuration: that of deploy/prometheus, but for addresses, the file of the token, and haste."""
        text = (FOLDER / "prometheus.yaml").read_text() + (FOLDER / "kubernetes.yaml").read_text().split(
            "scrape_configs:\n"
        )[1]
        text = re.sub(r"^  # (?=- job_name: |  )", "  ", text, flags=re.MULTILINE)  # the other way is a comment
        own, main = (urllib.parse.urlsplit(hub.metrics).netloc for hub in (self.hub, self.other))
        token = self.folder / "token"
        token.write_text(TOKEN)
        text = re.sub(r"hub-1:9090|127\.0\.0\.1:9093", own, text).replace("hub-1:8080", main)
        config = from_yaml(text.replace("/run/secrets/metrics_token", str(token)))
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(FOLDER / "rules.yaml")]
        del config["alerting"]
        jobs = {job["job_name"]: job for job in config["scrape_configs"]}
        for job in jobs.values():
            for group in job.get("static_configs", []):
                group["targets"].pop()  # the second node
        # What the discovery of pods would say; how it is relabelled is the file's own.
        pods = jobs["sse_signals_pods"]
        del pods["kubernetes_sd_configs"]
        host, _, port = own.partition(":")
        annotations = {"scrape": "true", "port": port, "path": "/metrics"}
        labels = {f"pod_annotation_prometheus_io_{name}": value for name, value in annotations.items()} | POD
        labels["pod_ip"] = host
        pods["static_configs"] = [
            {"targets": [f"{host}:1"], "labels": {f"__meta_kubernetes_{key}": value for key, value in labels.items()}},
            # Another container of it, and a pod that has ended: neither is scraped.
            *(
                {
                    "targets": [f"{host}:2"],
                    "labels": {f"__meta_kubernetes_{k}": v for k, v in {**labels, **other}.items()},
                }
                for other in ({"pod_container_port_name": "http"}, {"pod_phase": "Failed"})
            ),
        ]
        path = self.folder / "prometheus.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it while the block lasts."""
        words = ["prometheus", f"--config.file={self.configured()}", f"--storage.tsdb.path={self.folder}/data"]
        words += [f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"]
        with program(words, self.folder / "prometheus.log"):
            until(self._is_ready)
            until(lambda: len([each for each in self.query("up") if each["value"][1] == "1"]) == 3)
            yield

    def _is_ready(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=DEADLINE):
            return True
        return False

    def get(self, path: str, **parameters: str) -> Any:
        """Ask its API."""
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}", timeout=DEADLINE
            ) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as problem:
            raise AssertionError(parameters, problem.read()) from problem

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples that an expression has now."""
        found = self.get("query", query=expression)
        assert found["resultType"] == "vector"
        samples: list[dict[str, Any]] = found["result"]
        return samples
