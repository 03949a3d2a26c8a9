"""What a scrape says, as Prometheus reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from tests.web.rawhttp import Answer


def values(answer: Answer) -> dict[tuple[str, str], float]:
    """Return the values of an exposition, by name and worker, after checking that each family is there once."""
    assert answer.status == 200, answer
    text = answer.body.decode()
    heads = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP")]
    assert len(heads) == len(set(heads))
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, sample.labels.get("worker", "")): sample.value for sample in samples}
