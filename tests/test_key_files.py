from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sse_signals.errors import ConfigurationError
from sse_signals.key_files import MAX_FILE, folded, public_keys, shared_secrets, ticket_secrets
from sse_signals.settings import load
from tests.auth.issuer import SECRET, signing_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sse_signals.settings import Settings


def jwt(**options: str) -> Settings:
    """Return settings for JSON Web Tokens."""
    return load({}, {"auth": "jwt", **options})


def test_a_secret_is_the_setting_or_stands_in_a_file(tmp_path: Path) -> None:
    """Of a file one line end is no part of it, whoever wrote the file; everything else is."""
    file = tmp_path / "secret"
    for content, secret in [
        (SECRET, SECRET),
        (SECRET + "\n", SECRET),
        (SECRET + "\r\n", SECRET),
        (SECRET + "\n\n", SECRET + "\n"),
        (SECRET + "\r", SECRET + "\r"),
    ]:
        file.write_bytes(content.encode())
        settings = jwt(jwt_secret=f"@{file}", secret=f"@{file}")
        (key,) = shared_secrets(settings)
        assert (key.material, key.algorithm) == (secret.encode(), "HS256")
        assert ticket_secrets(settings) == [secret.encode()]
    settings = jwt(jwt_secret=SECRET, secret="é" * 16)
    (key,) = shared_secrets(settings)
    assert key.material == SECRET.encode()
    assert ticket_secrets(settings) == [("é" * 16).encode()]


def test_nothing_set_is_nothing_read() -> None:
    """Without a setting there is neither a secret nor a key."""
    assert shared_secrets(load({}, {})) == []
    assert ticket_secrets(load({}, {})) == []
    assert public_keys(load({}, {})) == []


def test_the_algorithm_goes_to_what_it_is_for(tmp_path: Path) -> None:
    """One of a secret's is not one of a PEM's, and the other way round."""
    pem = tmp_path / "key.pem"
    pem.write_text(signing_key("one", "RS256").pem() + signing_key("two", "RS256").pem())
    for algorithm, expected in (("HS512", ["HS512", "RS256"]), ("PS256", ["HS256", "PS256"])):
        settings = jwt(jwt_secret=SECRET, jwt_key=str(pem), jwt_algorithm=algorithm)
        (key,) = shared_secrets(settings)
        assert [key.algorithm, public_keys(settings)[0].algorithm] == expected


def test_all_files_with_keys_are_read(tmp_path: Path) -> None:
    """Each may hold several keys, of any kind."""
    for name in ("ES256", "EdDSA"):
        (tmp_path / name).write_text(signing_key(name, name).pem())
    settings = jwt(jwt_key=f"{tmp_path / 'ES256'}, {tmp_path / 'EdDSA'}")
    assert [key.algorithm for key in public_keys(settings)] == ["ES256", "EdDSA"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"^SIGNALS_JWT_SECRET names a file that cannot be read: No such file or directory\.$"),
        (b"x" * 31, r"^SIGNALS_JWT_SECRET cannot be used: the shared secret for HS256 has 31 bytes; it needs 32\.$"),
        (b"x" * (MAX_FILE + 1), r"^SIGNALS_JWT_SECRET names a file that is too long: it may have 1048576 bytes\.$"),
        (
            signing_key().pem().encode(),
            r"^SIGNALS_JWT_SECRET cannot be used: the shared secret looks like a public key",
        ),
    ],
    ids=["none", "short", "long", "public"],
)
def test_a_secret_that_cannot_be_used(tmp_path: Path, content: bytes | None, said: str) -> None:
    """One sentence names the setting and why, but neither what stands in the file nor where it is."""
    if content is not None:
        (tmp_path / "canary").write_bytes(content)
    with pytest.raises(ConfigurationError, match=said) as caught:
        shared_secrets(jwt(jwt_secret=f"@{tmp_path / 'canary'}"))
    assert "canary" not in str(caught.value)
    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"\xff\x00 no PEM",
            r"^SIGNALS_JWT_KEY cannot be used: there is no PEM block of a public key or certificate\.$",
        ),
        (signing_key().private_pem().encode(), r"^SIGNALS_JWT_KEY cannot be used: the PEM holds a private key"),
    ],
)
def test_a_pem_that_cannot_be_used(tmp_path: Path, content: bytes, said: str) -> None:
    """One sentence names the setting and why."""
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        public_keys(jwt(jwt_key=str(tmp_path / "key.pem")))


