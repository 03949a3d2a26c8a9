"""Descriptions of hubs: what may stand in them, and what is said where something may not."""

from __future__ import annotations

import re

import pytest

from sse_signals.conformance import adapters
from sse_signals.conformance.adapter import Adapter, Publish
from sse_signals.errors import ConfigurationError
from tests.conformance.descriptions import JSON_HUB, TEXT_HUB
from tests.conformance.runs import described
from tests.pages import ROOT, claimed

PAGE = (ROOT / "deploy/CONFORMANCE.md").read_text()
DESCRIPTIONS = claimed("deploy/CONFORMANCE.md", "*", "toml")
LEAST = """
name = "hub"
[subscribe]
path = "/sub/{topic}"
[publish]
path = "/pub/{topic}"
"""


def with_line(line: str, table: str = "") -> str:
    """Return the least description with a line more."""
    return LEAST.replace(f"[{table}]\n", f"[{table}]\n{line}\n") if table else f"{line}\n{LEAST}"


def test_the_least_description() -> None:
    """A name and two paths are enough: the message is the body, and the data."""
    adapter = described(LEAST)
    assert adapter.name == "hub"
    assert (adapter.publish.method, adapter.publish.content, adapter.publish.body) == ("POST", "text", "{message}")
    assert adapter.raw
    assert adapter.as_text == adapter.publish
    assert adapter.as_value is None
    assert adapter.events.control == frozenset()


def test_other_ways_to_publish_are_as_the_first_but_for_what_they_say() -> None:
    """What a table does not say again stays; what is about another kind of body does not."""
    adapter = described(JSON_HUB)
    assert adapter.text == Publish("/publish?topic={topic}", accepted=(202,), id="/id")
    assert adapter.named is not None
    assert (adapter.named.path, adapter.named.content) == ("/publish", "json")
    assert adapter.as_text == adapter.text
    assert adapter.as_value == adapter.publish
    assert not adapter.raw


@pytest.mark.parametrize("text", [*adapters.BUILT_IN.values(), JSON_HUB, TEXT_HUB])
def test_descriptions_that_are_in_use(text: str) -> None:
    """Those of the package and of the tests are good."""
    assert isinstance(described(text), Adapter)


def test_the_page_has_the_descriptions_of_the_package_and_others_that_are_good() -> None:
    """Every example of the page can be read; what comes with the package stands there as it is."""
    examples = [block.code for block in DESCRIPTIONS]
    assert set(adapters.BUILT_IN.values()) <= set(examples)
    for text in examples:
        assert described(text).name


