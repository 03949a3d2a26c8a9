"""Every error this package raises on purpose.

::

    SignalsError
    +-- InvalidInput          what was given breaks a rule; names the field and how to mend it (also a ValueError)
    |   +-- MessageTooLarge   the message is over the limit
    +-- ConfigurationError    a setting is unknown, badly formed or contradicts another
    +-- BrokerUnavailable     the log cannot be reached; says whether the outcome is known
    +-- IdempotencyConflict   the key was used for another request
    +-- IdempotencyTableFull  too many keys are remembered at the moment
    +-- SignalsGap            a subscriber missed events that the history no longer holds
    +-- NotAuthenticated      a credential is missing or no good; says which check it failed
    |   +-- NotRecognised     a token of a kind that an authenticator does not know
    +-- NotGranted            somebody known asks for more than is granted; names what
    +-- IssuerUnavailable     what is needed to check a credential cannot be fetched at the moment
    +-- TooMany               a limit of an identity or an address is reached
    +-- UnexpectedAnswer      a server answered a client in a way that no hub does, or that it cannot know
    +-- LoadFailed            a load could not be put on a hub
"""


class SignalsError(Exception):
    """The root of all errors of this package."""


class InvalidInput(SignalsError, ValueError):
    """Input that breaks a rule of the protocol.

    Attributes:
        field: The field or parameter at fault, as its sender wrote it (``topic``), or None for the whole input.
        detail: What is wrong, one sentence.
        hint: What to do about it, one sentence.
    """

    def __init__(self, detail: str, *, field: str | None = None, hint: str) -> None:
        super().__init__(f"{field}: {detail} {hint}" if field else f"{detail} {hint}")
        self.field = field
        self.detail = detail
        self.hint = hint


class MessageTooLarge(InvalidInput):
    """A message whose JSON text is longer than the limit."""


class ConfigurationError(SignalsError):
    """A setting that stops the start; its text is one sentence that names the setting and what it may be."""


class BrokerUnavailable(SignalsError):
    """The log cannot be reached.

    Attributes:
        outcome_unknown: True when a publish had been handed to the log already, so that it may or may not be in it.
        retry_after: Seconds after which another try is sensible.
    """

    def __init__(self, detail: str, *, outcome_unknown: bool = False, retry_after: float = 1.0) -> None:
        super().__init__(detail)
        self.outcome_unknown = outcome_unknown
        self.retry_after = retry_after


class IdempotencyConflict(SignalsError):
    """An idempotency key that its publisher used within the last minutes for a request with other content."""


class IdempotencyTableFull(SignalsError):
    """No further idempotency key can be remembered now.

    Attributes:
        retry_after: Seconds until the oldest remembered key is forgotten.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__("too many idempotency keys are remembered at the moment")
        self.retry_after = retry_after


class SignalsGap(SignalsError):
    """Events are missing: the history no longer holds what should come next.

    Attributes:
        reason: ``trimmed``: they were too old or too many to be kept, and it goes on with the oldest that is held.
            ``epoch``: the log was lost, whole or from some place on. ``unknown-id``: the id to resume after is none
            of this log, and it goes on with what comes next.
        after: The id after which events are missing, or None when it is not known.
        resumes_after: The id after which events go on.

    What signals are hints for has to be fetched anew; the stream itself goes on.
    """

    def __init__(self, reason: str, after: str | None, resumes_after: str) -> None:
        super().__init__(
            f"events after {after or 'an unknown id'} are missing ({reason}); going on after {resumes_after}"
        )
        self.reason = reason
        self.after = after
        self.resumes_after = resumes_after


class NotAuthenticated(SignalsError):
    """A credential that is missing, or that failed a check. Nothing in it is secret.

    Attributes:
        cause: Which check, as a short name for programs: ``expired``, ``unknown-key``, ``wrong-audience`` and so on.
        detail: What is wrong, one sentence.
        hint: What to do about it, one sentence.
    """

    def __init__(self, cause: str, detail: str, *, hint: str) -> None:
        super().__init__(f"{cause}: {detail} {hint}")
        self.cause = cause
        self.detail = detail
        self.hint = hint


class NotRecognised(NotAuthenticated):
    """A token of a kind that this authenticator does not know; another one may."""


class NotGranted(SignalsError):
    """Somebody known asks for more than is granted.

    Attributes:
        field: The field or parameter that asks for it.
        detail: What is refused, one sentence that names it.
        hint: What to do about it, one sentence.
        index: Which signal of a batch, or None.
        value: The topic filter that is refused, or None where it is something else.
    """

    def __init__(
        self, detail: str, *, field: str, hint: str, index: int | None = None, value: str | None = None
    ) -> None:
        super().__init__(f"{field}: {detail} {hint}")
        self.field = field
        self.detail = detail
        self.hint = hint
        self.index = index
        self.value = value


class IssuerUnavailable(SignalsError):
    """Keys or ownership that are needed to check a credential cannot be fetched at the moment.

    Attributes:
        retry_after: Seconds after which another try is sensible.
        named: Whether it is the credential that has named whom to ask, so that it may be made up.
    """

    def __init__(self, detail: str, *, retry_after: float = 5.0, named: bool = False) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.named = named


class TooMany(SignalsError):
    """A limit of one identity or one address is reached; others are not concerned.

    Attributes:
        reason: Which, as a short name for programs: ``identity-streams``, ``address-streams``, ``publish-rate``,
            ``ticket-rate``, ``failed-authentications``.
        detail: What there is too much of, one sentence.
        retry_after: Seconds after which another try is sensible.
    """

    def __init__(self, reason: str, detail: str, *, retry_after: float) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after


class UnexpectedAnswer(SignalsError):
    """What a server answered a client that is no hub's answer, or none that this version knows.

    Attributes:
        status: The HTTP status.
        type: The ``type`` of its problem document (RFC 9457), ``about:blank`` without one.
        title: The document's title, or what the status is called.
        detail: What is wrong, one sentence.
        hint: What to do about it, one sentence.
    """

    def __init__(self, status: int, title: str, detail: str, *, hint: str, kind: str = "about:blank") -> None:
        super().__init__(f"{status} {title}: {detail} {hint}")
        self.status = status
        self.type = kind
        self.title = title
        self.detail = detail
        self.hint = hint


class LoadFailed(SignalsError):
    """A hub could not be measured; the text is one sentence that says what it refused or where it cannot be reached.

    Attributes:
        status: The HTTP status of a refusal; None where there was no answer, or one that says something else.
    """

    def __init__(self, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status
