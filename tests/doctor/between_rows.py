"""What stands between in no configuration of a real proxy; and the hub itself, with nothing between."""

from __future__ import annotations

import re
from typing import Final

from tests.doctor.between import Fault
from tests.doctor.rows import Row

RIGHT: Final = Fault()
ROWS: Final = (
    (Row("right"), RIGHT),
    (Row("holds signals, but no receipts", found=("buffering",), seconds=7.0), Fault(lump=2.0)),
    (
        Row("holds heartbeats, and nobody may publish", found=("buffering",), hub="known", token=True, seconds=7.0),
        Fault(lump=2.0),
    ),
    (Row("resets everything", found=("total-limit",)), Fault(ends=1.5, reset=True)),
    (
        Row("breaks everything off, and nobody may publish", found=("total-limit",), hub="known", token=True),
        Fault(ends=1.2, speaking=True),
    ),
    (Row("breaks off once", found=("cut",)), Fault(ends=1.0, cuts=1)),
    (Row("keeps answers", found=("cached",)), Fault(keeps=True)),
    (Row("lets the sixth wait", found=("stream-limit",)), Fault(most=6)),
    (Row("has a clock of its own", found=("clock",)), Fault(date="Thu, 01 Jan 2026 00:00:00 GMT")),
    (Row("loses a signal", found=("signals-lost",)), Fault(loses=re.compile(rb'data: (?=[^\n]*signals-doctor 1")'))),
    (Row("goes to hubs that share nothing", found=("resume-gap",), hub="both"), RIGHT),
)
DIRECT: Final = (
    Row("right"),
    Row("allows no page", found=("cors-not-allowed",), hub="closed"),
    Row("has room for few streams", found=("goodbye",), hub="small"),
    Row("has a clock of its own", found=("clock",), hub="late"),
    Row("has a token, and nobody may publish", hub="known", token=True),
)
