"""Keys by name, each for one algorithm."""

from __future__ import annotations

import pytest

from sse_signals.auth.keys import Key, KeySet
from sse_signals.errors import NotAuthenticated
from tests.auth.issuer import SECRET, signing_key

ONE, TWO, RSA = (key.public for key in (signing_key("one"), signing_key("two"), signing_key("rsa", "RS256")))
NAMELESS = Key(None, "ES256", signing_key("three").public.material)


def refusal(keys: KeySet, kid: str | None, algorithm: str) -> NotAuthenticated:
    with pytest.raises(NotAuthenticated) as caught:
        keys.find(kid, algorithm)
    return caught.value


def test_a_key_is_found_by_its_name_and_algorithm() -> None:
    """The name alone is not enough, nor is the algorithm alone when a name is given."""
    keys = KeySet([ONE, TWO, RSA])
    assert len(keys) == 3
    assert (keys.find("two", "ES256"), keys.find("rsa", "RS256")) == (TWO, RSA)
    assert refusal(keys, "rsa", "ES256").cause == "wrong-algorithm"
    assert refusal(keys, "rsa", "HS256").cause == "wrong-algorithm"
    assert refusal(keys, "four", "ES256").cause == "unknown-key"


def test_without_a_name_the_only_key_for_the_algorithm_is_it() -> None:
    """Of several none is chosen; when there is none the algorithm is what is wrong."""
    keys = KeySet([ONE, TWO, RSA])
    assert keys.find(None, "RS256") == RSA
    assert refusal(keys, None, "ES256").cause == "ambiguous-key"
    assert refusal(keys, None, "EdDSA").cause == "wrong-algorithm"
    assert refusal(KeySet([]), None, "ES256").cause == "unknown-key"


def test_one_name_may_stand_for_keys_of_several_algorithms() -> None:
    """But not for two keys of one; the same key twice is one key."""
    same = Key("one", "RS256", RSA.material)
    assert KeySet([ONE, same]).find("one", "RS256") == same
    assert KeySet([ONE, ONE]).find("one", "ES256") == ONE
    assert len(KeySet([ONE, ONE])) == 1
    assert refusal(KeySet([ONE, Key("one", "ES256", TWO.material)]), "one", "ES256").cause == "ambiguous-key"


def test_a_key_without_a_name_answers_to_any_only_if_that_is_wanted() -> None:
    """A key that an operator gave by hand has no name, whatever the issuer calls it; a published one has."""
    assert refusal(KeySet([NAMELESS]), "x", "ES256").cause == "unknown-key"
    keys = KeySet([NAMELESS, TWO], any_name=True)
    assert (keys.find("x", "ES256"), keys.find("two", "ES256")) == (NAMELESS, TWO)
    assert refusal(keys, "x", "HS256").cause == "wrong-algorithm"


def test_published_keys_without_a_name_are_not_tried_in_turn() -> None:
    """An issuer can give its keys names; several without one are refused, however many there are."""
    nameless = [Key(None, "ES256", signing_key(str(number)).public.material) for number in range(9)]
    assert refusal(KeySet(nameless), None, "ES256").cause == "ambiguous-key"


def test_a_refusal_names_what_was_asked_for_on_one_short_line() -> None:
    """A name is a stranger's text: it is cut, and no control character stands in it."""
    detail = refusal(KeySet([ONE]), "\x1b[31m\n" + "x" * 200, "ES256").detail
    assert detail.isprintable()
    assert len(detail) < 120


def test_a_key_shows_no_material() -> None:
    """In its repr, which may be logged."""
    assert repr(Key("a", "HS256", SECRET.encode())) == "Key(kid='a', algorithm='HS256')"
