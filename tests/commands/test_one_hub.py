"""``bench``, ``conformance`` and ``doctor`` find the hub, and say who asks, as all other commands do."""

from __future__ import annotations

import json

import pytest

from sse_signals.testing import hub, signals_hub
from tests.commands.running import Done, assert_told, blockbuster, command

__all__ = ["blockbuster", "signals_hub"]
QUICK = {
    "bench": ["--streams", "1", "--rate", "50", "--duration", "0.1", "--json"],
    "conformance": ["--only", "format.status", "--json"],
    "doctor": ["--for", "0.1", "--json"],
}
NOBODY = "127.0.0.1:1"


def run(name: str, *arguments: str, **variables: str) -> Done:
    """Run a command so that it is soon done."""
    return command(name, *arguments, *QUICK[name], **variables)


@pytest.mark.parametrize("name", QUICK)
def test_where_the_hub_is_and_who_asks(name: str) -> None:
    """By variables or by arguments; the usual path may be left out."""
    with hub(authentication=True) as guarded:
        refused = name == "doctor"  # which watches for seconds who is let in
        token = "unknown" if refused else guarded.token("user:default/ann", publish=["*"])
        server = guarded.url.removesuffix("/signals")
        by_variables = run(name, SIGNALS_URL=server, SIGNALS_TOKEN=token)
        by_arguments = run(name, guarded.url, "--token", token, SIGNALS_URL="http://" + NOBODY)
    for done in (by_variables, by_arguments):
        assert done.status == (4 if refused else 0), done
        assert "has to know who you are" not in done.stdout
        said = json.loads(done.stdout)
        assert said.get("url", said.get("hub")) == guarded.url


@pytest.mark.parametrize("name", QUICK)
def test_without_a_url(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the usual one that is tried."""
    asked: list[str] = []

    def parse(url: str, **_: object) -> None:
        asked.append(url)
        raise SystemExit(0)

    for place in ("bench.target.parse", "client.requests.HubUrl.parse"):
        monkeypatch.setattr(f"sse_signals.{place}", parse)
    assert command(name).status == 0
    assert asked == ["http://127.0.0.1:8080/signals"]


def test_a_load_that_is_refused() -> None:
    """The status is that of a refusal, and the sentence says how a token is given; a header outranks it."""
    with hub(authentication=True) as guarded:
        token = guarded.token("user:default/ann", publish=["*"])
        url = {"SIGNALS_URL": guarded.url}
        assert_told(run("bench", **url), 4, "401 Unauthorized", "--token, or SIGNALS_TOKEN, gives a token.")
        assert "Authorization" not in run("bench", **url).stderr
        done = run("bench", "--token", "secret-1", **url)
        assert_told(done, 4, "401 Unauthorized")
        assert "secret-1" not in done.stderr
        assert run("bench", "--header", f"authorization: Bearer {token}", "--token", "secret-1", **url).status == 0
        elsewhere = run("bench", f"{guarded.url}/elsewhere", SIGNALS_TOKEN=token)
    assert_told(elsewhere, 4, "There is no hub at")
    assert_told(run("bench", SIGNALS_URL="http://" + NOBODY), 3, "cannot be reached at 127.0.0.1:1")
