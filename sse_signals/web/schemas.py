"""Bodies of publish requests: from JSON values to signals, with every error named by item and field."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, pre_load, validate
from marshmallow.exceptions import SCHEMA

from sse_signals import messages, topics
from sse_signals.errors import InvalidInput, MessageTooLarge
from sse_signals.model import MAX_BATCH, Signal
from sse_signals.names import visible
from sse_signals.web.fields import MAX_ERRORS, TEXTS, UNKNOWN, Checked, Refs
from sse_signals.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TARGETS: Final = "targetOwnershipEntityRefs"
_SNAKE_TARGETS: Final = "target_ownership_entity_refs"
_TYPES: Final = "It is neither 'broadcast' nor 'user'."
_MAX_MEMBERS: Final = 32  # of a signal; there are fewer that mean something, and a body has room for very many


@dataclass(frozen=True, slots=True)
class Item:
    """One signal of a request, its message not yet measured.

    Attributes:
        message: Any JSON value.
        address: Where it goes.
        targets: Who may have it; None for everyone.
        name: Its event name.
        key: Its idempotency key, if it has one.
    """

    message: Any
    address: str | None
    targets: frozenset[str] | None = None
    name: str | None = None
    key: str | None = None

    def signal(self, limit: int) -> Signal:
        """Return it as a signal.

        Args:
            limit: Bytes that the message's JSON text may have.

        Raises:
            InvalidInput: The message is too long or too deep.
        """
        data = messages.encode(self.message, limit=limit)
        return Signal(data=data, address=self.address, targets=self.targets, name=self.name)


class Strict(Schema):
    """A schema that takes nothing it does not know."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": UNKNOWN, "type": "It is not a JSON object."}  # noqa: RUF012 - marshmallow's way


class SignalSchema(Strict):
    """A signal: ``{"message", "topic"?, "plugin"?, "targetOwnershipEntityRefs"?, "event"?, "idempotencyKey"?}``."""

    message = fields.Raw(required=True, allow_none=True, error_messages=TEXTS)
    topic = Checked(topics.topic)
    plugin = Checked(topics.plugin_id)
    targets = Refs(data_key=_TARGETS)
    event = Checked(topics.event_name)
    key = Checked(visible, data_key="idempotencyKey")

    @pre_load
    def accept_snake_case(self, data: Any, **_: Any) -> Any:
        """Take ``target_ownership_entity_refs`` for ``targetOwnershipEntityRefs``."""
        if isinstance(data, dict) and _SNAKE_TARGETS in data:
            if _TARGETS in data:
                raise ValidationError(f"It is given as {_TARGETS} too; give one of them.", _SNAKE_TARGETS)
            data = dict(data)
            data[_TARGETS] = data.pop(_SNAKE_TARGETS)
        return data

    @post_load
    def to_item(self, data: dict[str, Any], **_: Any) -> Item:
        """Make the signal."""
        try:
            address = topics.address(data.get("plugin"), data.get("topic"))
        except InvalidInput as error:
            raise ValidationError(f"{error.detail} {error.hint}", "topic") from None
        return Item(
            data["message"],
            address,
            targets=data.get("targets"),
            name=data.get("event"),
            key=data.get("key"),
        )


class RecipientsSchema(Strict):
    """Recipients as Backstage names them: ``{"type": "broadcast"}`` or ``{"type": "user", "entityRef": …}``."""

    type = fields.String(
        required=True,
        validate=validate.OneOf(("broadcast", "user"), error=_TYPES),
        error_messages={**TEXTS, "invalid": _TYPES},
    )
    entityRef = fields.Raw()  # noqa: N815 - Backstage's name

    @post_load
    def to_targets(self, data: dict[str, Any], **_: Any) -> frozenset[str] | None:
        """Return the targets: None for a broadcast to everyone on the channel."""
        if data["type"] == "broadcast":
            if "entityRef" in data:
                raise ValidationError("A broadcast has no recipients; use type 'user'.", "entityRef")
            return None
        refs = data.get("entityRef")
        if not isinstance(refs, str | list):
            raise ValidationError("Type 'user' needs an entity ref, or a list of them.", "entityRef")
        try:
            loaded: frozenset[str] = Refs().deserialize([refs] if isinstance(refs, str) else refs)
        except ValidationError as error:
            raise ValidationError({"entityRef": error.messages}) from None
        return loaded


class BackstageSchema(Strict):
    """The payload of Backstage's signals service: ``{"recipients", "channel", "message"}``."""

    recipients = fields.Nested(RecipientsSchema, required=True, error_messages=TEXTS)
    channel = Checked(topics.topic, required=True)
    message = fields.Raw(required=True, allow_none=True, error_messages=TEXTS)

    @post_load
    def to_item(self, data: dict[str, Any], **_: Any) -> Item:
        """Make the signal; the channel is the address as it stands."""
        return Item(data["message"], data["channel"], targets=data["recipients"])


