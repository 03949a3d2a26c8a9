"""``POST {prefix}/publish``: one request is one record in the log, all of it or nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import hdrs, web
from multidict import istr

from sse_signals import messages, names, topics
from sse_signals.errors import InvalidInput, MessageTooLarge, SignalsError
from sse_signals.grants import check_publish
from sse_signals.model import IdempotencyKey, Signal
from sse_signals.refs import entity_ref
from sse_signals.tracing import TRACEPARENT, TRACESTATE, traceparent_of, tracestate_of
from sse_signals.web import body as bodies
from sse_signals.web.credentials import refuse_tokens_in_url
from sse_signals.web.explain import EXPLAIN_PARAMETERS, explain_query
from sse_signals.web.problems import BASE_HEADERS, Problem, bad_parameter, ending, of
from sse_signals.web.publish_log import Course
from sse_signals.web.query import check_names
from sse_signals.web.signals import check_count, load_batch, load_signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sse_signals.identity import Identity
    from sse_signals.model import Receipt
    from sse_signals.web.site import Site

_IDEMPOTENCY_KEY: Final = istr("Idempotency-Key")
_TRACEPARENT: Final = istr(TRACEPARENT)
_HEADERS: Final[Mapping[str, str]] = {
    **BASE_HEADERS,
    hdrs.CACHE_CONTROL: "no-store",
    hdrs.CONTENT_TYPE: "application/json",
}
_FIRST: Final[Mapping[str, str]] = {}
_REPEATED: Final[Mapping[str, str]] = {"Idempotent-Replayed": "true"}
_NONE: Final[Sequence[str]] = ()
RAW_PARAMETERS: Final = ("topic", "plugin", "event", "target")  # any of them makes the body itself the message
_RAW: Final = frozenset(RAW_PARAMETERS)
_PARAMETERS: Final = (*RAW_PARAMETERS, *EXPLAIN_PARAMETERS)
_SIGNALS: Final = (*bodies.JSON_TYPES, *bodies.NDJSON_TYPES)


class Publish:
    """The handler of publish requests."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def handle(self, request: web.Request) -> web.Response:
        """Publish what the request holds, and answer with its ids, or say why not."""
        site = self._site
        course = Course(sampled=site.publish_log.draw())
        if site.tracing is not None:
            course.trace = site.tracing.publish(request.path, _traceparent(request), _tracestate(request))
        error: Exception | None = None
        try:
            answer = await self._handle(request, course)
        except asyncio.CancelledError:  # its client has left
            site.publish_log.left(course, request, site.address(request))
            if course.trace is not None:
                course.trace.answered(499, "client-gone")
            raise
        except Exception as failure:  # noqa: BLE001 - every failure gets an answer
            error = failure
            answer = site.answer(request, failure)
        if error is not None or course.sampled:
            site.publish_log.tell(course, request, site.address(request), error)
        if course.trace is not None:
            course.trace.answered(answer.status, None if error is None else of(error).kind)
        return answer

    async def _handle(self, request: web.Request, course: Course) -> web.Response:
        self._site.check_origin(request)
        query = request.query
        refuse_tokens_in_url(query)
        check_names(query, _PARAMETERS, ("target",))
        identity = course.identity = await self._identify(request)
        explained = explain_query(request) if query else None
        if explained is not None:
            self._site.check_admin(identity)
        signals, key, single = await self._read(request, course)
        if site_security := self._site.security:
            site_security.access.check_request(identity)  # a body may take its time
        check_publish(signals, identity.grants, batch=not single)
        if explained is not None:
            explained.check(signals)
        self._spend(request, identity, len(signals))
        receipt = await self._publish(identity, signals, key, course)
        ids = [str(event_id) for event_id in receipt.ids]
        answer: dict[str, Any] = {"id": ids[0]} if single else {"ids": ids}
        if explained is not None:
            answer["explain"] = await explained.answer(self._site, signals)
        return self._respond(request, answer, _REPEATED if receipt.repeated else _FIRST)

    async def _read(self, request: web.Request, course: Course) -> tuple[Sequence[Signal], str | None, bool]:
        """Return the signals that a request holds, under which key, and whether it is one that is no batch."""
        media_type = course.media_type = bodies.media_type(request)
        header_key = _header_key(request)
        raw = not _RAW.isdisjoint(request.query)
        if not raw and media_type not in _SIGNALS:
            hint = "Add 'Content-Type: application/json' (curl: --json), or ?topic=… to publish the body as it is."
            raise Problem(415, "content-type", "The body is neither JSON nor JSON lines.", hint=hint)
        limits = self._site.limits
        content = await bodies.read(request, limit=limits.body, timeout=limits.body_timeout)
        course.size = len(content)
        if raw:
            signals: Sequence[Signal] = [_raw_signal(request, media_type, content, limits.message)]
            key, single = header_key, True
        elif media_type in bodies.NDJSON_TYPES:
            signals, key, single = load_batch(_lines(content), limits.message), header_key, False
        else:
            signals, key, single = _json_signals(content, header_key, limits.message)
        traceparent = _traceparent(request) if course.trace is None else course.trace.traceparent
        if traceparent is not None:
            signals = [replace(signal, traceparent=traceparent) for signal in signals]
        course.signals, course.keyed = signals, key is not None
        return signals, key, single

    async def _identify(self, request: web.Request) -> Identity:
        """Return who wants to publish, unless they have done so too often lately."""
        site = self._site
        identity = await site.identify(request)
        if site.rate is not None:
            site.rate.check(self._key_of(request, identity))
        return identity

    def _spend(self, request: web.Request, identity: Identity, count: int) -> None:
        if self._site.rate is not None:
            self._site.rate.spend(self._key_of(request, identity), count)

    def _key_of(self, request: web.Request, identity: Identity) -> str:
        return f"address {self._site.address(request)}" if identity.subject is None else f"subject {identity.subject}"

    async def _publish(self, identity: Identity, signals: Sequence[Signal], key: str | None, course: Course) -> Receipt:
        publisher = "" if identity.subject is None else f"subject:{identity.subject}"
        if self._site.departure.closing and self._site.volatile:
            raise ending()  # an acknowledged signal that nobody can get would be lost without a word
        idempotency = None if key is None else IdempotencyKey.of(publisher, key, signals)
        trace, time = course.trace, asyncio.get_running_loop().time
        if trace is not None:
            trace.handed_over(signals, course.size)
        course.seconds, began = 0.0, time()
        try:
            receipt = course.receipt = await self._site.service.publish(signals, key=idempotency)
        except SignalsError as error:
            if trace is not None:
                trace.failed(of(error).kind)
            raise
        finally:
            course.seconds = time() - began
        if trace is not None:
            trace.committed(receipt)
            if not receipt.repeated:
                self._site.deliveries.committed(trace, signals, receipt)
        return receipt

    def _respond(self, request: web.Request, answer: dict[str, Any], more: Mapping[str, str]) -> web.Response:
        headers = {**_HEADERS, **self._site.cors(request), **more}
        return web.Response(status=202, body=orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE), headers=headers)


