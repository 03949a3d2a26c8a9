"""The examples in docstrings of the public names do what they show."""

from __future__ import annotations

import doctest
import logging
from typing import Any

import structlog

import sse_signals
from sse_signals import testing

LEAST = 6  # examples; so that a test of none is seen


def examples() -> list[doctest.DocTest]:
    """Return the examples of the package and of each of its names."""
    finder = doctest.DocTestFinder(recurse=False)
    named: list[tuple[str, Any]] = [("sse_signals", sse_signals)]
    named += [(name, getattr(sse_signals, name)) for name in sse_signals.__all__]
    names = {name: thing for name, thing in named if name != "sse_signals"}
    return [test for name, thing in named for test in finder.find(thing, name, globs=dict(names)) if test.examples]


def test_examples_of_docstrings() -> None:
    """Each runs beside a hub, and prints what stands there."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # other tests import it
    runner = doctest.DocTestRunner()
    found = examples()
    assert len(found) >= LEAST
    with testing.hub() as hub:
        for test in found:
            test.globs["url"] = hub.url
            assert runner.run(test).failed == 0, test.name