def test_a_key_put_where_its_path_belongs_is_not_shown() -> None:
    """Whatever stands there is taken for a path that does not exist, and is not repeated."""
    text = signing_key().private_pem().replace("\n", "\\n")
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        public_keys(jwt(jwt_key=text))
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_only_files_are_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A pipe that nobody writes to would stop the start for ever."""
    make(tmp_path / "odd")
    with pytest.raises(
        ConfigurationError, match=r"^SIGNALS_SECRET names something that is no file: it may name one\.$"
    ):
        ticket_secrets(jwt(jwt_secret=SECRET, secret=f"@{tmp_path / 'odd'}"))


def test_a_ticket_secret_in_a_file_is_long_enough_too(tmp_path: Path) -> None:
    """32 bytes count without the line's end."""
    (tmp_path / "short").write_text("x" * 31 + "\n")
    with pytest.raises(
        ConfigurationError, match=r"^SIGNALS_SECRET names a file with 31 bytes: it may hold 32 or more\.$"
    ):
        ticket_secrets(jwt(jwt_secret=SECRET, secret=f"@{tmp_path / 'short'}"))


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_may_hold_several_secrets(tmp_path: Path, end: str) -> None:
    """One a line, of which the first signs; the text as a whole stays good, since it was one secret before."""
    file = tmp_path / "secret"
    lines = ["a" * 32, "b" * 40, "c" * 64]
    between = end or "\n"
    file.write_bytes((between.join(lines) + end).encode())
    expected = [*(line.encode() for line in lines), between.join(lines).encode()]
    settings = jwt(jwt_secret=f"@{file}", secret=f"@{file}")
    assert [key.material for key in shared_secrets(settings)] == expected
    assert {key.algorithm for key in shared_secrets(settings)} == {"HS256"}
    assert ticket_secrets(settings) == expected
    assert not folded(expected)


@pytest.mark.parametrize(
    ("content", "warned"),
    [
        (b"a" * 32 + b"\n" + b"b" * 31, True),
        (b"a" * 32 + b"\n\n" + b"b" * 32, True),
        (b"a" * 32 + b"\n" + b"b" * 16 + b" " + b"b" * 16, True),
        (b"\n".join([b"a" * 32] * 5), True),
        (b"a" * 32 + b"\n" + b"\xff" * 32, False),
        (b"a" * 32 + b"\n" + b"\x00" * 32, False),
        (b"a" * 65, False),
    ],
    ids=["short", "empty", "blank", "many", "bytes", "controls", "one"],
)
def test_a_file_of_anything_else_is_one_secret(tmp_path: Path, content: bytes, warned: bool) -> None:
    """As it always was, line breaks included: random bytes and folded texts hold them; of folded texts is warned."""
    file = tmp_path / "secret"
    file.write_bytes(content + b"\n")
    settings = jwt(jwt_secret=f"@{file}", secret=f"@{file}")
    assert [key.material for key in shared_secrets(settings)] == ticket_secrets(settings) == [content]
    assert folded([content]) == warned


def test_lines_are_secrets_only_if_they_are_long_enough_for_the_algorithm(tmp_path: Path) -> None:
    """What is one for HS256 is too short for HS512."""
    file = tmp_path / "secret"
    file.write_text("a" * 64 + "\n" + "b" * 63)
    assert len(shared_secrets(jwt(jwt_secret=f"@{file}"))) == 3
    assert len(shared_secrets(jwt(jwt_secret=f"@{file}", jwt_algorithm="HS512"))) == 1
