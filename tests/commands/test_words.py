"""What a client says is told in the words of a command line."""

from __future__ import annotations

import pytest

from sse_signals import errors
from sse_signals.client.requests import HubUrl
from sse_signals.commands.notes import reason_of
from sse_signals.commands.words import sentence

HUB = "http://h/signals"


def unreached(why: str, url: str = HUB) -> errors.BrokerUnavailable:
    """Return the error of a hub that cannot be reached."""
    return errors.BrokerUnavailable(f"{url} cannot be reached: {why}")


NOT_VALID = "its certificate is not valid (self-signed certificate)"
NOT_HERE = errors.UnexpectedAnswer(
    404,
    "Not Found",
    "There is nothing at this path.",
    hint="There are: /signals/stream.",
    kind="urn:sse-signals:problem:not-found",
)
NO_HUB = errors.UnexpectedAnswer(400, "Bad Request", f"The answer of {HUB} is no hub's (text/html).", hint="Check it.")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            errors.NotAuthenticated("no-credentials", "Who are you?", hint="Send 'Authorization: Bearer …'."),
            "no-credentials: Who are you? Give a token: --token, or the variable SIGNALS_TOKEN.",
        ),
        (errors.NotAuthenticated("expired", "It is over.", hint="Get one."), "expired: It is over. Get one."),
        (errors.NotGranted("Only they.", field="Authorization", hint="Ask."), "Only they. Ask."),
        (errors.NotGranted("Not 'b'.", field="topic", hint="Ask."), "topic: Not 'b'. Ask."),
        (errors.MessageTooLarge("Too long.", hint="Mend what 'errors' names; nothing was published."), "Too long."),
        (unreached("the answer is no HTTP (X)", "https://h"), "https://h cannot be reached: the answer is no HTTP."),
        (unreached("the connection broke", "https://h"), "https://h cannot be reached: the connection broke."),
        (unreached("the connection broke"), f"{HUB} cannot be reached: the connection broke. May it be https://?"),
        (unreached("Connection refused"), f"{HUB} cannot be reached: Connection refused."),
        (
            unreached(NOT_VALID, "https://h"),
            f"https://h cannot be reached: {NOT_VALID}. --no-verify takes any.",
        ),
        (
            NOT_HERE,
            (
                "404 Not Found: There is nothing at this path. Check the URL: it ends with the prefix of the hub's "
                "routes, by default /signals, without what follows, such as /stream."
            ),
        ),
        (errors.UnexpectedAnswer(404, "Not Found", "No.", hint="None."), "404 Not Found: No. None."),
        (NO_HUB, f"400 Bad Request: The answer of {HUB} is no hub's (text/html). Check it. May it be https://?"),
    ],
)
def test_what_a_person_can_do(error: errors.SignalsError, said: str) -> None:
    """Options instead of headers and arguments, nothing that is inside, and what may be meant instead."""
    assert sentence(error) == said


def test_a_url_with_a_password() -> None:
    """The option that takes its place is named, and the password is not."""
    with pytest.raises(errors.ConfigurationError) as refused:
        HubUrl.parse("http://u:secret@h")
    assert sentence(refused.value) == "The hub's URL holds a user name or password; give --token instead."


def test_while_it_is_tried_again() -> None:
    """It is the same words that tell why."""
    assert reason_of("token() failed (ConfigurationError)") == "the token cannot be read (ConfigurationError)"
    assert reason_of("the answer is no HTTP (BadStatusLine)") == "the answer is no HTTP"
