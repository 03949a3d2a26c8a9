"""URLs of hubs, and the requests that are sent there: judged by what the hub itself reads in them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from yarl import URL

from sse_signals.client.requests import NO_ID, HubUrl, Start
from sse_signals.client.tokens import GetToken, Tokens, checked_token
from sse_signals.errors import ConfigurationError, InvalidInput
from sse_signals.model import Signal
from sse_signals.topics import EVERYTHING, Filters
from sse_signals.web.signals import load_batch, load_signal

HUB = HubUrl.parse("http://hub:8080")
SIGNALS = [
    Signal(b'{"a":[1,"\xc3\xa4"]}', "catalog:my-topic"),
    Signal(b"null", None, frozenset(), None),
    Signal(b'"x"', "catalog", frozenset({"group:default/a", "user:default/b"}), "named"),
    Signal(b"1", "ümlaut/☂ &?#+%"),
]


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("http://hub:8080", "http://hub:8080/signals"),
        ("http://hub:8080/", "http://hub:8080/signals"),
        ("https://hub", "https://hub/signals"),
        ("HTTP://hub/a/b/", "http://hub/a/b"),
        ("http://[::1]:8080/signals", "http://[::1]:8080/signals"),
        ("http://hub/mit%20Raum/ä", "http://hub/mit%20Raum/%C3%A4"),
        ("http://hub/%zz%a", "http://hub/%25zz%25a"),
        ("http://my_hub.local.:80", "http://my_hub.local.:80/signals"),
        ("http://10.0.0.1", "http://10.0.0.1/signals"),
    ],
)
def test_a_url_means_a_prefix(url: str, prefix: str) -> None:
    """Without a path it is the usual one; any path is meant as it is."""
    assert HubUrl.parse(url).prefix == prefix


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "hub:8080",
            "//hub",
            "ftp://hub",
            "http://",
            "http://:80",
            "http://hub:port",
            "http://hub:99999",
            "http://[::1",
        ),
        *("http://me:secret@hub", "http://secret@hub", "http://hub/?token=secret", "http://hub/a#b", "http://hub/?"),
        *("http://a..b", f"http://{'a' * 64}", f"http://{'a.' * 127}", "http://x\\.evil", "http://127.1", "http://1"),
        *("http://-a", "http://hüb", "http://[::g]", "http://127.0.0.1."),
        *("http://hub/a b", "http://hub/\n", " http://hub", "http://hub/\u202e"),
    ],
)
def test_what_is_no_url_of_a_hub_is_refused(url: str) -> None:
    """With a sentence, and without what is secret in it."""
    with pytest.raises(ConfigurationError) as caught:
        HubUrl.parse(url)
    assert "secret" not in str(caught.value) or "token=secret" in url
    assert str(caught.value).endswith((".", "."))


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("key", ["k", "schlüssel ☂"])
def test_a_hub_reads_the_signal_that_was_meant(signal: Signal, key: str) -> None:
    """The hub's own code makes the very same signal of it, and finds the key, in the header or the body."""
    request = HUB.publish([signal], key, "token")
    read, in_body = load_signal(orjson.loads(request.body), 65536)
    assert read == signal
    assert (request.headers.get("Idempotency-Key") or in_body) == key
    assert (request.method, request.url) == ("POST", "http://hub:8080/signals/publish")
    assert all(value.isascii() for value in request.headers.values())


def test_a_hub_reads_the_batch_that_was_meant() -> None:
    """Several signals are one request."""
    request = HUB.publish(SIGNALS, "k", None)
    assert load_batch(orjson.loads(request.body), 65536) == SIGNALS
    assert "Authorization" not in request.headers
    with pytest.raises(InvalidInput, match="ASCII"):
        HUB.publish(SIGNALS, "☂", None)


@pytest.mark.parametrize("texts", [["a"], ["a", "b/*", "ümlaut &+%=#/☂"], ["*"], []])
def test_a_hub_reads_the_filters_that_were_meant(texts: list[str]) -> None:
    """Everything is asked for without a filter, so that it means all that one may have."""
    filters = Filters.parse(texts)
    request = HUB.stream(filters, None, "token")
    url = URL(request.url, encoded=True)
    assert Filters.parse(url.query.getall("topic", [])) == filters
    assert (url.query_string == "") == (filters == EVERYTHING)
    assert request.headers["Authorization"] == "Bearer token"
    assert "Last-Event-ID" not in request.headers


@pytest.mark.parametrize(
    ("event_id", "sent"), [("7k2m9xq4-1041", "7k2m9xq4-1041"), ("", NO_ID), ("a\r\nX: y", NO_ID), ("☂", NO_ID)]
)
def test_a_place_to_resume_is_sent_as_it_is(event_id: str, sent: str) -> None:
    """What can stand in no header is no id either: the hub tells it as a gap."""
    assert HUB.stream(EVERYTHING, event_id, None).headers["Last-Event-ID"] == sent


def test_where_a_stream_starts_is_asked_for_once() -> None:
    """An id says it better than a time: a hub that is asked for both refuses."""
    start = Start("10m", poll=True)
    assert URL(HUB.stream(EVERYTHING, None, None, start).url, encoded=True).query == {"since": "10m", "poll": "1"}
    resumed = HUB.stream(EVERYTHING, "e-1", None, start)
    assert URL(resumed.url, encoded=True).query == {"poll": "1"}
    assert resumed.headers["Last-Event-ID"] == "e-1"


def test_a_renewal_names_the_stream() -> None:
    """Whatever its name is made of."""
    request = HUB.renew("a/b ?", "fresh")
    assert request.url == "http://hub:8080/signals/streams/a%2Fb%20%3F/renew"
    assert request.headers["Authorization"] == "Bearer fresh"


def test_nothing_shows_a_token() -> None:
    """Neither what asks for one, nor what carries it."""
    assert "secret" not in repr(HUB.publish(SIGNALS, "k", "secret"))
    assert "secret" not in repr(HUB.stream(EVERYTHING, None, "secret"))
    assert "secret" not in repr(GetToken("secret", fresh=True))


@pytest.mark.parametrize("token", ["", "secret with spaces", "secret\n", "sécret", b"secret", 7, ["secret"]])
def test_a_token_that_cannot_be_sent_is_refused(token: Any) -> None:
    """The error does not show it."""
    with pytest.raises(ConfigurationError) as caught:
        checked_token(token)
    assert "secret" not in str(caught.value)


def test_a_function_is_asked_once_until_its_token_is_no_good() -> None:
    """Also where it says that there is none; a text is all there is."""
    tokens = Tokens(lambda: None)
    assert not tokens.good(GetToken())
    tokens.keep(None)
    assert tokens.good(GetToken())
    assert not tokens.good(GetToken(None, fresh=True))
    tokens.keep("a")
    assert tokens.good(GetToken(None, fresh=True))  # somebody else has asked meanwhile
    assert not tokens.good(GetToken("a", fresh=True))
    assert Tokens("text").good(GetToken("text", fresh=True))
    with pytest.raises(ConfigurationError):
        Tokens("no text")
