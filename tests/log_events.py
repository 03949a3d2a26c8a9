"""What the code logs, found by reading it: every event with its level and fields."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sse_signals

if TYPE_CHECKING:
    from collections.abc import Iterator

LEVELS: Final = ("debug", "info", "warning", "error", "exception", "critical")
ANY: Final = "…"  # in the place of fields that only the moment knows
_ROOT: Final = Path(sse_signals.__file__).parent
# What runs elsewhere than in a hub tells whoever runs it: clients, the kit for tests, and the tools of the command.
_ELSEWHERE: Final = ("client", "testing", "bench", "doctor", "conformance")


@dataclass(frozen=True)
class Told:
    """One call that logs.

    Attributes:
        event: What it says.
        level: How bad it is.
        fields: What it says besides.
        place: Where the call is.
    """

    event: str
    level: str
    fields: frozenset[str]
    place: str


def of_the_hub() -> Iterator[Told]:
    """Yield what a hub logs."""
    for path in sorted(_ROOT.rglob("*.py")):
        if path.relative_to(_ROOT).parts[0] not in _ELSEWHERE:
            yield from _in_file(path)


def _in_file(path: Path) -> Iterator[Told]:
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for call in _calls(function):
                fields = frozenset(_fields(call, function, tree))
                level = call.func.attr if isinstance(call.func, ast.Attribute) else ""
                if level == "exception":
                    level, fields = "error", fields | {"exception"}
                for event in _texts(call.args[0], function):
                    yield Told(event, level, fields, f"{path.relative_to(_ROOT)}:{call.lineno}")


def _calls(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.Call]:
    """Yield the calls that log, of a function alone and not of those inside it."""
    inner = {
        id(node)
        for each in ast.walk(function)
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each is not function
        for node in ast.walk(each)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            if "logger" in name.lower() and id(node) not in inner:
                yield node


def _texts(node: ast.expr, function: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(str(text)):
            yield text
        case ast.IfExp(_, body, orelse):
            yield from _texts(body, function)
            yield from _texts(orelse, function)
        case ast.Name(name):
            for value in _assigned(name, function):
                yield from _texts(value, function)
        case _:
            raise AssertionError(f"what is logged is no text that can be found by reading: {ast.dump(node)}")


def _assigned(name: str, function: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield node.value
                elif (
                    isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and target.value.id == name
                ):
                    yield ast.Dict([target.slice], [node.value])


def _fields(call: ast.Call, function: ast.AST, tree: ast.Module) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg == "exc_info":
            yield "exception"
        elif keyword.arg is None or keyword.arg == "extra":
            yield from _keys(keyword.value, function, tree)
        else:
            yield keyword.arg


def _keys(node: ast.expr, function: ast.AST, tree: ast.Module) -> Iterator[str]:
    """Yield the keys of a dictionary that is written out, held by a name, or returned by a method of the same file."""
    match node:
        case ast.Dict(keys=keys):
            yield from (str(key.value) for key in keys if isinstance(key, ast.Constant))
        case ast.Name(name) if values := list(_assigned(name, function)):
            for value in values:
                yield from _keys(value, function, tree)
        case ast.Call(func=ast.Attribute(attr=method)):
            for said, each in _returned(method, tree):
                yield from _keys(said, each, tree)
        case _:
            yield ANY


def _returned(method: str, tree: ast.Module) -> Iterator[tuple[ast.expr, ast.AST]]:
    for each in ast.walk(tree):
        if isinstance(each, ast.FunctionDef) and each.name == method:
            for said in ast.walk(each):
                if isinstance(said, ast.Return) and said.value is not None:
                    yield said.value, each
