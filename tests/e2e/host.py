"""A process in which a recipe in Python listens, as it would in somebody's program.

It reads JSON by lines: first the recipe's code, then for each listener its number and the arguments of ``listen``. It
prints ``[number, name, id, data]`` for each event, and the name `CLOSED` once ``listen`` has returned or raised.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import threading
from typing import Any

CLOSED = "closed"
_OUTPUT = threading.Lock()


def _tell(number: int, name: str, event_id: str, data: str) -> None:
    with _OUTPUT:
        sys.stdout.write(json.dumps([number, name, event_id, data]) + "\n")
        sys.stdout.flush()


def _listen(listen: Any, number: int, arguments: dict[str, Any]) -> None:
    def handle(name: str, event_id: str, data: str) -> None:
        _tell(number, name, event_id, data)

    outcome = "it returned"
    try:
        known = inspect.signature(listen).parameters
        listening = listen(handle=handle, **{name: value for name, value in arguments.items() if name in known})
        if inspect.iscoroutine(listening):
            asyncio.run(listening)
    except BaseException as error:  # noqa: BLE001 - whatever ends it is what its user sees
        outcome = repr(error)
    _tell(number, CLOSED, "", outcome)


def main() -> None:
    """Run listeners, each in a thread of its own, until the input ends."""
    namespace: dict[str, Any] = {}
    exec(compile(json.loads(sys.stdin.readline()), "deploy/CLIENTS.md", "exec"), namespace)
    for line in sys.stdin:
        number, arguments = json.loads(line)
        threading.Thread(target=_listen, args=(namespace["listen"], number, arguments), daemon=True).start()


if __name__ == "__main__":
    main()