def _traceparent(request: web.BaseRequest) -> str | None:
    """Return the trace that a request belongs to; what is none, or more than one, is ignored (W3C Trace Context)."""
    sent = request.headers.getall(_TRACEPARENT, _NONE)
    return traceparent_of(sent[0]) if len(sent) == 1 else None


def _tracestate(request: web.BaseRequest) -> str | None:
    return tracestate_of(",".join(request.headers.getall(TRACESTATE, _NONE)))


def _header_key(request: web.Request) -> str | None:
    keys = request.headers.getall(_IDEMPOTENCY_KEY, _NONE)
    if len(keys) > 1:
        raise bad_parameter("Idempotency-Key", "It is given more than once.", "Send one key.")
    return names.visible(keys[0], "Idempotency-Key") if keys else None


def _raw_signal(request: web.Request, media_type: str, content: bytes, limit: int) -> Signal:
    """Return the signal whose message is the body itself: JSON if it says so, text otherwise."""
    query = request.query
    if media_type in bodies.NDJSON_TYPES or media_type == "multipart/form-data":
        hint = "Send JSON or plain text, or leave out the query parameters and send signals."
        raise Problem(415, "content-type", f"A body of {media_type} cannot be one message.", hint=hint)
    targets = query.getall("target", None)
    try:
        return Signal(
            data=messages.encode(_raw_message(media_type, content), limit=limit, field="body"),
            address=topics.address(query.get("plugin"), query.get("topic")),
            targets=None if targets is None else frozenset(entity_ref(ref, "target") for ref in targets),
            name=topics.event_name(query["event"]) if "event" in query else None,
        )
    except MessageTooLarge as error:
        raise Problem(413, "message-too-large", error.detail, hint=error.hint) from None


def _raw_message(media_type: str, content: bytes) -> Any:
    if not content:
        hint = "Send the message as the body; curl: -d hello, or --json '{…}'."
        raise InvalidInput("It is empty.", field="body", hint=hint)
    if media_type in bodies.JSON_TYPES:
        return _parse(content, "body")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidInput("It is not UTF-8.", field="body", hint="Send text in UTF-8, or JSON.") from None


def _json_signals(content: bytes, header_key: str | None, limit: int) -> tuple[Sequence[Signal], str | None, bool]:
    value = _parse(content, "body")
    if isinstance(value, list):
        return load_batch(value, limit), header_key, False
    signal, key = load_signal(value, limit)
    if key is not None and header_key is not None and key != header_key:
        raise bad_parameter("idempotencyKey", "It is not the key in the Idempotency-Key header.", "Send one of them.")
    return [signal], header_key if key is None else key, True


def _lines(content: bytes) -> Sequence[Any]:
    # Lines end with LF, maybe after a CR, which is white space in JSON; nothing else ends a line.
    lines = [(number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip(b" \t\r")]
    check_count(len(lines))  # before all of them are parsed
    return [_parse(line, f"line {number}") for number, line in lines]


def _parse(text: bytes, field: str) -> Any:
    try:
        return bodies.parse_json(text)
    except ValueError as error:
        hint = "Send JSON (RFC 8259) in UTF-8 without a byte order mark, and large integers as strings."
        raise InvalidInput(str(error), field=field, hint=hint) from None
