"""``POST {prefix}/publish?explain=1``: the answer adds who on this node gets what was published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sse_signals.life.explain import explain
from sse_signals.names import visible
from sse_signals.refs import subject_form
from sse_signals.web.problems import bad_parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from sse_signals.model import Signal
    from sse_signals.web.site import Site

EXPLAIN_PARAMETERS: Final = ("explain", "stream", "subject")
MOST_SIGNALS: Final = 10  # explained in one request


@dataclass(frozen=True, slots=True)
class ExplainQuery:
    """What shall be explained besides numbers.

    Attributes:
        stream: The name of a stream of which to say why it gets the signals or not; None for none.
        subject: A subject of whose streams to say so; None for none.
    """

    stream: str | None = None
    subject: str | None = None

    def check(self, signals: Sequence[Signal]) -> None:
        """Refuse what would take too long, before it is published.

        Raises:
            Problem: 400.
        """
        if len(signals) > MOST_SIGNALS:
            detail = f"There are {len(signals)} signals, and at most {MOST_SIGNALS} are explained in one request."
            raise bad_parameter("explain", detail, "Nothing was published. Send fewer signals, or leave out 'explain'.")

    async def answer(self, site: Site, signals: Sequence[Signal]) -> dict[str, Any]:
        """Return the explanation, as a JSON object; see `sse_signals.life.explain.explain`."""
        streams = site.service.node.hub.streams
        return await explain(streams, signals, node=site.nodes.own, stream=self.stream, subject=self.subject)


def explain_query(request: web.BaseRequest) -> ExplainQuery | None:
    """Read what a publish request wants to be explained, after `check_names`; None for nothing.

    Raises:
        Problem: 400 that names the parameter at fault.
        InvalidInput: A name is no visible text.
    """
    query = request.query
    value = query.get("explain", "0")
    if value not in {"0", "1"}:
        raise bad_parameter("explain", "It is neither 1 nor 0.", "Write explain=1, or leave it out.")
    named = {name: visible(query[name], name) for name in ("stream", "subject") if name in query}
    if value == "1":
        subject = named.get("subject")
        return ExplainQuery(named.get("stream"), None if subject is None else subject_form(subject))
    for name in named:
        raise bad_parameter(name, "It says what to explain.", "Add explain=1, or leave it out.")
    return None
