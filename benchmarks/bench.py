"""What a case works with: a scratch folder, environments of ours and of peers, and honest timing."""

import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import environments
from benchmarks.environments import Environment


class Bench:
    """One run of the benchmarks.

    Args:
        scratch: an empty folder on the disk that figures are about.
        quick: few repetitions and no installing, to see that a case works; such figures are not published.
    """

    def __init__(self, scratch: Path, *, quick: bool) -> None:
        self.scratch = scratch
        self.quick = quick
        self._made = 0

    def times(self, thorough: int, quick: int = 1) -> int:
        """How often to repeat."""
        return quick if self.quick else thorough

    def folder(self, name: str) -> Path:
        """A new empty folder."""
        self._made += 1
        folder = self.scratch / f"{self._made}-{name}"
        folder.mkdir(parents=True)
        return folder

    def peer(self, name: str) -> Environment | str:
        """A peer's own virtual environment, installed when absent; or the words why there is none."""
        return environments.peer(name, may_install=not self.quick)

    def ours(self) -> Environment | str:
        """A fresh environment with nothing but Ropeway's base install, made from this source."""
        return environments.ours(may_install=not self.quick)

    def process_ms(self, command: Sequence[str], *, folder: Path | None = None, times: int = 15) -> float:
        """Median wall time of a whole process, after one warm-up."""
        return self.median_ms(lambda: self.run(command, folder=folder), times=self.times(times, 2))

    def median_ms(self, work: Callable[[], object], *, times: int) -> float:
        """Median wall time of some work, after one warm-up."""
        work()
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            work()
            taken.append((time.perf_counter() - began) * 1e3)
        return statistics.median(taken)

    def rate(self, work: Callable[[], object], *, seconds: float) -> float:
        """How often a second some work can be done: the median over five windows, after one warm-up call."""
        work()
        windows = self.times(5, 1)
        rates = []
        for _ in range(windows):
            done, began = 0, time.perf_counter()
            while (taken := time.perf_counter() - began) < seconds / windows:
                work()
                done += 1
            rates.append(done / taken)
        return statistics.median(rates)

    def run(self, command: Sequence[str], *, folder: Path | None = None) -> None:
        """Run a process to its end; a failure is an error of the case."""
        done = subprocess.run(
            list(command),
            cwd=folder or self.scratch,
            capture_output=True,
            check=False,
            env=environments.QUIET,
        )
        if done.returncode != 0:
            raise CaseFailed(f"{' '.join(map(str, command))}: {done.stderr.decode()[-2000:]}")


class CaseFailed(Exception):
    """A case could not be measured."""
