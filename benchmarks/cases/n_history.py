"""Reading a million sealed predictions back: one day, all of them, one by its id; and sealing them."""

import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from ropeway.predictions.history import predictions
from ropeway.predictions.identity import new_replica, segment_name
from ropeway.predictions.record import PREDICTIONS, PredictionRecord, SegmentHeader, find_in
from ropeway.predictions.seal import seal
from ropeway.store import SegmentWriter, read_segment
from ropeway.story.usage import usage_by_version
from ropeway.testing import make_workspace

DAYS, PER_HOUR = 30, 1_389
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WORDS = 12

# In a process of its own, so that what it took is known: resident at its peak, less what it was before.
READER = """
import sys
from datetime import datetime, timedelta
from pathlib import Path
import polars
from ropeway.predictions.history import predictions

def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024

begin = datetime.fromisoformat(sys.argv[2]) if sys.argv[2] != "-" else None
before = peak()
predictions(Path(sys.argv[1]), since=begin, until=begin and begin + timedelta(days=1))
print(peak() - before)
"""


def measure(bench: Bench) -> list[Figure]:
    days = bench.times(DAYS, 1)
    with make_workspace(bench.folder("history") / "project") as workspace:
        home = workspace.home
        count = _write(home, days)
        logged_mb, objects_ms = _size_mb(home / PREDICTIONS), _as_objects_ms(home)
        began = time.perf_counter()
        seal(workspace)
        sealing = count / (time.perf_counter() - began)
        day = BEGIN + (days - 1) * DAY
        wanted = predictions(home, since=day, until=day + timedelta(hours=1))["id"][count // days // 48]
        times = bench.times(5)
        one_ms = bench.median_ms(lambda: find_in(home, wanted), times=bench.times(50))
        day_ms = bench.median_ms(lambda: predictions(home, since=day, until=day + DAY), times=times)
        all_ms = bench.median_ms(lambda: predictions(home), times=times)
        use_ms = bench.median_ms(lambda: usage_by_version(home), times=times)
        kept_mb = _size_mb(home / "objects")
        day_mb, all_mb = _memory_mb(bench, home, day.isoformat()), _memory_mb(bench, home, "-")
    beside: dict[str, float | str] = {"one object a record, from open segments": objects_ms}
    of = f"of {count:,} in {days} days"
    return [
        Figure(what=f"one day {of}", ours=day_ms, unit="ms", beside={}),
        Figure(what=f"all {count:,}", ours=all_ms, unit="ms", beside=beside),
        Figure(what=f"use by version, {count:,}", ours=use_ms, unit="ms", beside={}),
        Figure(what=f"one by its id, {of}", ours=one_ms, unit="ms", beside={}),
        Figure(what="memory for one day", ours=day_mb, unit="MB", beside={}, note="peak, beyond polars' own"),
        Figure(what="memory for all", ours=all_mb, unit="MB", beside={}, note="peak, beyond polars' own"),
        Figure(what="on disk, sealed", ours=kept_mb, unit="MB", beside={"as logged": logged_mb}),
        Figure(
            what="sealing",
            ours=sealing,
            unit="records/s",
            beside={},
            higher_is_better=True,
            note="hourly segments; with the look, record by record, before a file is removed",
        ),
    ]


def _write(home: Path, days: int) -> int:
    """A segment for each hour, as a serving process leaves them."""
    draw, encode = random.Random(1), msgspec.json.Encoder().encode
    words = [f"word{number}" for number in range(5_000)]
    header = SegmentHeader(
        kind="predictions",
        replica=new_replica(),
        segment=0,
        started_at=BEGIN,
        host="bench",
        process=1,
        ropeway="0",
        environment="production",
    )
    for hour in range(days * 24):
        mine = msgspec.structs.replace(header, segment=hour + 1)
        writer = SegmentWriter(home / PREDICTIONS / segment_name(mine.replica, mine.segment), encode(mine))
        for number in range(PER_HOUR):
            chance = draw.random()
            record = PredictionRecord(
                at=BEGIN + timedelta(hours=hour, seconds=3_600 * number / PER_HOUR),
                model=f"m@{1 + hour // 360}",
                inputs={"text": " ".join(draw.choices(words, k=WORDS))},
                prediction="yes" if chance > 0.5 else "no",
                probabilities={"no": 1 - chance, "yes": chance},
                latency_us=draw.randrange(300, 900),
                entity=f"c{draw.randrange(20_000)}",
            )
            writer.append(encode(record))
        writer.close()
    return days * 24 * PER_HOUR


def _as_objects_ms(home: Path) -> float:
    """One object made of each record, as a loop over the log would."""
    decode, began = msgspec.json.Decoder(PredictionRecord).decode, time.perf_counter()
    for path in (home / PREDICTIONS).glob("*.seg"):
        for record in read_segment(path).records:
            decode(record)
    return (time.perf_counter() - began) * 1e3


def _size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def _memory_mb(bench: Bench, home: Path, begin: str) -> float:
    script = bench.folder("reader") / "reader.py"
    script.write_text(READER, encoding="utf-8")
    command = [sys.executable, str(script), str(home), begin]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


CASE = Case(name="history", title="Predictions read back", measure=measure)
