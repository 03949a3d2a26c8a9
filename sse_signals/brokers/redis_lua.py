"""What the scripts for Redis are made of, how they are called, and the names of one log's keys."""

from __future__ import annotations

from hashlib import sha1
from typing import Final

STALE: Final = "STALE"  # begins the refusal of a script that was told of another log than there is

EPOCH: Final = """
local meta = redis.call('HMGET', KEYS[2], 'epoch', 'record', 'time', 'last')
if meta[1] ~= ARGV[1] or tonumber(meta[2]) < tonumber(ARGV[2]) then
  return redis.error_reply('STALE the log is not the one that was known')
end
"""

NOW: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
"""


class Script:
    """A script that the server keeps under its hash.

    Attributes:
        text: Lua.
        sha: What it is called by.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = sha1(text.encode(), usedforsecurity=False).hexdigest()


class Keys:
    """The keys of one log.

    Args:
        name: The log's.
    """

    def __init__(self, name: str) -> None:
        self.log, self.meta, self.keys, self.ends, self.values, self.names, self.state_ends = (
            f"sse_signals:{{{name}}}:{what}"
            for what in ("log", "meta", "keys", "key-ends", "state", "state-names", "state-ends")
        )


def call(script: Script, keys: tuple[str, ...], *arguments: str | bytes | int) -> tuple[str | bytes | int, ...]:
    """Return the words of a command that runs a script."""
    return ("EVALSHA", script.sha, len(keys), *keys, *arguments)
