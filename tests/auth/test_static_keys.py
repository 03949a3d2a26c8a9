"""Keys that an operator gives."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from sse_signals.auth.keys import MAX_NAMELESS, Key
from sse_signals.auth.static_keys import StaticKeys, pem_keys, pinned, secret_key
from sse_signals.errors import ConfigurationError, NotAuthenticated
from tests.auth.issuer import SECRET, Issuer, SigningKey, rsa_key, signing_key
from tests.auth.refusals import verifier


def public_pem(private: object) -> str:
    return SigningKey(None, "", private).pem()


def certificate(key: SigningKey) -> str:
    """Return a certificate that expired long ago."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer.example")])
    builder = x509.CertificateBuilder(name, name, key.private.public_key(), 5)
    dated = builder.not_valid_before(datetime(2001, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2002, 1, 1, tzinfo=UTC))
    return dated.sign(key.private, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(("algorithm", "least"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_its_algorithm_needs(algorithm: str, least: int) -> None:
    """A shorter one stops the start (RFC 7518, section 3.2); the text says how long it is, and not what."""
    assert secret_key("s" * least, algorithm=algorithm, kid="a") == Key("a", algorithm, b"s" * least)
    with pytest.raises(ConfigurationError, match=f"has {least - 1} bytes; it needs {least}") as caught:
        secret_key(b"s" * (least - 1), algorithm=algorithm)
    assert "sss" not in str(caught.value)


def test_a_secret_is_for_hs256_unless_another_is_chosen() -> None:
    """Only algorithms for shared secrets can be chosen."""
    assert secret_key(SECRET).algorithm == "HS256"
    for algorithm in ("RS256", "none", "hs256"):
        with pytest.raises(ConfigurationError, match="is for one of HS256, HS384, HS512"):
            secret_key(SECRET, algorithm=algorithm)


def test_a_public_key_is_no_secret() -> None:
    """Everybody may know it, and could then sign."""
    key = signing_key()
    ssh = key.private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    for text in (key.pem(), ssh, json.dumps(key.jwk()), certificate(key)):
        with pytest.raises(ConfigurationError, match="looks like a public key"):
            secret_key(text)


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "RS256", "EdDSA"])
def test_the_algorithm_follows_from_the_key(algorithm: str) -> None:
    """In a PEM public key and in a certificate, whose dates do not matter."""
    key = signing_key("one", algorithm)
    assert pem_keys(key.pem(), kid="one") == [key.public]
    assert pem_keys(key.pem().encode()) == [Key(None, algorithm, key.public.material)]
    assert pem_keys(key.pem(), algorithm=algorithm)[0].algorithm == algorithm
    if algorithm != "EdDSA":
        assert pem_keys(certificate(key))[0] == Key(None, algorithm, key.public.material)


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_may_be_for_another_rsa_algorithm(algorithm: str) -> None:
    """If that is chosen; then it is for that one only. The older form of PEM is read too."""
    assert pem_keys(public_pem(rsa_key()), algorithm=algorithm)[0].algorithm == algorithm
    old = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    assert pem_keys(old, algorithm=algorithm)[0].algorithm == algorithm


def test_several_keys_may_stand_in_one_text() -> None:
    """With anything between them."""
    one, two = signing_key("one"), signing_key("two", "EdDSA")
    keys = pem_keys(f"# old\n{one.pem()}\n# new\n{two.pem()}")
    assert [key.algorithm for key in keys] == ["ES256", "EdDSA"]


@pytest.mark.parametrize("kind", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"])
def test_a_private_key_is_refused(kind: str) -> None:
    """Who only verifies must not be able to sign; the text does not show the key."""
    text = f"-----BEGIN {kind}-----\nc2VjcmV0\n-----END {kind}-----"
    with pytest.raises(ConfigurationError, match="holds a private key; give the public key") as caught:
        pem_keys(signing_key().pem() + text)
    assert "c2VjcmV0" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="holds a private key"):
        pem_keys(signing_key().private_pem())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no PEM block"),
        ("secret", "no PEM block"),
        (b"\xff\xfe", "no PEM block"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "'PUBLIC KEY' cannot be read"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "'CERTIFICATE' cannot be read"),
        ("-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----", "'DH PARAMETERS' cannot be read"),
        (public_pem(rsa_key(1024)), "has 2048 to 8192 bits, not 1024"),
        (public_pem(ec.generate_private_key(ec.SECP256K1())), "is none of RSA, P-256"),
        (public_pem(ec.generate_private_key(ec.SECP224R1())), "is none of RSA, P-256"),
        (public_pem(ed448.Ed448PrivateKey.generate()), "is none of RSA, P-256"),
        (public_pem(dsa.generate_private_key(1024)), "is none of RSA, P-256"),
    ],
)
def test_a_text_without_a_usable_key_stops_the_start(text: str | bytes, what: str) -> None:
    """It is said what is wrong with it."""
    with pytest.raises(ConfigurationError, match=what):
        pem_keys(text)


