"""The modules of the console that need no page: their tests under Node.js, and the types of all of them."""

from __future__ import annotations

from tests.js.test_js import ASSETS, HERE, STRICT, TSC, node, pytestmark

__all__ = ["pytestmark"]


def test_the_modules_behave() -> None:
    """What is shown, held, quoted, asked and measured is what is promised."""
    found = sorted((HERE / "console").glob("*.test.mjs"))
    assert len(found) >= 3
    node("--test", *found)


def test_the_modules_keep_to_their_types() -> None:
    """The types in the comments hold, in every module."""
    node(TSC, *STRICT, "--allowJs", "--checkJs", "--skipDefaultLibCheck", *sorted((ASSETS / "console").glob("*.js")))