_SIGNAL: Final = SignalSchema()
_BACKSTAGE: Final = BackstageSchema()


def load_signal(value: Any, limit: int) -> tuple[Signal, str | None]:
    """Return the signal that a JSON value describes, and its idempotency key if it has one.

    Args:
        value: What was sent.
        limit: Bytes that a message's JSON text may have.

    Raises:
        Problem: 400 or 413, with every field at fault.
    """
    try:
        return _load(value, limit)
    except _Refused as refused:
        raise refused.problem() from None


def check_count(count: int) -> None:
    """Refuse a batch without signals or with too many.

    Raises:
        Problem: 400.
    """
    if not 1 <= count <= MAX_BATCH:
        detail = f"There are {count} signals in the request."
        raise Problem(400, "bad-batch", detail, hint=f"Send from 1 to {MAX_BATCH} signals in one request.")


def load_batch(values: Sequence[Any], limit: int) -> Sequence[Signal]:
    """Return the signals that JSON values describe: all of them or none.

    Args:
        values: What was sent.
        limit: Bytes that a message's JSON text may have.

    Raises:
        Problem: 400 or 413, with the index of every item at fault.
    """
    check_count(len(values))
    signals: list[Signal] = []
    refused = _Refused()
    for index, value in enumerate(values):
        try:
            signal, key = _load(value, limit)
        except _Refused as one:
            refused.add(one, index)
            if len(refused.errors) >= MAX_ERRORS:
                break
            continue
        if key is not None:
            detail = "An array holds no idempotency keys: it is published as a whole. Use the Idempotency-Key header."
            refused.add(_Refused([{"field": "idempotencyKey", "detail": detail}]), index)
        signals.append(signal)
    if refused.errors:
        raise refused.problem()
    return signals


class _Refused(Exception):
    def __init__(self, errors: Sequence[Mapping[str, Any]] = (), *, too_large: bool = False) -> None:
        super().__init__()
        self.errors = list(errors)
        self.too_large = too_large

    def add(self, other: _Refused, index: int) -> None:
        self.errors += [{"index": index, **error} for error in other.errors]
        self.too_large = self.too_large or other.too_large

    def problem(self) -> Problem:
        first = self.errors[0]
        what = f"field {first['field']}: {first['detail']}" if first["field"] else first["detail"]
        detail = f"Signal {first['index']}, {what}" if "index" in first else what[0].upper() + what[1:]
        status, kind = (413, "message-too-large") if self.too_large else (400, "bad-signal")
        hint = "Mend what 'errors' names; nothing was published."
        return Problem(status, kind, detail, hint=hint, errors=self.errors)


def _load(value: Any, limit: int) -> tuple[Signal, str | None]:
    if not isinstance(value, dict):
        detail = 'A signal is a JSON object such as {"topic": "orders", "message": …}.'
        raise _Refused([{"field": "", "detail": detail + " To send the body as it is, add ?topic=… to the URL."}])
    if len(value) > _MAX_MEMBERS:
        detail = f"It has {len(value)} members. Put what is to be told into 'message'."
        raise _Refused([{"field": "", "detail": detail}])
    schema = _BACKSTAGE if "channel" in value or "recipients" in value else _SIGNAL
    try:
        item: Item = schema.load(value)
        return item.signal(limit), item.key
    except ValidationError as error:
        known = [field.data_key or name for name, field in schema.fields.items()]
        raise _Refused(list(islice(_flatten(error.messages, known), MAX_ERRORS))) from None
    except InvalidInput as error:
        too_large = isinstance(error, MessageTooLarge)
        entry = {"field": error.field, "detail": f"{error.detail} {error.hint}"}
        raise _Refused([entry], too_large=too_large) from None


def _flatten(messages_by_field: Any, known: Sequence[str], path: str = "") -> Iterator[dict[str, str]]:
    """Yield one entry for each message in marshmallow's nested dictionaries."""
    if isinstance(messages_by_field, dict):
        for name, inner in messages_by_field.items():
            text = "" if name == SCHEMA else str(name)[:64]  # marshmallow's name for the whole
            step = f"[{name}]" if isinstance(name, int) else f".{text}" if path and text else text
            yield from _flatten(inner, known, path + step)
        return
    for message in messages_by_field:
        yield {"field": path, "detail": f"{message} {_instead(path, known)}" if message == UNKNOWN else message}


def _instead(path: str, known: Sequence[str]) -> str:
    near = get_close_matches(path, known, 1)
    return f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(known)}."
