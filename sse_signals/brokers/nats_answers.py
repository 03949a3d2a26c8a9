"""What JetStream answers, and where a message that it delivers is from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from sse_signals.errors import BrokerUnavailable

if TYPE_CHECKING:
    from nats.aio.msg import Msg

NO_STREAM: Final = 10059  # these are JetStream's numbers of errors
NO_MESSAGE: Final = 10037
WRONG_LAST: Final = 10071
IN_PROCESS: Final = 10158
TOO_LARGE: Final = 10054
_REPLY: Final = 9  # parts of the subject that says which record a message is


class Refused(BrokerUnavailable):
    """The server has answered that it will not.

    Attributes:
        code: As JetStream counts errors; 0 when nobody has taken the request.
    """

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"NATS refuses: {detail}")
        self.code = code


def delivered(reply: str) -> tuple[str, int, int, int]:
    """Return to which consumer a message was delivered, its number, its time in nanoseconds, and how many are left.

    Args:
        reply: ``$JS.ACK.<stream>.<consumer>.<delivered>.<record>.<sequence>.<time>.<left>``, where a domain and an
            account may stand before the stream.
    """
    parts = reply.split(".")
    more = 0 if len(parts) == _REPLY else 2
    return parts[3 + more], int(parts[5 + more]), int(parts[7 + more]), int(parts[8 + more])


def answer(message: Msg) -> Any:
    """Return what JetStream has answered.

    Raises:
        Refused: That it refuses.
    """
    value = orjson.loads(message.data)
    if "error" in value:
        error = value["error"]
        raise Refused(error.get("err_code", error["code"]), error.get("description", "for no reason"))
    return value
