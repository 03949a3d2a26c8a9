"""The browser module: its own tests under Node.js, in both of its forms, and the check of its types."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sse_signals.web import client_module
from tests.e2e.clients import NODE_IS_READY

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
ASSETS = Path(client_module.__file__).parent / "assets"
NODE = shutil.which("node")
TSC = HERE.parent / "node" / "node_modules" / "typescript" / "bin" / "tsc"
STRICT = (
    *("--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"),
    *("--module", "nodenext", "--moduleResolution", "nodenext"),
)

pytestmark = pytest.mark.skipif(
    not (NODE_IS_READY and TSC.exists()),
    reason="needs Node.js 20 or later, with which ./tests/run installs the packages of tests/node",
)


def node(*arguments: str | Path, **environment: str) -> None:
    """Run Node.js; fail with what it says if it fails."""
    done = subprocess.run(
        [str(NODE), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | environment,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-20_000:]}\n{done.stderr[-5_000:]}"


def scripts() -> Sequence[Path]:
    """Return the test files, of which there are some."""
    found = sorted(HERE.glob("*.test.mjs"))
    assert len(found) >= 6
    return found


def test_the_sources_behave() -> None:
    """The small modules, as they are read, do what is promised."""
    node("--test", *scripts(), CLIENT_MODULE=(ASSETS / "client" / "client.js").as_uri())


def test_the_served_module_behaves(tmp_path: Path) -> None:
    """What the hub serves, without comments and with short names, does just the same."""
    served = tmp_path / "client.mjs"
    served.write_bytes(client_module.MODULE.body)
    node("--test", *scripts(), CLIENT_MODULE=served.as_uri())


def test_the_served_module_is_made_of_the_sources(tmp_path: Path) -> None:
    """What is served is up to date."""
    made = tmp_path / "client.js"
    subprocess.run([ASSETS / "build", made], check=True, timeout=60)
    assert made.read_bytes() == client_module.MODULE.body, "client.js is old: run sse_signals/web/assets/build"


def test_the_sources_keep_to_their_types() -> None:
    """The types in the comments hold, in every module."""
    sources = sorted((ASSETS / "client").glob("*.js"))
    node(TSC, *STRICT, "--allowJs", "--checkJs", *sources)


def test_the_declarations_fit_how_it_is_used(tmp_path: Path) -> None:
    """The declarations allow what is meant, and refuse what is not."""
    shutil.copy(ASSETS / "client.d.ts", tmp_path)
    shutil.copy(HERE / "usage.ts", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    node(TSC, *STRICT, tmp_path / "usage.ts")


def test_the_declarations_fit_the_module(tmp_path: Path) -> None:
    """The class that is declared is the class that there is."""
    shutil.copytree(ASSETS, tmp_path / "assets")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "same.ts").write_text(
        "import type { SignalsClient as Declared } from './assets/client.js';\n"
        "import { SignalsClient as Made } from './assets/client/client.js';\n"
        "export const made: new (...options: ConstructorParameters<typeof Declared>) => Declared = Made;\n"
    )
    node(TSC, *STRICT, "--allowJs", tmp_path / "same.ts")
