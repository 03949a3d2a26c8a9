"""Families of several workers as one: packed for the way between processes, labelled with who says so, and joined."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from prometheus_client.core import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LABEL: Final = "worker"


def packed(families: Iterable[Metric]) -> bytes:
    """Return families as JSON text, with what is no number in JSON (``NaN``, ``Infinity``) as Python writes it."""
    return json.dumps(
        [
            [
                family.name,
                family.documentation,
                family.type,
                [[sample.name, sample.labels, sample.value] for sample in family.samples],
            ]
            for family in families
        ]
    ).encode()


class Joined:
    """Families of workers: one of each name, with the samples of all.

    Attributes:
        families: What has been added so far, in the order in which it came.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, Metric] = {}

    @property
    def families(self) -> Sequence[Metric]:
        """What has been added so far."""
        return list(self._by_name.values())

    def add(self, text: bytes, worker: str) -> None:
        """Add the families of a worker.

        Args:
            text: What `packed` made of them.
            worker: What its samples are labelled with.
        """
        for name, documentation, kind, samples in json.loads(text):
            family = self._by_name.get(name)
            if family is None:
                family = self._by_name[name] = Metric(name, documentation, kind)
            for sample, labels, value in samples:
                family.add_sample(sample, {**labels, LABEL: worker}, value)
