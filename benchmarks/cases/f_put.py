"""Putting objects, durable on return, beside a copy that is synced (file and folder)."""

import os
from itertools import count
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from ropeway.testing import make_workspace

SMALL = 8_000
LARGE = 100_000_000
SECONDS = 4.0


def measure(bench: Bench) -> list[Figure]:
    folder, large = bench.folder("put"), bench.times(LARGE, 1_000_000)
    seconds, numbers = (0.2 if bench.quick else SECONDS), count()

    def small_bytes() -> bytes:
        return next(numbers).to_bytes(8, "big") * (SMALL // 8)

    with make_workspace(folder / "project") as workspace:
        ours = bench.rate(lambda: workspace.store.put(small_bytes()), seconds=seconds)
        bare = bench.rate(
            lambda: _synced_write(folder / f"bare-{next(numbers)}", small_bytes()), seconds=seconds
        )
        rates = _large(bench, folder, large, workspace.store.put_file)
    return [
        Figure(
            what=f"store.put of {SMALL // 1000} KB objects",
            ours=ours,
            unit="objects/s",
            beside={"write, fsync, rename, fsync folder": bare},
            higher_is_better=True,
            note="each object is two waits for the disk; packs for small objects are a later piece",
        ),
        Figure(
            what=f"store.put_file of {large // 1_000_000} MB",
            ours=rates["ours"],
            unit="MB/s",
            beside={"copy + fsync": rates["copy"]},
            higher_is_better=True,
            note="the file is read twice: for its digest, to know whether it is there; and to copy it",
        ),
    ]


def _large(bench: Bench, folder: Path, size: int, put_file: object) -> dict[str, float]:
    source, numbers = folder / "source", count()
    assert callable(put_file)

    def fresh() -> None:
        # Other bytes each time, in the page cache like a file that has just come.
        source.write_bytes(next(numbers).to_bytes(8, "big") + os.urandom(1_000_000) * (size // 1_000_000))

    def timed(work: object) -> float:
        assert callable(work)
        import statistics
        import time

        taken = []
        for _ in range(bench.times(5)):
            fresh()
            began = time.perf_counter()
            work()
            taken.append(time.perf_counter() - began)
        return size / 1e6 / statistics.median(taken)

    return {
        "ours": timed(lambda: put_file(source)),
        "copy": timed(lambda: _synced_write(folder / f"copy-{next(numbers)}", source)),
    }


def _synced_write(target: Path, content: bytes | Path) -> None:
    temporary = target.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    if isinstance(content, bytes):
        os.write(descriptor, content)
    else:
        with content.open("rb") as source:
            while sent := os.copy_file_range(source.fileno(), descriptor, 1 << 26):
                assert sent
    os.fsync(descriptor)
    os.close(descriptor)
    temporary.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


CASE = Case(name="put", title="Keeping objects", measure=measure)
