"""The compact form of a token, read strictly."""

from __future__ import annotations

import pytest

from sse_signals.auth.compact import MAX_TOKEN, peek
from sse_signals.errors import NotAuthenticated, NotRecognised
from tests.auth.issuer import Issuer, forge, part

HEADER = part({"alg": "ES256"})
CLAIMS = part({"sub": "x"})
CANARY = "canary"


def said(claims: bytes) -> str:
    """Return a token with these bytes as claims."""
    return f"{HEADER}.{part(claims)}."


def headed(header: bytes) -> str:
    """Return a token with these bytes as header."""
    return f"{part(header)}.{CLAIMS}."


def test_what_a_token_says_can_be_read_without_a_key() -> None:
    """Header, claims and signature, whoever signed it; what may be private is not in its repr."""
    peeked = peek(Issuer().token(sub=CANARY))
    assert peeked.header == {"alg": "ES256", "typ": "JWT", "kid": "one"}
    assert peeked.claims["sub"] == CANARY
    assert len(peeked.signature) == 64
    assert CANARY not in repr(peeked)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a",
        CANARY,
        "sk_live_0123456789abcdef",
        "a.b.c",
        "e.e.e",
        f"{HEADER}.{CLAIMS}",
        f"{HEADER}.{CLAIMS}.c.d",
        f"{HEADER}.{CLAIMS}.c.d.e",
        f".{CLAIMS}.c",
        f"{HEADER}=.{CLAIMS}.",
        f" {HEADER}.{CLAIMS}.",
        f"{part([1])}.{CLAIMS}.",
        f"{part('eyJ')}.{CLAIMS}.",
        "x" * (MAX_TOKEN + 1),
        f"{CANARY * MAX_TOKEN}.a.b",
        "eé.e.e",
    ],
)
def test_what_is_no_token_may_be_something_else(token: str) -> None:
    """An API key, an opaque or an encrypted token is another authenticator's business."""
    with pytest.raises(NotRecognised) as caught:
        peek(token)
    assert caught.value.cause == "malformed-token"
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("token", "what"),
    [
        (f"{HEADER}..", "claims is not JSON"),
        (f"{HEADER}.{CLAIMS}=.", "second part"),
        (f"{HEADER}.{CLAIMS}\n.", "second part"),
        (f"{HEADER}.a+/b.", "second part"),
        (f"{HEADER}.aé.", "second part"),
        (f"{HEADER}.a.", "second part"),
        (f"{HEADER}.YR.", "second part"),  # "YQ" with a bit set that means nothing
        (f"{HEADER}.{CLAIMS}.YR", "signature"),
        (f"{HEADER}.{CLAIMS}.YQ==", "signature"),
        (said(b"1"), "claims is not a JSON object"),
        (said(b"[]"), "claims is not a JSON object"),
        (said(b"null"), "claims is not a JSON object"),
        (said(b"{"), "claims is not JSON"),
        (said(b"{} {}"), "claims is not JSON"),
        (said(b"{}x"), "claims is not JSON"),
        (said(b'{"a":"' + bytes([0xFF]) + b'"}'), "claims is not JSON"),
        (said(chr(0xFEFF).encode() + b"{}"), "claims is not JSON"),
        (said("{}".encode("utf-16")), "claims is not JSON"),
        (said(b'{"a":' + b'"' + rb"\ud800" + b'"}'), "claims is not JSON"),
        (said(b'{"a":' + b"[" * 32 + b"]" * 32 + b"}"), "deeper"),
        (said(b'{"a":' + b"[" * 3000), "claims is not JSON"),
        (headed(b'{"alg":'), "header is not JSON"),
        (said(b'{"a": 1, "a": 1}'), "claims has a member twice"),
        (headed(b'{"a": 1, "a": 1}'), "header has a member twice"),
        (f"{HEADER}.{'A' * MAX_TOKEN}.", "longer than 8192"),
    ],
)
def test_a_broken_token_is_refused(token: str, what: str) -> None:
    """What begins like a JWT but is none is refused for good, and the refusal says which part is broken."""
    with pytest.raises(NotAuthenticated, match=what) as caught:
        peek(token)
    assert (type(caught.value), caught.value.cause) == (NotAuthenticated, "malformed-token")


def test_a_token_may_be_as_long_as_the_limit() -> None:
    """Eight kibibytes, and not one byte more."""
    tokens = [forge({"x": "x" * a}, {"x": "x" * b}, lambda _: b"") for a in range(4) for b in range(6000, 6200)]
    assert peek(next(token for token in tokens if len(token) == MAX_TOKEN)).claims
    with pytest.raises(NotAuthenticated, match="longer than"):
        peek(next(token for token in tokens if len(token) == MAX_TOKEN + 1))


def test_integers_are_kept_exactly() -> None:
    """No claim is rounded on its way."""
    assert peek(said(b'{"a": 12345678901234567890123}')).claims["a"] == 12345678901234567890123
