"""Fields of publish requests: text that rules of this package hold for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError, fields

from sse_signals.errors import InvalidInput
from sse_signals.refs import entity_ref

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ERRORS: Final = 20  # told of one request; a body has room for a hundred thousand
MAX_TARGETS: Final = 10_000  # of one signal; a group's ref reaches all its members
UNKNOWN: Final = "There is no such member."
TEXTS: Final[dict[str, str | list[Any] | dict[Any, Any]]] = {
    "required": "It is missing.",
    "null": "It is null. Leave it out instead.",
    "type": "It is not a JSON object.",
}
_REFS: Final = {**TEXTS, "null": "It is null. Leave it out for everyone, or write [] for nobody."}


class Checked(fields.Field[str | None]):
    """Text that a function of this package checks and brings into its one form.

    Attributes:
        check: That function.
    """

    def __init__(self, check: Callable[[str, str], str | None], **arguments: Any) -> None:
        super().__init__(error_messages=TEXTS, **arguments)
        self.check = check

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return checked(self.check, value)


class Refs(fields.Field[frozenset[str]]):
    """A list of entity refs; one plain loop, since there may be very many."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(error_messages=_REFS, **arguments)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not isinstance(value, list):
            raise ValidationError('It is not a list. Write ["group:default/team-a"].')
        if len(value) > MAX_TARGETS:
            raise ValidationError(f"There are more than {MAX_TARGETS}. Target a group that they are members of.")
        refs: set[str | None] = set()
        refused: dict[int | str, Any] = {}
        for index, text in enumerate(value):
            try:
                refs.add(checked(entity_ref, text))
            except ValidationError as error:
                refused[index] = error.messages
                if len(refused) >= MAX_ERRORS:
                    break
        if refused:
            raise ValidationError(refused)
        return frozenset(refs)


def checked(check: Callable[[str, str], str | None], text: Any) -> str | None:
    """Return what a function of this package makes of text.

    Raises:
        ValidationError: It is no text, or the function refuses it.
    """
    if not isinstance(text, str):
        raise ValidationError("It is not text.")
    try:
        return check(text, "")
    except InvalidInput as error:
        raise ValidationError(f"{error.detail} {error.hint}") from None