@pytest.mark.parametrize(
    ("key", "algorithm"), [("ES256", "ES384"), ("ES256", "HS256"), ("EdDSA", "ES256"), ("RS256", "ES256")]
)
def test_an_algorithm_that_is_not_the_keys_stops_the_start(key: str, algorithm: str) -> None:
    """Above all HMAC with a public key."""
    with pytest.raises(ConfigurationError, match=f"for .*, not for '{algorithm}'"):
        pem_keys(signing_key("one", key).pem(), algorithm=algorithm)


def test_an_rsa_key_that_takes_long_to_verify_with_is_refused() -> None:
    """Too long a key, or too large an exponent."""
    modulus = rsa_key().public_key().public_numbers().n
    with pytest.raises(ValueError, match="exponent is too large"):
        pinned(rsa.RSAPublicNumbers(2**32 + 1, modulus).public_key(), None)
    with pytest.raises(ValueError, match="8192 bits, not 8193"):
        pinned(rsa.RSAPublicNumbers(65537, 2**8192 + 1).public_key(), None)


async def test_static_keys_are_a_source_of_keys() -> None:
    """A key without a name answers to every name, a named one to its own."""
    key, named = secret_key(SECRET), signing_key("one").public
    source = StaticKeys([key, named])
    assert await source.find("whatever", "HS256") == key
    assert await source.find(None, "HS256") == key
    assert await source.find("one", "ES256") == named


def test_static_keys_without_any_stop_the_start() -> None:
    """Or nobody could ever authenticate."""
    with pytest.raises(ConfigurationError, match="no key to verify tokens with"):
        StaticKeys([])


def nameless(name: str, algorithm: str = "ES256") -> Key:
    """Return the public half of a key as an operator gives it."""
    return Key(None, algorithm, signing_key(name, algorithm).public.material)


async def test_keys_without_a_name_are_tried_in_turn() -> None:
    """A token of each is accepted, whatever it calls its key: the old one and the new one stand side by side."""
    source = StaticKeys([nameless("old"), nameless("new"), nameless("rsa", "RS256")])
    assert (await source.find(None, "ES256")).others == (signing_key("new").public.material,)
    assert (await source.find(None, "RS256")).others == ()
    for name in ("old", "new"):
        issuer = Issuer(key=signing_key(name))
        strict = verifier(source, issuer.clock)
        for kid in (None, "whatever"):
            token = issuer.token({"kid": kid})
            assert (await strict.verify(token)).key == await source.find(None, "ES256")
            assert all(check.passed for check in await strict.inspect(token))


async def test_a_name_decides_beside_keys_without_one() -> None:
    """A named key is the only one for a token that names it; one that names none may mean either, and is refused."""
    source = StaticKeys([nameless("old"), nameless("new"), signing_key("one").public])
    issuer = Issuer(key=signing_key("old"))
    strict = verifier(source, issuer.clock)
    await strict.verify(Issuer().token())
    for kid, cause in (("one", "bad-signature"), (None, "ambiguous-key")):
        with pytest.raises(NotAuthenticated) as caught:
            await strict.verify(issuer.token({"kid": kid}))
        assert caught.value.cause == cause


async def test_a_token_of_none_of_several_keys_is_refused() -> None:
    """With the cause that one key would give; and never is a key tried for another algorithm than its own."""
    source = StaticKeys([nameless("old"), nameless("new"), nameless("rsa", "RS256")])
    stranger = Issuer(key=signing_key("stranger"))
    strict = verifier(source, stranger.clock)
    with pytest.raises(NotAuthenticated, match="bad-signature") as caught:
        await strict.verify(stranger.token())
    assert "any of these 2 keys" in caught.value.detail
    for algorithm in ("HS256", "ES384", "PS256", "EdDSA"):
        with pytest.raises(NotAuthenticated, match="wrong-algorithm"):
            await strict.verify(stranger.token({"alg": algorithm}))


def test_more_keys_than_a_forged_token_may_cost_stop_the_start() -> None:
    """Those of one algorithm without a name count, each once; the sentence says how many there are, and what to do."""
    keys = [nameless(f"key {number}") for number in range(MAX_NAMELESS)]
    StaticKeys([*keys, keys[0], nameless("rsa", "RS256"), signing_key("one").public])
    with pytest.raises(ConfigurationError, match=r"there are 9 keys for ES256, and there may be 8, .*; take out those"):
        StaticKeys([*keys, nameless("one more")])
