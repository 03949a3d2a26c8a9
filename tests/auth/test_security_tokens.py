"""Lines 2 to 5 of the security checklist: tokens that must be refused, and why."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sse_signals.errors import NotAuthenticated
from tests.auth.issuer import AUDIENCE, ISSUER, Clock, Issuer, SigningKey, forge, signing_key
from tests.auth.refusals import HOUR, KINDS, Named, refusal, verifier


@pytest.mark.parametrize("algorithm", KINDS)
async def test_a_good_token_is_accepted(algorithm: str) -> None:
    """With every kind of key; or the refusals below would prove nothing."""
    issuer = Issuer(key=signing_key("one", algorithm))
    verified = await verifier(Named(issuer.key), issuer.clock).verify(issuer.token())
    assert verified.claims == issuer.claims()
    assert verified.header == issuer.header()
    assert verified.key == issuer.key.public


TIMES = [
    ("expired", {"exp": -31}),
    ("expired", {"exp": -30}),
    ("expired", {"exp": -30.0}),
    ("no-expiry", {"exp": None}),
    ("not-yet-valid", {"nbf": 31}),
    ("not-yet-valid", {"nbf": 30.002}),
    ("not-yet-valid", {"iat": 31}),
    ("too-long-lived", {"exp": 86_400 + 31}),
    ("too-long-lived", {"iat": None, "exp": 86_400 + 31}),
    ("too-long-lived", {"iat": -HOUR, "exp": 86_400 - HOUR + 1}),
    ("too-long-lived", {"iat": -2 * 86_400, "exp": HOUR}),
]


def moved(clock: Clock, changes: dict[str, Any]) -> dict[str, Any]:
    """Return claims whose times are so many seconds from now."""
    return {name: value if value is None else clock.seconds + value for name, value in changes.items()}


@pytest.mark.parametrize(("cause", "changes"), TIMES)
async def test_2_a_token_out_of_its_time_is_refused(cause: str, changes: dict[str, Any]) -> None:
    """2: Expired, not valid or not issued yet, without `exp`, or valid for longer than is allowed."""
    issuer = Issuer()
    assert (await refusal(issuer.token(**moved(issuer.clock, changes)), issuer)).cause == cause


@pytest.mark.parametrize(
    "changes",
    [{"exp": -29}, {"exp": -29.999}, {"nbf": 30}, {"nbf": -5}, {"iat": 30}, {"iat": None}, {"iat": 0, "exp": 86_400}],
)
async def test_2_clocks_may_differ_a_little(changes: dict[str, Any]) -> None:
    """2: Within the leeway a token is accepted, to the millisecond."""
    issuer = Issuer()
    await verifier(Named(issuer.key), issuer.clock).verify(issuer.token(**moved(issuer.clock, changes)))


@pytest.mark.parametrize("leeway", [0, 0.5, 60])
async def test_2_the_leeway_is_what_was_asked_for(leeway: float) -> None:
    """2: A token is refused as soon as the leeway is over, and not before."""
    issuer = Issuer()
    token = issuer.token()
    tolerant = verifier(Named(issuer.key), issuer.clock, leeway=leeway)
    issuer.clock.advance(HOUR + leeway - 0.001)
    await tolerant.verify(token)
    issuer.clock.advance(0.001)
    with pytest.raises(NotAuthenticated, match="expired: "):
        await tolerant.verify(token)


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["1769860800", True, False, [], {}, -1, 1e300, 10**20, 253_402_300_800])
async def test_2_a_time_that_is_none_is_refused(name: str, value: object) -> None:
    """2: A time is a number of seconds between 1970 and 9999, and nothing that Python would take for one."""
    issuer = Issuer()
    assert (await refusal(issuer.token(None, **{name: value}), issuer)).cause == "bad-claims"


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
async def test_2_a_time_of_null_is_refused(name: str) -> None:
    """2: A member that is there but null is not one that is missing."""
    issuer = Issuer()
    token = forge(issuer.header(), {**issuer.claims(), name: None}, issuer.key.sign)
    assert (await refusal(token, issuer)).cause == "bad-claims"


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"1" * 400])
async def test_2_a_time_that_is_no_finite_number_is_refused(number: bytes) -> None:
    """2: NaN compares with nothing, infinity never ends."""
    issuer = Issuer()
    claims = json.dumps(issuer.claims(exp=1)).encode().replace(b'"exp": 1', b'"exp": ' + number)
    assert number in claims
    assert (await refusal(forge(issuer.header(), claims, issuer.key.sign), issuer)).cause == "malformed-token"


def unsigned(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "none ", "", "HS999", "ES256K", "es256", "dir"])
@pytest.mark.parametrize("signed", [True, False])
async def test_3_a_token_that_need_not_be_signed_is_refused(name: str, *, signed: bool) -> None:
    """3: `none` in any case, or an algorithm that nobody knows, with a signature or without."""
    issuer = Issuer()
    token = forge(issuer.header(alg=name), issuer.claims(), issuer.key.sign if signed else unsigned)
    assert (await refusal(token, issuer)).cause == "wrong-algorithm"


@pytest.mark.parametrize("value", [None, 5, [], ["ES256"], {}, True])
async def test_3_an_algorithm_that_is_no_text_is_refused(value: object) -> None:
    """3: So is none at all, or null."""
    issuer = Issuer()
    for header in ({**issuer.header(), "alg": value}, issuer.header(alg=None)):
        token = forge(header, issuer.claims(), issuer.key.sign)
        assert (await refusal(token, issuer)).cause == "wrong-algorithm"


@pytest.mark.parametrize("algorithm", KINDS)
async def test_3_an_empty_signature_is_refused(algorithm: str) -> None:
    """3: Whatever the algorithm."""
    issuer = Issuer(key=signing_key("one", algorithm))
    token = forge(issuer.header(), issuer.claims(), unsigned)
    assert (await refusal(token, issuer)).cause == "wrong-algorithm"


def encodings(key: SigningKey) -> list[bytes]:
    """Return what somebody who only knows a public key might take for a secret."""
    public = key.private.public_key()
    spki = PublicFormat.SubjectPublicKeyInfo
    return [
        public.public_bytes(Encoding.PEM, spki),
        public.public_bytes(Encoding.PEM, spki).strip(),
        public.public_bytes(Encoding.DER, spki),
        json.dumps(key.jwk()).encode(),
        b"",
    ]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("hashing", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("named", [True, False])
async def test_4_a_public_key_is_no_shared_secret(algorithm: str, hashing: str, *, named: bool) -> None:
    """4: HMAC with the bytes of the public key is refused, since the key is for another algorithm."""
    issuer = Issuer(key=signing_key("one", algorithm))
    kind = jwt.algorithms.get_default_algorithms()[hashing]
    for secret in encodings(issuer.key):
        header = issuer.header(alg=hashing, kid="one" if named else None)
        token = forge(header, issuer.claims(), lambda data, secret=secret: kind.sign(data, secret))  # type: ignore[misc]
        assert (await refusal(token, issuer)).cause == "wrong-algorithm"


@pytest.mark.parametrize(
    ("algorithm", "said"),
    [("RS256", "PS256"), ("RS256", "RS512"), ("PS256", "RS256"), ("ES256", "ES384"), ("HS256", "HS512")],
)
async def test_4_the_header_does_not_choose_the_algorithm(algorithm: str, said: str) -> None:
    """4: Even a signature that the same key makes in another way is refused: a key is for one algorithm."""
    issuer = Issuer(key=signing_key("one", algorithm))
    sign = jwt.algorithms.get_default_algorithms()[said].sign
    token = forge(issuer.header(alg=said), issuer.claims(), lambda data: sign(data, issuer.key.private))
    assert (await refusal(token, issuer)).cause == "wrong-algorithm"


async def test_4_another_key_of_the_same_kind_is_refused() -> None:
    """4: A signature by a key that has the name but is not the one."""
    issuer = Issuer()
    other = SigningKey("one", "ES256", signing_key("two").private)
    assert (await refusal(Issuer(issuer.clock, other).token(), issuer)).cause == "bad-signature"


AUDIENCES: list[Any] = [None, "", "Signals", "signals ", "signal", "signalss", "https://signals", [], ["catalog"], [""]]
ISSUERS = ["", ISSUER[:-1], ISSUER + "x", ISSUER + "/", "https://issuer.example.evil/", "x" + ISSUER, ISSUER.upper()]
TYPES = ["", "JWS", "JWTT", "at+jwt", "vnd.backstage.user", "application/application/jwt", "text/jwt", " JWT"]


@pytest.mark.parametrize("value", AUDIENCES)
async def test_5_a_token_for_somebody_else_is_refused(value: object) -> None:
    """5: `aud` is missing, another's, or an array without this hub."""
    issuer = Issuer()
    error = await refusal(issuer.token(aud=value), issuer)
    assert error.cause == "wrong-audience"
    assert AUDIENCE in error.detail


