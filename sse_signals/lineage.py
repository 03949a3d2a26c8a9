"""Which logs a log goes on from: a shared log that lost its newest records gets a new epoch, not a new life.

A log server may forget what it has acknowledged: a replica takes over that was behind, or a machine fails before its
disk had everything. From then on it gives the same positions to other records. So the log gets a new epoch there, and
remembers up to which position the old one meant the same: ids up to it stay good, ids above it are of records that are
lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

MAX_FORKS: Final = 100  # earlier epochs that are remembered; the ids of older ones count as those of another log


@dataclass(frozen=True, slots=True)
class Lineage:
    """A log's epoch, and those that it goes on from.

    Attributes:
        epoch: The epoch of what is appended now.
        forks: Earlier epochs, oldest first, each with the last position that means the same in the present log.
    """

    epoch: str
    forks: tuple[tuple[str, int], ...] = ()

    @property
    def began(self) -> int:
        """The last position before the present epoch began: whatever a node has seen, the log holds or held it."""
        return self.forks[-1][1] if self.forks else 0

    def shared(self, epoch: str) -> int | None:
        """Return the last position of an earlier epoch that means the same in this log; None if it is not known.

        The present epoch is shared without end: ask for that first.
        """
        return dict(self.forks).get(epoch)

    def epoch_at(self, position: int) -> str:
        """Return the epoch in which an event at a position got its id."""
        for epoch, last in self.forks:
            if position <= last:
                return epoch
        return self.epoch

    def fork(self, epoch: str, last: int) -> Lineage:
        """Return the lineage of a log that goes on from this one with a new epoch.

        Args:
            epoch: The new one.
            last: The last position that is still what it was.
        """
        forks = (*((earlier, min(position, last)) for earlier, position in self.forks), (self.epoch, last))
        return Lineage(epoch, forks[-MAX_FORKS:])

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return {"epoch": self.epoch, "forks": [list(fork) for fork in self.forks]}

    @classmethod
    def from_json(cls, value: Any) -> Lineage:
        """Read what `to_json` has written.

        Raises:
            ValueError: It is no lineage.
        """
        try:
            return cls(str(value["epoch"]), tuple((str(epoch), int(last)) for epoch, last in value["forks"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"it is no lineage: {error!r}") from None
