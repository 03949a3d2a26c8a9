"""What a client is given by mistake is refused with a sentence that says what to write."""

from __future__ import annotations

from typing import Any

import pytest

from sse_signals import ConfigurationError, EventBroker, InvalidInput, SignalsClient, SyncSignalsClient

CLIENTS = pytest.mark.parametrize("client", [SignalsClient, SyncSignalsClient])


@CLIENTS
@pytest.mark.parametrize("url", [None, 3, b"http://hub"])
def test_no_url(client: Any, url: Any) -> None:
    """An environment variable that is not set, for example."""
    with pytest.raises(ConfigurationError, match=r"write it like http://hub:8080/signals\."):
        client.for_hub(url)


@CLIENTS
@pytest.mark.parametrize("timeout", ["5", None, 0, -1, 241, float("nan")])
def test_no_timeout(client: Any, timeout: Any) -> None:
    """A text is no number of seconds, and neither is what cannot be waited for."""
    with pytest.raises(ConfigurationError, match=r"it may be up to 240 seconds\."):
        client.for_hub("http://hub", timeout=timeout)


@CLIENTS
def test_a_header_instead_of_a_token(client: Any) -> None:
    """The word before the token is the client's business; the token itself is not told."""
    with pytest.raises(ConfigurationError, match="without 'Bearer '") as caught:
        client.for_hub("http://hub", token="Bearer secret")
    assert "secret" not in str(caught.value)


@CLIENTS
def test_a_list_of_topics(client: Any) -> None:
    """Each topic is an argument of its own."""
    with pytest.raises(InvalidInput, match=r"subscribe\(\*topics\)"):
        client.for_hub("http://hub").subscribe(["a", "b"])


def test_a_url_instead_of_an_event_broker() -> None:
    """The error says which argument takes it, and where a URL without a scheme is missed."""
    with pytest.raises(ConfigurationError, match="write url= for a hub"):
        SignalsClient.for_plugin("a", event_broker="http://hub")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="the http:// of a hub"):
        EventBroker.from_url("127.0.0.1:8080")
