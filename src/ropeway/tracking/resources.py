"""What a run costs: wall time, CPU seconds with those of its children, and peak memory."""

import os
import resource
import sys
import time
from pathlib import Path
from typing import NamedTuple

from ropeway.tracking.events import HostRecord


class Usage(NamedTuple):
    """Resources used."""

    wall_s: float
    cpu_s: float
    peak_memory_bytes: int


class Meter:
    """Measures from its making on.

    CPU seconds are the whole process's, with children that have ended. Peak memory is the process's highest
    resident size so far, or its largest ended child's: the system does not count from a moment on.
    """

    def __init__(self) -> None:
        self._wall = time.monotonic()
        self._cpu = _cpu_s()

    def read(self) -> Usage:
        """What was used until now."""
        return Usage(
            wall_s=round(time.monotonic() - self._wall, 6),
            cpu_s=round(max(0.0, _cpu_s() - self._cpu), 6),
            peak_memory_bytes=_peak_memory_bytes(),
        )


def describe_host() -> HostRecord:
    """The machine that this is, without its name."""
    system = os.uname()
    return HostRecord(
        system=f"{system.sysname} {system.release}",
        machine=system.machine,
        cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )


def _cpu_s() -> float:
    used = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        used += usage.ru_utime + usage.ru_stime
    return used


def _peak_memory_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    return max(children, _own_peak_bytes(unit))


def _own_peak_bytes(unit: int) -> int:
    # On Linux `ru_maxrss` begins at what the parent had before `exec`; VmHWM is this program's own.
    try:
        for line in Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