def test_the_page_explains_every_key() -> None:
    """What may stand in a description stands in the page's table."""
    told = set(re.findall(r"^\| `([a-z_.]+)` \|", PAGE, re.MULTILINE))
    for key in ("name", "topics", "origin", "history", "not_offered", "subscribe.more", "publish.accepted"):
        assert key in told
    with pytest.raises(ConfigurationError) as caught:
        described(with_line("zzz = 1", "publish"))
    known = str(caught.value).partition("known are ")[2].rstrip(".").split(", ")
    assert {f"publish.{key}" for key in known} <= told


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("name =", ["hub.toml is no TOML: "]),
        ("", ["name is missing", "[subscribe] and [publish]"]),
        (with_line("heartbeats = 1"), ["heartbeats is no key of a description", "known are"]),
        (with_line("topic = 'a'"), ["topic is no key", "did you mean topics?"]),
        (with_line("resume_headers = true", "subscribe"), ["subscribe.resume_headers", "did you mean resume_header?"]),
        (with_line("name = 'again'"), ["is no TOML"]),
        (with_line("topics = 'a'"), ["topics needs both {run} and {name} in it."]),
        (with_line('topics = "a\\nb"'), ["topics is 'a\\nb'", "text of one line"]),
        (with_line("history = 0"), ["history is 0", "a whole number"]),
        (with_line("history = true"), ["history is True"]),
        (with_line("origin = 'https://a/'"), ["origin is 'https://a/'", "an origin such as"]),
        (with_line("subscribe = 1").replace('[subscribe]\npath = "/sub/{topic}"\n', ""), ["subscribe is 1", "a table"]),
        (with_line("not_offered = 1"), ["not_offered is 1", "a list of texts"]),
        (with_line("not_offered = ['']"), ["not_offered is ['']"]),
        (with_line("not_offered = ['corse']"), ["no group or case", "did you mean cors?"]),
        (with_line("not_offered = ['zzzz']"), ["--list shows them."]),
        (with_line("not_offered = ['gap']"), ["whether a gap is told is always tried"]),
        (with_line("not_offered = ['gap.long']"), ["always tried"]),
        (with_line("more = '&a'", "subscribe"), ["subscribe.more needs {topic}"]),
        (with_line("more = 'a b'", "subscribe"), ["a part of a URL"]),
        (with_line("resume_query = 'a b'", "subscribe"), ["a name, or empty for none"]),
        (with_line("resume_header = 1", "subscribe"), ["resume_header is 1", "true or false"]),
        (with_line("headers = {'a b' = 'c'}", "subscribe"), ["headers such as"]),
        (with_line("headers = {a = 'ü'}", "subscribe"), ["headers such as"]),
        (with_line("headers = 1", "subscribe"), ["headers such as"]),
        (LEAST.replace("/sub/{topic}", "/sub"), ["subscribe.path needs {topic}"]),
        (LEAST.replace("/sub/{topic}", "sub"), ["subscribe.path is 'sub'", "begins with /"]),
        (LEAST.replace("/pub/{topic}", "/pub"), ["publish needs {topic} in path, body or headers"]),
        (LEAST.replace('path = "/pub/{topic}"', ""), ["publish.path is missing"]),
        (with_line("method = 'post'", "publish"), ["publish.method is 'post'", "an HTTP method such as POST"]),
        (with_line("content = 'xml'", "publish"), ["publish.content is 'xml'", "one of text, json, form"]),
        (with_line("body = 'a {message}'", "publish"), ["publish.body needs content = 'json' or 'form'"]),
        (with_line("body = 'a'\ncontent = 'json'", "publish"), ["publish.body needs {message}"]),
        (with_line("body = 1", "publish"), ["publish.body is 1", "text"]),
        (with_line("accepted = [404]", "publish"), ["statuses from 200 to 299"]),
        (with_line("accepted = []", "publish"), ["statuses from 200 to 299"]),
        (with_line("id = 'id'", "publish"), ["publish.id is 'id'", "a JSON pointer such as /id, 'body'"]),
        (with_line("text = {content = 'json'}", "publish"), ["publish.text is for content = 'text' only"]),
        (with_line("named = {method = 'PUT'}", "publish"), ["publish.named needs {event}"]),
        (LEAST + "[events]\nmessage = 'a'", ["events.message is 'a'", "a JSON pointer such as /message"]),
        (LEAST + "[events]\nsilence = 0", ["events.silence is 0", "seconds, at most 3600"]),
        (LEAST + "[events]\nsilence = true", ["events.silence is True"]),
        (LEAST + "[events]\nsilence_in_receipt = '/a'", ["events.silence_in_receipt needs events.receipt."]),
        (LEAST + "[events]\nhartbeat = 'a'", ["events.hartbeat", "did you mean heartbeat?"]),
        (LEAST + "[drain]\nwithin = 'a'", ["drain.within is 'a'"]),
    ],
)
def test_what_is_wrong_is_named(text: str, parts: list[str]) -> None:
    """One sentence says where, what, and what it may be."""
    with pytest.raises(ConfigurationError) as caught:
        described(text)
    for part in ("hub.toml", *parts):
        assert part in str(caught.value)
    assert str(caught.value)[-1] in ".?"


def test_all_that_may_be_said() -> None:
    """Every place of an id, and what may be left empty."""
    for place in ("/a/b", "body", "X-Id:", ""):
        assert described(with_line(f"id = '{place}'", "publish")).publish.id == place
    assert described(LEAST + "[events]\nmessage = ''\nothers = ['a']").events.control == {"a"}
    assert described(with_line("not_offered = ['cors', 'http.head']")).not_offered == {"cors", "http.head"}
    assert described(LEAST + "[drain]\npath = '/leave'\nlasts = true").drain.lasts
