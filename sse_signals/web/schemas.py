"""What a signal looks like in a publish request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, pre_load, validate

from sse_signals import messages, topics
from sse_signals.errors import InvalidInput
from sse_signals.model import Signal
from sse_signals.names import visible
from sse_signals.web.fields import TEXTS, UNKNOWN, Checked, Refs

TARGETS: Final = "targetOwnershipEntityRefs"
SNAKE_TARGETS: Final = "target_ownership_entity_refs"
_TYPES: Final = "It is neither 'broadcast' nor 'user'."
_MESSAGE: Final = {"description": "What is to be told: any JSON value."}


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

    message = fields.Raw(required=True, allow_none=True, error_messages=TEXTS, metadata=_MESSAGE)
    topic = Checked(topics.topic, metadata={"description": "Where it is published."})
    plugin = Checked(topics.plugin_id, metadata={"description": "Publishes as `plugin:topic`, or as `plugin` alone."})
    targets = Refs(
        data_key=TARGETS,
        metadata={"description": "Only who owns one of these gets it. Left out it is everyone, `[]` is nobody."},
    )
    event = Checked(topics.event_name, metadata={"description": "Its name on the stream."})
    key = Checked(visible, data_key="idempotencyKey", metadata={"description": "See the header `Idempotency-Key`."})

    @pre_load
    def accept_snake_case(self, data: Any, **_: Any) -> Any:
        """Take ``target_ownership_entity_refs`` for ``targetOwnershipEntityRefs``."""
        if isinstance(data, dict) and SNAKE_TARGETS in data:
            if TARGETS in data:
                raise ValidationError(f"It is given as {TARGETS} too; give one of them.", SNAKE_TARGETS)
            data = dict(data)
            data[TARGETS] = data.pop(SNAKE_TARGETS)
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
    channel = Checked(topics.topic, required=True, metadata={"description": "Where it is published, as it stands."})
    message = fields.Raw(required=True, allow_none=True, error_messages=TEXTS, metadata=_MESSAGE)

    @post_load
    def to_item(self, data: dict[str, Any], **_: Any) -> Item:
        """Make the signal; the channel is the address as it stands."""
        return Item(data["message"], data["channel"], targets=data["recipients"])
