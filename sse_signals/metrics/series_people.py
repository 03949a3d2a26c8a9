"""The series of who comes: authentication, limits and revocations."""

from __future__ import annotations

from typing import Final

from sse_signals.metrics.labels import LIMITS, RESULTS
from sse_signals.metrics.series import Series

PEOPLE: Final = (
    Series(
        "authentications_total",
        "counter",
        "Credentials that were checked, by what came of it: accepted, or the cause that the answer named. A request "
        "with two credentials counts twice; one whose token is good for it, but not for a stream that lasts, too.",
        "expired everywhere: clocks differ. unknown-key: the issuer has new keys that this hub does not get. "
        "issuer-unavailable: the issuer is out of reach. wrong-audience: a client has a token for something else.",
        label="result",
        values=RESULTS,
        read=lambda moment: moment.source.ledger.authentications,
    ),
    Series(
        "limited_total",
        "counter",
        "Streams and requests that met a limit, by its name.",
        "address-streams or failed-authentications: behind a proxy, name it in SIGNALS_TRUSTED_PROXIES, or all its "
        "clients share one address. publish-rate: a publisher is too fast, or should send batches.",
        label="limit",
        values=LIMITS,
        read=lambda moment: moment.source.ledger.limited,
    ),
    Series(
        "revocations_total",
        "counter",
        "Revocations of subjects, tokens and streams that this node has learnt, those in force at its start included.",
        "It rises on all nodes within seconds after one was made. Where it does not, that node cannot hear the others.",
        read=lambda moment: moment.source.revocations(),
    ),
)
