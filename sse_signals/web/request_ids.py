"""Request ids: one name for a request in its answer, in every log line about it, and in those of who sent it."""

from __future__ import annotations

import random
import re
from typing import Final

from aiohttp import web
from multidict import istr

REQUEST_ID: Final = istr("X-Request-Id")
_KEY: Final = web.RequestKey("request_id", str)
_FORM: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,128}")


def request_id(request: web.BaseRequest) -> str:
    """Return the id of a request: the one that it came with, if it can stand in a log as it is, or else a new one."""
    known = request.get(_KEY)
    if known is None:
        sent = request.headers.get(REQUEST_ID)
        known = sent if sent is not None and _FORM.fullmatch(sent) else _new()
        request[_KEY] = known
    return known


def _new() -> str:
    return f"{random.getrandbits(80):020x}"  # to be unique; anybody may know or guess it
