"""Before anything is tried: is there a hub, does it let us in, and what does it promise?"""

from __future__ import annotations

import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING

from sse_signals.conformance.adapter_values import LONGEST
from sse_signals.conformance.connection import reason
from sse_signals.conformance.outcome import Failed
from sse_signals.conformance.stream import at
from sse_signals.errors import BrokerUnavailable, UnexpectedAnswer

if TYPE_CHECKING:
    from sse_signals.conformance.hub import Hub


async def meet(hub: Hub) -> None:
    """Open a stream, publish a message, and note the longest silence that the hub promises.

    Raises:
        BrokerUnavailable: It cannot be reached, or is no such hub.
        UnexpectedAnswer: It refuses a stream, or a publish.
    """
    where = hub.requests.address.netloc
    try:
        await _meet(hub)
    except ssl.SSLCertVerificationError as error:
        raise BrokerUnavailable(
            f"The certificate of {where} is not valid: {error.verify_message}; --no-verify takes any."
        ) from None
    except OSError as error:
        raise BrokerUnavailable(f"The hub cannot be reached at {where}: {reason(error)}.") from None
    except Failed as failed:
        tls = "https" if not hub.requests.address.tls else "http"
        raise BrokerUnavailable(
            f"There is no hub of this kind at {where}: {failed}; is the description right, or may it be {tls}://?"
        ) from None


async def _meet(hub: Hub) -> None:
    topic = hub.topic("first")
    async with hub.stream(topic, any_status=True) as stream:
        status, events = stream.head.status, list(stream.events)
        if status != 200:
            raise _refused(status, "A stream")
        answer = await hub.ask(hub.requests.publish(hub.adapter.publish, topic, "first"))
    if answer.status not in hub.adapter.publish.accepted:
        raise _refused(answer.status, "A publish")
    shape = hub.adapter.events
    if shape.silence_in_receipt:
        receipt = next(event.data for event in events if event.event == shape.receipt)
        said = at(receipt, shape.silence_in_receipt)
        if type(said) in {int, float} and 0 < said <= LONGEST:
            hub.silence = float(said)


def _refused(status: int, what: str) -> UnexpectedAnswer:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
    hint = {
        401: "Give a token that may listen and publish: --token.",
        403: "Give a token that may listen and publish: --token.",
        404: "The URL has to end with what all paths of the description begin with.",
    }.get(status, "See the description of the hub: --adapter.")
    return UnexpectedAnswer(status, phrase, f"{what} is refused.", hint=hint)
