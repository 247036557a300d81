"""How the machine and the process do while a run lives: points under `system/…`, taken by a thread.

Read from /proc and from NVIDIA's library where it is there; nothing is installed or started for it.
A figure that this system does not tell is left out.
"""

import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ropeway.core.errors import RopewayError

PROC = Path("/proc")
EVERY_S = 15.0
SECTOR_BYTES = 512
"""/proc/diskstats counts so, whatever the disk's own sectors are."""
_NOT_DISKS = ("loop", "ram", "zram", "dm-", "md", "sr", "fd")
Readings = dict[str, float]


class Sampler(threading.Thread):
    """Takes readings until it is stopped, the first after one interval.

    Args:
        log: where they go.
        every_s: seconds between two.
    """

    def __init__(self, log: Callable[[Readings], object], every_s: float = EVERY_S) -> None:
        super().__init__(name="ropeway-system", daemon=True)
        self._log = log
        self._every_s = every_s
        self._over = threading.Event()
        self._gauge = Gauge()

    def run(self) -> None:
        """Wait, take a reading, and again."""
        while True:
            if self._over.wait(self._every_s):
                return
            try:
                self._log(self._gauge.read())
            except RopewayError:
                return  # the run has ended, or its disk is full: the run itself will say so

    def stop(self) -> None:
        """No reading is taken after this has returned."""
        self._over.set()
        self.join()


class Gauge:
    """Readings of the machine and of this process; rates are since the reading before."""

    def __init__(self) -> None:
        self._cards = _cards()
        self._counted = dict(_counters())
        self._at = time.monotonic()

    def read(self) -> Readings:
        """The figures now, by name: percents, bytes, bytes a second."""
        now, before = time.monotonic(), self._counted
        spent, self._at = max(now - self._at, 1e-6), now
        self._counted = dict(_counters())
        rate = {
            name: (value - before[name]) / spent for name, value in self._counted.items() if name in before
        }
        found: Readings = {}
        busy, idle = rate.get("busy", 0.0), rate.get("idle", 0.0)
        if busy + idle > 0:
            found["system/cpu_percent"] = 100 * busy / (busy + idle)
        if "process" in rate:
            found["system/process_cpu_percent"] = 100 * rate["process"]
        for name in ("disk_read", "disk_written", "network_received", "network_sent"):
            if name in rate:
                found[f"system/{name}_bytes_s"] = rate[name]
        found.update(_memory())
        for read in self._cards:
            found.update(read())
        return {name: round(value, 3) for name, value in found.items()}


def _counters() -> Iterator[tuple[str, float]]:
    """What only grows: seconds and bytes."""
    ticks = os.sysconf("SC_CLK_TCK")
    used = os.times()
    yield "process", used.user + used.system
    with suppress(OSError, ValueError, IndexError):
        times = [int(word) / ticks for word in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
        idle = times[3] + times[4]
        yield "idle", idle
        yield "busy", sum(times) - idle
    with suppress(OSError, ValueError, IndexError):
        rows = [line.split() for line in (PROC / "diskstats").read_text().splitlines()]
        disks = [row for row in rows if _is_disk(row[2], [other[2] for other in rows])]
        yield "disk_read", SECTOR_BYTES * sum(int(row[5]) for row in disks)
        yield "disk_written", SECTOR_BYTES * sum(int(row[9]) for row in disks)
    with suppress(OSError, ValueError, IndexError):
        lines = [line.partition(":") for line in (PROC / "net" / "dev").read_text().splitlines()[2:]]
        cards = [rest.split() for name, _, rest in lines if name.strip() != "lo"]
        yield "network_received", sum(int(card[0]) for card in cards)
        yield "network_sent", sum(int(card[8]) for card in cards)


def _is_disk(name: str, names: list[str]) -> bool:
    """Whether it is a whole disk: what is on one would be counted twice."""
    is_part = any(other != name and name.startswith(other) and name[len(other) :].strip("p").isdigit()
                  for other in names)  # fmt: skip
    return not name.startswith(_NOT_DISKS) and not is_part


def _memory() -> Iterator[tuple[str, float]]:
    with suppress(OSError, ValueError, KeyError):
        rows = (line.split() for line in (PROC / "meminfo").read_text().splitlines())
        kilobytes = {row[0]: int(row[1]) for row in rows}
        total, free = kilobytes["MemTotal:"], kilobytes["MemAvailable:"]
        yield "system/memory_bytes", 1024.0 * (total - free)
        yield "system/memory_percent", 100 * (total - free) / total
    with suppress(OSError, ValueError, IndexError):
        pages = int((PROC / "self" / "statm").read_text().split()[1])
        yield "system/process_memory_bytes", float(pages * os.sysconf("SC_PAGE_SIZE"))


class _Use(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def _cards() -> list[Callable[[], Readings]]:
    """A reader for each of NVIDIA's cards; none where its library is not."""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return []
    count = ctypes.c_uint()
    if library.nvmlInit_v2() or library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return []
    readers = []
    for index in range(count.value):
        card = ctypes.c_void_p()
        if not library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(card)):
            readers.append(_reader(library, index, card))
    return readers


def _reader(library: ctypes.CDLL, index: int, card: ctypes.c_void_p) -> Callable[[], Readings]:
    def read() -> Readings:
        found: Readings = {}
        use, memory, power, heat = _Use(), _Memory(), ctypes.c_uint(), ctypes.c_uint()
        if not library.nvmlDeviceGetUtilizationRates(card, ctypes.byref(use)):
            found["percent"] = use.gpu
        if not library.nvmlDeviceGetMemoryInfo(card, ctypes.byref(memory)):
            found["memory_bytes"] = memory.used
            found["memory_percent"] = 100 * memory.used / max(memory.total, 1)
        if not library.nvmlDeviceGetPowerUsage(card, ctypes.byref(power)):
            found["power_watts"] = power.value / 1_000
        if not library.nvmlDeviceGetTemperature(card, 0, ctypes.byref(heat)):
            found["celsius"] = heat.value
        return {f"system/gpu{index}_{name}": float(value) for name, value in found.items()}

    return read
