"""Topics apart: what is published elsewhere never comes, however alike the names are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sse_signals.conformance.cases.sources import practice
from sse_signals.conformance.outcome import Case, offered, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.conformance.hub import Hub

_LEAK: Final = practice("what is not for somebody must not reach them")
_ODD: Final = "a b&c=d+e%2f?f#g;h,i"
_END: Final = "the end"


async def _apart(hub: Hub, listened: str, others: Sequence[str]) -> None:
    """Check that nothing of other topics comes.

    Raises:
        Failed: It does.
    """
    async with hub.stream(listened) as stream:
        for number, other in enumerate(others):
            await hub.ask(hub.requests.publish(hub.adapter.publish, other, f"{number}"))
        await hub.publish(listened, _END)
        came = await stream.upto(_END)
    require(not came, f"what was published to {len(came)} of {len(others)} other topics came")


async def _others(hub: Hub) -> str:
    others = [hub.topic(f"apart-{number}") for number in range(20)]
    await _apart(hub, hub.topic("listened"), others)
    return f"nothing of {len(others)} other topics"


async def _alike(hub: Hub) -> str:
    listened = hub.topic("alike")
    others = [listened[:-1], listened + "x", listened + "/x", listened + "-x", listened + ".x", "x" + listened]
    await _apart(hub, listened, others)
    return "nothing of shorter and longer names"


async def _case(hub: Hub) -> str:
    listened = hub.topic("case")
    await _apart(hub, listened, [hub.topic("CASE"), hub.topic("Case")])
    return "capital letters make another topic"


async def _encoding(hub: Hub) -> str:
    topic = hub.topic("encoding")
    whole = "".join(f"%{byte:02X}" for byte in topic.encode())
    request = hub.requests.stream(hub.adapter.subscribe, [topic])
    encoded = request.replace(quote(topic, safe="").encode(), whole.encode(), 1)
    stream = await hub.begin(await hub.connect(), encoded)
    try:
        await hub.publish(topic, _END)
        await stream.upto(_END)
    finally:
        stream.close()
    return "every character may be percent-encoded"


async def _odd(hub: Hub) -> str:
    topic = hub.topic(_ODD)
    async with hub.stream(topic) as stream:
        await hub.publish(topic, _END)
        await stream.upto(_END)
    return "spaces, & = + % ? # ; and , are a topic's own"


async def _several(hub: Hub) -> str:
    offered(hub.adapter.subscribe.more, "a stream has one topic")
    topics = [hub.topic(f"several-{number}") for number in range(3)]
    async with hub.stream(*topics) as stream:
        for number in range(12):
            await hub.publish(topics[number % 3], f"{number}")
        came = await stream.take(12)
    require(came == [f"{number}" for number in range(12)], "the order is another")
    return "three topics, in the order of their messages"


CASES: Final = (
    Case("isolation", "others", "What is published to other topics never comes.", _LEAK, _others),
    Case("isolation", "alike", "A topic whose name begins or ends alike is another.", _LEAK, _alike),
    Case("isolation", "case", "Small and capital letters make different topics.", _LEAK, _case),
    Case("isolation", "encoding", "A topic is the same however it is percent-encoded.", "RFC 3986 6.2.2.2", _encoding),
    Case("isolation", "odd", "Characters that mean something in URLs may stand in a topic.", "RFC 3986 2.1", _odd),
    Case(
        "isolation",
        "several",
        "Several topics come on one stream, in one order.",
        practice("browsers have six connections for each origin"),
        _several,
    ),
)
