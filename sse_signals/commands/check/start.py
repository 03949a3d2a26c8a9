"""What a hub would do at its start, short of serving: read files, choose parts, and on demand ask who is there."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from sse_signals.auth.backstage import user_keys_url
from sse_signals.auth.fetch import Fetch
from sse_signals.auth.jwk_set import Unusable, parse
from sse_signals.authenticators import authenticators
from sse_signals.brokers.choice import open_log
from sse_signals.clock import wall_clock_ms
from sse_signals.commands.starting import warn, warn_of_open_door
from sse_signals.configured import broker_options, history_limits, tracing_of
from sse_signals.errors import BrokerUnavailable, ConfigurationError, IssuerUnavailable
from sse_signals.key_files import public_keys, rules, shared_secrets, ticket_secrets
from sse_signals.process import check_machine
from sse_signals.setting_kinds import without_password
from sse_signals.settings import variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

    from sse_signals.brokers.choice import Log
    from sse_signals.settings import Settings

PATIENCE: Final = 5.0  # seconds that a log gets to answer, as at a start


@dataclass(frozen=True, slots=True)
class Connection:
    """What came of asking somebody whom the hub needs.

    Attributes:
        setting: The variable that says where they are.
        place: Where, without a password.
        good: Whether they are there and can be used.
        detail: What they said, or why not; one sentence.
        unfit: Whether it is no use to wait: something has to be changed.
    """

    setting: str
    place: str
    good: bool
    detail: str
    unfit: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """What a start would come to.

    Attributes:
        problems: Why it would fail, one sentence each.
        warnings: What it would warn of, one text each.
        connections: Whom it asked, if that was wanted.
    """

    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    connections: tuple[Connection, ...] = ()


def unreadable(settings: Settings) -> tuple[str, ...]:
    """Return what is wrong with the files that settings name, and with the secrets that they hold, one sentence each.

    Args:
        settings: All of them; defaults in the place of those that are no good.
    """
    readers: list[Callable[[Settings], object]] = [rules, shared_secrets, ticket_secrets, tracing_of]
    tries = [(read, settings) for read in readers]
    tries += [(public_keys, replace(settings, jwt_key=(path,))) for path in settings.jwt_key]
    return tuple(dict.fromkeys(text for read, of in tries for text in _refusals(read, of)))


def start(settings: Settings, *, connect: bool) -> Start:
    """Return what a start with settings that are good would come to. It reads files, and so is not for a running loop.

    Args:
        settings: What is set.
        connect: Whether to ask those whom the hub needs, too.
    """
    noted: list[MutableMapping[str, Any]] = []
    logger = _noting(noted)
    problems = []
    warn(settings, logger)
    try:
        assembled = authenticators(settings, logger=logger)
        asyncio.run(assembled.close())
    except ConfigurationError as error:
        problems.append(str(error))
    connections: tuple[Connection, ...] = ()
    try:
        connections = asyncio.run(_ask(settings, logger, connect=connect))
    except ConfigurationError as error:
        problems.append(str(error))
    warn_of_open_door(settings, logger)
    check_machine(settings, logger)
    problems += [connection.detail for connection in connections if connection.unfit]
    return Start(tuple(problems), tuple(map(_told, noted)), connections)


async def _ask(settings: Settings, logger: Any, *, connect: bool) -> tuple[Connection, ...]:
    log = open_log(
        settings.broker, history_limits(settings), broker_options(settings), clock=wall_clock_ms, logger=logger
    )
    try:
        return (await _log(settings, log), *[await _keys(settings, *each) for each in _issuers(settings)]) * connect
    finally:
        await log.broker.close()


async def _log(settings: Settings, log: Log) -> Connection:
    """Open the log, as a start does: it is made if it is not there."""
    name, place = variable("broker"), without_password(settings.broker)
    try:
        async with asyncio.timeout(PATIENCE):
            await log.broker.open()
            head = await log.broker.head()
    except ConfigurationError as error:
        return Connection(name, place, good=False, detail=str(error), unfit=True)
    except BrokerUnavailable as error:
        return Connection(name, place, good=False, detail=_sentence(f"The log cannot be reached: {error}"))
    except TimeoutError:
        return Connection(name, place, good=False, detail=f"The log has not answered within {PATIENCE:g} s.")
    return Connection(name, place, good=True, detail=f"The log is open; its newest id is {head}.")


def _issuers(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield who publishes keys that are needed: the setting, and the URL of the keys."""
    if settings.jwt_jwks_url is not None:
        yield "jwt_jwks_url", settings.jwt_jwks_url
    if settings.backstage_url is not None:
        yield "backstage_url", user_keys_url(settings.backstage_url)


async def _keys(settings: Settings, name: str, url: str) -> Connection:
    fetch = Fetch(_noting([]), plain_http=settings.insecure_issuer)
    place = without_password(url)
    try:
        keys, skipped = parse(await fetch.json(url))
    except (IssuerUnavailable, Unusable) as error:
        return Connection(variable(name), place, good=False, detail=_sentence(f"The keys cannot be fetched: {error}"))
    finally:
        await fetch.close()
    count = f"is {len(keys) or 'no'} key" if len(keys) < 2 else f"are {len(keys)} keys"
    left = f"; left out: {', '.join(skipped)}" if skipped else ""
    return Connection(variable(name), place, good=bool(keys), detail=f"There {count} to verify with{left}.")


def _refusals(read: Callable[[Settings], object], settings: Settings) -> Iterator[str]:
    try:
        read(settings)
    except ConfigurationError as error:
        yield str(error)


def _sentence(text: str) -> str:
    return text.rstrip(".") + "."


def _noting(into: list[MutableMapping[str, Any]]) -> Any:
    """Return a structlog logger that keeps warnings, and what is worse, instead of writing them."""

    def keep(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        into.append(entry)
        raise structlog.DropEvent

    level = structlog.make_filtering_bound_logger(logging.WARNING)
    return structlog.wrap_logger(None, processors=[keep], wrapper_class=level)


def _told(entry: MutableMapping[str, Any]) -> str:
    """Return what was logged as a text for people."""
    rest = {name: value for name, value in entry.items() if name not in {"event", "hint"}}
    facts = ", ".join(
        f"{name.replace('_', ' ')}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in rest.items()
    )
    event = str(entry["event"])
    hint = f" {entry['hint']}" if "hint" in entry else ""
    return f"{event[0].upper()}{event[1:]}{f' ({facts})' if facts else ''}.{hint}"
