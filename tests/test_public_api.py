from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

import pytest

import sse_signals

if TYPE_CHECKING:
    from types import ModuleType

PACKAGE = Path(sse_signals.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 275  # lines: about 250, with room for one more docstring

PUBLIC = {
    *("EventBroker", "SignalsClient", "SignalsService", "SyncSignalsClient"),
    *("BrokerOptions", "Event", "HistoryLimits", "Identity", "Limits", "SignalEvent", "SignalStream"),
    *("SignalsError", "InvalidInput", "MessageTooLarge", "ConfigurationError"),
    *("BrokerUnavailable", "IdempotencyConflict", "IdempotencyTableFull", "SignalsGap", "UnexpectedAnswer"),
    *("Authentication", "Authenticator", "Credentials", "Grants", "PublishGrant", "Rule", "Rules", "authentication"),
    *("NotAuthenticated", "NotRecognised", "NotGranted", "IssuerUnavailable", "TooMany"),
}


def modules() -> list[ModuleType]:
    """Import every module but the one that is a command."""
    found = walk_packages([str(PACKAGE)], "sse_signals.")
    return [sse_signals, *(import_module(each.name) for each in found if not each.name.endswith("__main__"))]


def public_objects() -> list[tuple[str, Any]]:
    """Return every function, class and method without a leading underscore, by its name."""
    objects = []
    for module in modules():
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
                continue
            objects.append((f"{module.__name__}.{name}", thing))
            if inspect.isclass(thing):
                members = [(n, m) for n, m in vars(thing).items() if not n.startswith("_")]
                objects += [
                    (f"{module.__name__}.{name}.{n}", m)
                    for n, m in members
                    if inspect.isfunction(m) or isinstance(m, property | classmethod | staticmethod)
                ]
    return [(name, thing) for name, thing in objects if callable(thing) or isinstance(thing, property | classmethod)]


def test_the_public_names_are_what_is_meant() -> None:
    """Nothing is public by accident, and everything public is there."""
    assert set(sse_signals.__all__) == PUBLIC
    assert sse_signals.__all__ == sorted(sse_signals.__all__)
    for name in sse_signals.__all__:
        assert getattr(sse_signals, name).__module__.startswith("sse_signals.")


def test_a_star_import_gives_the_public_names() -> None:
    """As the language promises."""
    names: dict[str, object] = {}
    exec("from sse_signals import *", names)
    assert set(names) - {"__builtins__"} == PUBLIC


def test_what_is_not_used_is_not_imported() -> None:
    """A server and an HTTP client come with the first use of what needs them; all names are there all the same."""
    program = (
        "import sys, sse_signals; assert set(sse_signals.__all__) <= set(dir(sse_signals)); "
        "before = {'aiohttp', 'structlog'} & set(sys.modules); sse_signals.SignalsClient; "
        "print(before, 'aiohttp' in sys.modules, 'sse_signals.app' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "set() True False\n"
    assert set(dir(sse_signals)) >= PUBLIC
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        sse_signals.__getattr__("Nothing")


def test_every_public_object_says_what_it_is() -> None:
    """Functions, classes, methods and properties have a docstring that begins with a sentence."""
    objects = public_objects()
    assert len(objects) > 100
    for name, thing in objects:
        if inspect.isclass(thing) and issubclass(thing, tuple):
            continue
        doc = inspect.getdoc(thing.fget if isinstance(thing, property) else thing)
        assert doc, name
        assert doc.splitlines()[0].endswith((".", ":")), name


def test_every_module_says_what_it_is() -> None:
    """A folder listing with first lines reads as a table of contents."""
    for module in modules():
        assert module.__doc__, module.__name__


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_long(path: Path) -> None:
    """If a room grows past that, it is two rooms."""
    assert len(path.read_text().splitlines()) <= LONGEST


def test_packages_hold_nothing_but_a_docstring() -> None:
    """What a package offers is imported from where it is; only the public interface is gathered in one place."""
    public = {PACKAGE, PACKAGE / "testing"}  # what users import from
    packages = [path for path in FILES if path.name == "__init__.py" and path.parent not in public]
    assert len(packages) >= 5
    for path in packages:
        (statement,) = ast.parse(path.read_text()).body
        assert isinstance(statement, ast.Expr)
        assert isinstance(statement.value, ast.Constant)


def test_the_package_is_typed() -> None:
    """Type checkers of those who use it read its annotations."""
    assert (PACKAGE / "py.typed").exists()


def test_the_calls_of_the_documentation_are_there() -> None:
    """Their parameters have the documented names, and what is optional stays optional."""
    publish = inspect.signature(sse_signals.SignalsClient.publish).parameters
    assert list(publish)[:2] == ["self", "message"]
    for name in ("topic", "target_ownership_entity_refs", "event", "idempotency_key"):
        assert publish[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert publish[name].default is None
    for_plugin = inspect.signature(sse_signals.SignalsClient.for_plugin).parameters
    assert list(for_plugin) == ["plugin_id", "event_broker", "url", "token", "timeout", "logger"]
    for_hub = inspect.signature(sse_signals.SignalsClient.for_hub).parameters
    assert list(for_hub) == ["url", "token", "timeout", "logger"]
    create = inspect.signature(sse_signals.SignalsService.create).parameters
    assert list(create)[:2] == ["app", "event_broker"]
    assert all(parameter.default is not parameter.empty for parameter in list(create.values())[2:])


def test_using_the_package_configures_nothing() -> None:
    """Importing it changes neither the program's logging nor its structlog, and writes nothing."""
    program = (
        "import logging, structlog, sse_signals; "
        "assert not logging.getLogger().handlers; assert not structlog.is_configured()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
