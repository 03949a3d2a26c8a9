from __future__ import annotations

import pytest

from sse_signals.errors import ConfigurationError
from sse_signals.settings import DEFAULT, ENVIRONMENT, Settings, examine, load

SECRET = "0123456789abcdef0123456789abcdef"


def test_it_is_told_where_each_setting_comes_from() -> None:
    """An option outranks a variable, a variable the default, and each says so."""
    examined = examine({"SIGNALS_PORT": "1", "SIGNALS_HEARTBEAT": "2"}, {"port": "3", "host": None})
    found = {each.name: each for each in examined.found}
    assert list(found) == list(Settings.__dataclass_fields__)
    assert (found["port"].origin, found["port"].named, found["port"].value) == ("--port", "--port (SIGNALS_PORT)", 3)
    assert (found["heartbeat"].origin, found["heartbeat"].value) == (ENVIRONMENT, 2.0)
    assert (found["host"].origin, found["host"].value) == (DEFAULT, "127.0.0.1")
    assert examined.settings == Settings(port=3, heartbeat=2.0)
    assert not examined.problems


def test_all_that_is_wrong_is_told_at_once_and_what_stops_a_start_first() -> None:
    """Unknown names, values that are none and contradictions: each is one sentence, in the order of a start."""
    environ = {"SIGNALS_PROT": "1", "SIGNALS_PORT": "x", "SIGNALS_HEARTBEAT": "0", "SIGNALS_MAX_BODY": "1"}
    problems = examine(environ, {"host": "0.0.0.0"}).problems
    starts = ["SIGNALS_PROT is no", "SIGNALS_PORT is 'x'", "SIGNALS_HEARTBEAT is '0'", "SIGNALS_MAX_MESSAGE", "--host"]
    assert len(problems) == len(starts)
    for problem, start in zip(problems, starts, strict=True):
        assert problem.startswith(start)
    with pytest.raises(ConfigurationError) as caught:
        load(environ, {"host": "0.0.0.0"})
    assert str(caught.value) == problems[0]


@pytest.mark.parametrize(
    "environ",
    [
        {"SIGNALS_AUTH": "none", "SIGNALS_RULES": "a.toml", "SIGNALS_JWT_KEY": "a.pem", "SIGNALS_HOST": "0.0.0.0"},
        {"SIGNALS_INSECURE": "perhaps", "SIGNALS_HOST": "0.0.0.0"},
        {"SIGNALS_BROKER": "kafka://h", "SIGNALS_WORKERS": "2", "SIGNALS_BROKER_NAME": "a"},
    ],
    ids=["auth", "insecure", "broker"],
)
def test_what_only_follows_from_a_bad_value_is_not_told(environ: dict[str, str]) -> None:
    """Nobody knows what it should have been: only the value itself is told."""
    first, *_ = environ
    (problem,) = examine(environ, {}).problems
    assert problem.startswith(f"{first} is ")


def test_no_text_of_it_holds_a_secret() -> None:
    """Neither a value that is good nor one that is not is in the text of what was found."""
    environ = {"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_SECRET": "c4nary-" + SECRET, "SIGNALS_SECRET": "c4nary"}
    examined = examine({**environ, "SIGNALS_BROKER": "redis://u:c4nary@h"}, {})
    assert "c4nary" not in "".join(map(repr, examined.found))
    assert "c4nary" not in "".join(examined.problems)
    assert {each.name for each in examined.found if each.hidden} == {"secret", "jwt_secret", "jwt_key"}