@pytest.mark.parametrize("value", [5, True, {}, {"signals": 1}, [5], ["signals", 5], [["signals"]]])
@pytest.mark.parametrize("audiences", [[AUDIENCE], None])
async def test_5_an_audience_of_a_wrong_type_is_refused(value: object, audiences: list[str] | None) -> None:
    """5: Even where any audience would do."""
    issuer = Issuer()
    assert (await refusal(issuer.token(aud=value), issuer, audiences=audiences)).cause == "bad-claims"


@pytest.mark.parametrize("value", [None, *ISSUERS])
async def test_5_a_token_of_another_issuer_is_refused(value: str | None) -> None:
    """5: `iss` is compared to the letter: no prefix, no suffix, no other case."""
    issuer = Issuer()
    assert (await refusal(issuer.token(iss=value), issuer)).cause == "wrong-issuer"


@pytest.mark.parametrize("value", [5, [ISSUER], {}, True])
async def test_5_an_issuer_of_a_wrong_type_is_refused(value: object) -> None:
    """5: An array that holds the issuer is none."""
    issuer = Issuer()
    assert (await refusal(issuer.token(iss=value), issuer)).cause == "bad-claims"


@pytest.mark.parametrize("value", [None, 5, ["JWT"], {}, *TYPES])
async def test_5_a_token_of_another_type_is_refused(value: object) -> None:
    """5: `typ` says what a token is for; an ID token is no access token (RFC 8725, section 3.11)."""
    issuer = Issuer()
    assert (await refusal(issuer.token(header={"typ": value}), issuer)).cause == "wrong-type"


@pytest.mark.parametrize("changes", [{"aud": ["x", AUDIENCE]}, {"aud": [AUDIENCE]}])
async def test_5_one_audience_of_several_is_enough(changes: dict[str, Any]) -> None:
    """5: An array that names this hub is accepted."""
    issuer = Issuer()
    await verifier(Named(issuer.key), issuer.clock).verify(issuer.token(**changes))


@pytest.mark.parametrize(("wanted", "said"), [("JWT", "jwt"), ("at+jwt", "application/AT+JWT"), ("application/x", "X")])
async def test_5_a_type_is_compared_as_a_media_type(wanted: str, said: str) -> None:
    """5: Case does not matter, and `application/` may be left out (RFC 7515, section 4.1.9)."""
    issuer = Issuer(typ=said)
    await verifier(Named(issuer.key), issuer.clock, types=[wanted]).verify(issuer.token())
