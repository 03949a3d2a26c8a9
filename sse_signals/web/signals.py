"""Bodies of publish requests: from JSON values to signals, with every error named by item and field."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError
from marshmallow.exceptions import SCHEMA

from sse_signals.errors import InvalidInput, MessageTooLarge
from sse_signals.model import MAX_BATCH
from sse_signals.web.fields import MAX_ERRORS, UNKNOWN, Checked, checked
from sse_signals.web.problems import Problem
from sse_signals.web.schemas import BackstageSchema, SignalSchema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from marshmallow import Schema

    from sse_signals.model import Signal
    from sse_signals.web.schemas import Item

_MAX_MEMBERS: Final = 32  # of a signal; there are fewer that mean something, and a body has room for very many
_SIGNAL: Final = SignalSchema()
_BACKSTAGE: Final = BackstageSchema()
_FIELDS: Final = {field.data_key or name: (name, field) for name, field in _SIGNAL.fields.items() if name != "message"}


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
    schema: Schema = _BACKSTAGE if "channel" in value or "recipients" in value else _SIGNAL
    try:
        item: Item = _well_formed(value) or schema.load(value)
        return item.signal(limit), item.key
    except ValidationError as error:
        known = [field.data_key or name for name, field in schema.fields.items()]
        raise _Refused(list(islice(_flatten(error.messages, known), MAX_ERRORS))) from None
    except InvalidInput as error:
        too_large = isinstance(error, MessageTooLarge)
        entry = {"field": error.field, "detail": f"{error.detail} {error.hint}"}
        raise _Refused([entry], too_large=too_large) from None


def _well_formed(value: dict[str, Any]) -> Item | None:
    """Load a signal that is as it should be; None for any other, which the schema then loads or refuses.

    These are the schema's own fields and its own last step. What is left out is how marshmallow collects errors, which
    was two thirds of loading.
    """
    members: dict[str, Any] = {}
    try:
        for data_key, member in value.items():
            if data_key == "message":  # which may be anything
                members["message"] = member
            elif data_key in _FIELDS:
                name, field = _FIELDS[data_key]
                members[name] = checked(field.check, member) if type(field) is Checked else field.deserialize(member)
            else:
                return None
        return _SIGNAL.to_item(members) if "message" in members else None
    except ValidationError:
        return None


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
