"""Why a JSON Web Token is refused: the closed list of causes, and what to do about each."""

from __future__ import annotations

from typing import Final

from sse_signals.errors import NotAuthenticated, NotRecognised

HINTS: Final = {
    "malformed-token": "Send a JWT in its compact form, whole and unchanged: three base64url parts with dots between.",
    "unsupported-crit": "Make tokens without 'crit' and 'b64' in the header: no extension is understood here.",
    "wrong-algorithm": "Sign with the algorithm of the key that this hub was given for verifying.",
    "wrong-type": "Send a token of the kind that is meant for this hub; its header says so in 'typ'.",
    "unknown-key": "Use a token of the configured issuer, signed with a key that it publishes now.",
    "ambiguous-key": "Name the key with 'kid' in the token's header, and let no two keys share a name.",
    "bad-signature": "Use the token as it was issued, and check that hub and issuer have the same key.",
    "no-expiry": "Make tokens with 'exp'.",
    "expired": "Get a fresh token; if this one is fresh, compare the clocks of hub and issuer.",
    "not-yet-valid": "Wait until it is valid, and compare the clocks of hub and issuer.",
    "too-long-lived": "Make tokens with an earlier 'exp'.",
    "wrong-issuer": "Use a token of the issuer that this hub is configured for; 'iss' is compared to the letter.",
    "wrong-audience": "Ask the issuer for a token whose 'aud' names this hub.",
    "no-subject": "Make tokens whose 'sub' names somebody in at most 255 bytes of visible text.",
    "bad-claims": "Make tokens whose claims have the types of RFC 7519; entity refs look like group:default/team-a.",
    "bad-grants": 'Write grants as {"publish": ["orders/*"], "subscribe": ["orders/*"], "admin": false}.',
    "reserved-subject": "Choose another 'sub': names that begin with 'plugin:' or 'key:' are given by the hub itself.",
}

_MOST: Final = 80  # characters of a foreign text that are worth showing


def refused(cause: str, detail: str) -> NotAuthenticated:
    """Return the refusal of a token.

    Args:
        cause: One of `HINTS`.
        detail: What is wrong, one sentence without anything secret.
    """
    return NotAuthenticated(cause, detail, hint=HINTS[cause])


def unrecognised(cause: str, detail: str) -> NotRecognised:
    """Return the refusal of a token that may be another authenticator's."""
    return NotRecognised(cause, detail, hint=HINTS[cause])


def quoted(text: str) -> str:
    """Return a foreign text as it may stand in a detail: short, on one line, in quotes."""
    return ascii(text if len(text) <= _MOST else text[:_MOST] + "...")
