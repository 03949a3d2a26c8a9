"""Every answer of a hub is as its OpenAPI document says, whatever schemathesis sends: nothing makes it fail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.web.limits import Limits
from tests.authenticated import ADMIN, house
from tests.web.documents.files import OPENAPI
from tests.web.documents.fuzz import prepared, run

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp

    from sse_signals.server import Running
    from tests.web.documents.fuzz import Verdict

EXAMPLES = 1  # generated for each operation, besides about a thousand requests that cover what may be said
MANY = 10**6
# All checks are on. These are made in each run; use_after_free, ensure_resource_availability and
# object_level_authorization are about resources that clients make and delete, of which a hub has none.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "unsupported_method",
    "allow_header_conformance",
)
# Without authentication there are no credentials to leave out, and no header is required besides.
WITH_CREDENTIALS = ("ignored_auth", "missing_required_header")


def passed(verdict: Verdict, *checks: str) -> None:
    """Fail with all that a run has found."""
    assert verdict.status == 0, verdict.text
    assert verdict.requests > 500
    assert [check for check in checks if not verdict.checks[check]] == [], verdict.checks


@pytest.mark.timeout(300)
async def test_without_authentication(hub: Running, tmp_path: Path) -> None:
    """On a hub that serves everybody no request is answered in a way that the document does not say."""
    document = prepared(OPENAPI, authenticated=False)
    passed(await asyncio.to_thread(run, document, hub.url, tmp_path, examples=EXAMPLES), *CHECKS)


@pytest.mark.timeout(300)
async def test_with_authentication(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """The same with tokens: none gets in without one, and an administrator's may do everything."""
    limits = Limits(publish_rate=MANY, publish_burst=MANY, streams_per_identity=MANY)
    async with house(limits=limits) as home:
        token = home.tokens.issue("user:default/admin", grants=ADMIN)
        async with http.get(f"{home.url}/stream", headers={"Authorization": f"Bearer {token}"}) as stream:
            name = await named(stream)
            verdict = await asyncio.to_thread(
                run,
                prepared(OPENAPI, authenticated=True),
                home.url,
                tmp_path,
                examples=EXAMPLES,
                token=token,
                stream=name,
            )
    passed(verdict, *CHECKS, *WITH_CREDENTIALS)


async def named(stream: aiohttp.ClientResponse) -> str:
    """Return the name of a stream that has just been opened."""
    receipt: Any = (await stream.content.readuntil(b"\n\n")).decode()
    return str(receipt.partition('"stream":"')[2].partition('"')[0])
