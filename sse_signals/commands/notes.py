"""What a client logs, as sentences for whoever sits at the terminal; and what everybody has to know."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from sse_signals.commands.plain import plain
from sse_signals.commands.words import in_words

if TYPE_CHECKING:
    from sse_signals.errors import SignalsGap

_LONG: Final = 5.0  # seconds of waiting that are told again
_GOODBYE: Final = "goodbye: "
_GOODBYES: Final = {
    "shutdown": "the hub stops, or starts anew",
    "starting": "the hub is starting",
    "full": "the hub has as many streams as it may",
    "identity-streams": "there are as many streams of this identity as there may be",
    "address-streams": "there are as many streams from this address as there may be",
    "failed-authentications": "there were too many wrong tokens from this address",
    "issuer-unavailable": "the hub cannot check tokens now",
    "expired": "the token has expired",
    "revoked": "the token was revoked",
    "not-granted": "the token does not allow it any more",
}
_GAPS: Final = {
    "trimmed": "the hub no longer holds them. It goes on with the oldest it has",
    "epoch": "the hub's log was lost, or its newest part. It goes on with what there is",
    "unknown-id": "the hub does not know this place. It goes on with what comes next",
}


class Notes:
    """A logger for `sse_signals.client.remote_hub.RemoteHub` that tells people, on stderr, if that is a terminal.

    Elsewhere only one thing is told of how it goes, once: that it is tried again, unless a stream was open before.
    """

    def __init__(self, url: str = "") -> None:
        """Know whom it is about.

        Args:
            url: The hub.
        """
        self._url = url
        self._said = ""  # why it was tried again last
        self._silent = False  # whether nothing more is told where stderr is no terminal
        self._shown = sys.stderr is not None and sys.stderr.isatty()

    def bind(self, **_: object) -> Notes:
        """Return itself: what is bound is for logs."""
        return self

    def tell(self, text: str) -> None:
        """Say something that only a person who waits wants to know."""
        if self._shown:
            click.secho(f"sse-signals: {plain(text)}", dim=True, err=True)

    def warn(self, text: str) -> None:
        """Say something that nobody may miss."""
        click.secho(f"sse-signals: {plain(text)}", fg="yellow", err=True)

    def gap(self, gap: SignalsGap) -> None:
        """Say that signals are missing."""
        why = _GAPS.get(gap.reason, f"{gap.reason}. It goes on")
        after = f" after {gap.after}" if gap.after else ""
        self.warn(f"signals{after} may be missing: {why}, after {gap.resumes_after}.")

    def debug(self, event: str, **_: Any) -> None:
        """Say that there is a connection."""
        if event == "stream opened":
            self._said, self._silent = "", True
            self.tell(f"connected to {self._url}.")

    def info(self, event: str, **values: Any) -> None:
        """Say what went wrong, and that it will be tried again."""
        if event in {"stream interrupted", "publish not answered"}:
            reason, seconds = reason_of(str(values["reason"])).rstrip("."), values["seconds"]
            if not self._shown:
                self._tell_once(reason, seconds)
            elif reason != self._said or seconds >= _LONG:
                self.tell(f"{reason}; trying again{f' in {seconds:.0f} s' if seconds >= 1 else ''}.")
            self._said = reason

    def _tell_once(self, reason: str, seconds: float) -> None:
        """Say in a log or a pipe why nothing happens for now; a try that follows at once needs no words."""
        if not self._silent and seconds > 0:
            self._silent = True
            about = "" if self._url.rstrip("/") in reason else f"{self._url}: "
            click.echo(f"sse-signals: {plain(f'{about}{reason}; trying again.')}", err=True)

    def warning(self, event: str, **values: Any) -> None:
        """Say that a stream will end because there is no fresh token."""
        self.warn(f"{event}: {values.get('error', '')}.")


def reason_of(text: str) -> str:
    """Return why a stream ended, in words."""
    goodbye = text.removeprefix(_GOODBYE)
    return in_words(text) if goodbye == text else f"{_GOODBYES.get(goodbye, 'the hub ends the stream')} ({goodbye})"
