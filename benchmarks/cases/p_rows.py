"""What walks through rows: adding a table, its full profile, and a diff of two versions; seconds and memory.

Each is a process of its own, so that its peak is its own; Python, polars and the rest that it imports are
taken off. A tenth of the rows is measured beside: what is flat stays, what is linear is a tenth.
"""

import random
import subprocess
import sys
from pathlib import Path

from benchmarks.bench import Bench, CaseFailed
from benchmarks.case import Case, Figure

ROWS = 1_000_000
WORK = """
import sys, time
from pathlib import Path
import polars
from ropeway.data.add import add
from ropeway.data.operations import diff, full_profile
from ropeway.workspace.opening import open_workspace
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
root, what = Path(sys.argv[1]), sys.argv[2]
with open_workspace(root) as workspace:
    polars.read_csv(b"a,b\\n1,2\\n")
    before, began = peak(), time.perf_counter()
    if what == "profile":
        full_profile(workspace, reference="table@1")
    elif what == "diff":
        diff(workspace, before="table@1", after="table@2")
    else:
        add(workspace, root / what, name="table", key=["id"])
    print(time.perf_counter() - began, peak() - before)
"""


def measure(bench: Bench) -> list[Figure]:
    rows = bench.times(ROWS, 2_000)
    small, large = _measured(bench, rows // 10), _measured(bench, rows)
    name = f"{rows:,} rows"
    return [
        figure
        for what, words, note in (
            ("first.csv", f"data add of a table of {name}", "read whole, and held against its contract"),
            ("profile", f"data profile of {name}", "one walk, piece by piece, into sketches"),
            ("diff", f"data diff of two versions of {name}", "every row has one value changed"),
        )
        for figure in (
            Figure(
                what=words,
                ours=large[what][0],
                unit="s",
                beside={f"{rows // 10:,} rows": small[what][0]},
                note=note,
            ),
            Figure(
                what=f"memory of {words}",
                ours=large[what][1],
                unit="MB",
                beside={f"{rows // 10:,} rows": small[what][1]},
                note="growth of the process's peak",
            ),
        )
    ]


def _measured(bench: Bench, rows: int) -> dict[str, tuple[float, float]]:
    """Seconds and megabytes of each kind of work."""
    root = bench.folder(f"rows-{rows}")
    (root / "ropeway.toml").write_text('[project]\nname = "rows"\n', encoding="utf-8")
    _write_table(root / "first.csv", rows, "old")
    _write_table(root / "second.csv", rows, "new")
    return {what: _done(root, what) for what in ("first.csv", "second.csv", "profile", "diff")}


def _done(root: Path, what: str) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(root), what], capture_output=True, check=False, text=True
    )
    if done.returncode:
        raise CaseFailed(f"{what}: {done.stderr[-2000:]}")
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes


def _write_table(path: Path, rows: int, word: str) -> None:
    chance = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write("id,city,amount,note\n")
        for number in range(rows):
            city, amount = chance.choice(("Bern", "Rome", "Oslo", "Kyiv")), chance.random() * 1000
            file.write(f"{number},{city},{amount:.2f},{word} note {number % 1000}\n")


CASE = Case(name="rows", title="Walking through a million rows", measure=measure)
