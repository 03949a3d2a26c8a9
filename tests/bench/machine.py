"""What the operating system knows: cores, CPU time, memory."""

from __future__ import annotations

import os
import platform
import re
import sys
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
READER_CORE = CORES[1 % len(CORES)]
PUBLISHER_CORE = CORES[2] if len(CORES) > 2 else READER_CORE


def describe() -> list[tuple[str, str]]:
    """Return what whoever reads the figures has to know of this machine."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    where = "one each" if len(CORES) > 1 else "all on one core, so that the figures say little"
    return [
        ("processor", f"{cpu[1] if cpu else platform.machine()}, {len(CORES)} cores usable (server, load: {where})"),
        ("memory", f"{int(memory[1]) / 2**20:.1f} GiB" if memory else "unknown"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()} ({Path(sys.executable).name})"),
        ("libraries", ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "aiohttp-sse", "orjson"))),
    ]


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Start what is started in this context on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def file_system(folder: Path) -> str:
    """Return the kind of file system that a folder is on."""
    found = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    kinds = {mounted: kind for mounted, kind in found if folder.is_relative_to(mounted)}
    return kinds[max(kinds, key=len)]


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it.

    Raises:
        RuntimeError: This system does not tell.
    """
    if not Path("/proc/thread-self/children").exists():
        raise RuntimeError("/proc does not tell a process's children; the kernel needs CONFIG_PROC_CHILDREN")
    found = [pid]
    for one in found:
        for task in _listed(Path(f"/proc/{one}/task")):
            found += [int(child) for child in _text(task / "children").split()]
    return found


def cpu_seconds(pid: int) -> float:
    """Return the CPU time, user and system, of a process and its descendants, those that ended included."""
    ticks = 0
    for one in family(pid):
        fields = _text(Path(f"/proc/{one}/stat")).rpartition(")")[2].split()
        if fields:
            own_user, own_system, children_user, children_system = map(int, fields[11:15])
            ticks += own_user + own_system + children_user + children_system
    return ticks / _TICK


def memory_bytes(pid: int) -> int:
    """Return the memory in user space of a process and its descendants; what they share counts once (PSS)."""
    found = [re.search(r"^Pss:\s*(\d+)", _text(Path(f"/proc/{one}/smaps_rollup")), re.MULTILINE) for one in family(pid)]
    return sum(int(match[1]) for match in found if match) * 1024


def socket_bytes() -> int:
    """Return the memory that all TCP sockets of the machine have in the kernel.

    Raises:
        RuntimeError: This system does not tell.
    """
    pages = re.search(r"^TCP:.* mem (\d+)", Path("/proc/net/sockstat").read_text(), re.MULTILINE)
    if pages is None:
        raise RuntimeError("/proc/net/sockstat does not tell the memory of TCP sockets")
    return int(pages[1]) * _PAGE


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it ended meanwhile
        return ""
