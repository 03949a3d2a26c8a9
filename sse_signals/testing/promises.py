"""What a test has to await: if it forgot to, it would pass without having looked at anything."""

from __future__ import annotations

from inspect import CORO_CREATED, getcoroutinestate
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class Promises:
    """The coroutines that a test was given."""

    def __init__(self) -> None:
        self._given: list[tuple[str, Coroutine[Any, Any, Any]]] = []

    def give(self, name: str, promise: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """Note a coroutine, and return it."""
        self._given.append((name, promise))
        return promise

    def drop(self) -> list[str]:
        """Know none of them any longer, and return the names of those that nobody has awaited."""
        given, self._given = self._given, []
        forgotten = []
        for name, promise in given:
            if getcoroutinestate(promise) == CORO_CREATED:
                promise.close()  # else Python would tell of it at some later time, beside some other test
                forgotten.append(name)
        return forgotten

    def check(self) -> None:
        """Fail if one was not awaited.

        Raises:
            AssertionError: It names the first.
        """
        __tracebackhide__ = True
        forgotten = self.drop()
        if forgotten:
            name = forgotten[0]
            raise AssertionError(f"{name} was called and not awaited, so it has seen nothing: 'await hub.{name}(…)'")
