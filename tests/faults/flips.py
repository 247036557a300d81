"""Bits that flip: one at a time, anywhere in a workspace; found, and never handed out.

    python -m tests.faults.flips --count 1000 --seed 7 --json out.json

Each flip is one bit of one file: pages of the database, its log after a checkpoint, objects, trees, spools.
A flip in the database counts as data when any row of any table is another one afterwards, or cannot be read;
else it hit free pages or slack, which nothing reads. A flip in the log makes SQLite end it there: the state
before is whole, and only a head that was kept outside (the tamper evidence) tells that there was more; such
flips are counted apart. Not covered without it either: a field of an event's record that still reads and that
no table shows. Everything is put back before the next flip.
"""

import argparse
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from benchmarks.machine import describe

from ropeway.core.errors import Damaged, RopewayError
from ropeway.core.ids import Digest, RunId, new_id
from ropeway.data.add import add
from ropeway.keeping.operations import fsck
from ropeway.ledger.database import driver
from ropeway.testing import make_workspace
from ropeway.tracking.spool import Point, Spool, now_us
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

KINDS = ("database", "log", "object", "tree", "spool")
AIMED = 0.5
TREE = b'{"entries":'


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """One flip: where, whether it touched data, whether it was found and by what, what was handed out."""

    kind: str
    file: str
    byte: int
    bit: int
    touches_data: bool
    found: bool
    found_by: str
    handed_out: int
    cuts_tail: bool = False
    """The log ends earlier now: what is left is a whole, older state, which only a head outside can tell."""


class Flips(msgspec.Struct, frozen=True, kw_only=True):
    """What came of them."""

    seed: int
    machine: dict[str, object]
    flips: list[Flip]

    @property
    def missed(self) -> list[Flip]:
        """Those that changed data unnoticed, or of which bytes were handed out."""
        unseen = [flip for flip in self.flips if flip.touches_data and not (flip.found or flip.cuts_tail)]
        return [*unseen, *(flip for flip in self.flips if flip.handed_out)]


def run_flips(
    folder: Path,
    *,
    count: int,
    seed: int,
    kinds: Sequence[str] = KINDS,
    progress: Callable[[Flip], None] | None = None,
) -> Flips:
    """Flip so many bits, spread over the kinds of files by turns; every aim follows from the seed."""
    chance = random.Random(seed)
    root = folder / "project"
    _lay_out(root)
    pristine = folder / "pristine"
    shutil.copytree(root / ".ropeway", pristine)
    done = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        flip = _flip(root, pristine, kind, chance)
        if flip is not None:
            done.append(flip)
            if progress is not None:
                progress(flip)
    return Flips(seed=seed, machine=describe(), flips=done)


def table(flips: Flips) -> str:
    """What was flipped, found and missed, by kind of file."""
    lines = [
        f"{'kind':<10}{'flips':>8}{'no data':>9}{'found':>8}{'tail cut':>10}{'missed':>8}{'handed out':>12}"
    ]
    for kind in KINDS:
        of = [flip for flip in flips.flips if flip.kind == kind]
        quiet = sum(not flip.touches_data for flip in of)
        found = sum(flip.touches_data and flip.found for flip in of)
        out = sum(flip.handed_out for flip in of)
        cut = sum(flip.cuts_tail and not flip.found for flip in of)
        missed = len(of) - quiet - found - cut
        lines.append(f"{kind:<10}{len(of):>8}{quiet:>9}{found:>8}{cut:>10}{missed:>8}{out:>12}")
    by = Counter(flip.found_by for flip in flips.flips if flip.found and flip.touches_data)
    return "\n".join([*lines, "found by: " + ", ".join(f"{name} {many}" for name, many in by.most_common())])


def _lay_out(root: Path) -> None:
    """A small workspace with every kind of file in it; its log stays beside the database."""
    with make_workspace(root, files={"train.py": "loss = 1\n", "notes.txt": "so\n"}) as workspace:
        for number in range(4):
            path = root / "rows.csv"
            path.write_text("id,said\n" + "".join(f"{n},{n * number}\n" for n in range(200)))
            add(workspace, path, name="rows")
        for number in range(3):
            with start_run(workspace, name=f"run {number}", params={"c": number}) as run:
                run.log(number, loss=1 / (number + 1))
                run.artifact("model.bin", random.Random(number).randbytes(20_000))
        spool = Spool(workspace.home, RunId(new_id("run")))
        for step in range(50):
            spool.write(Point(now_us(), step, {"loss": step / 7}))
        spool.flush()
        database = workspace.home / "ledger.db"
        # As a kill after a checkpoint leaves it: everything in the database, and the log not yet cleared.
        with workspace.ledger.reading():
            connection = driver().connect(database)
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            connection.close()
            log = (root / ".ropeway" / "ledger.db-wal").read_bytes()
        spool.let_go()
    (root / ".ropeway" / "ledger.db-wal").write_bytes(log)


def _flip(root: Path, pristine: Path, kind: str, chance: random.Random) -> Flip | None:
    home = root / ".ropeway"
    path = chance.choice(_files(pristine, kind))
    size = path.stat().st_size
    if size == 0:
        return None
    content = path.read_bytes()
    # Most of a small database is empty pages: there every second flip is aimed at bytes that are not zero.
    written = [at for at in range(size) if content[at]] if chance.random() < AIMED else range(size)
    byte, bit = chance.choice(written), chance.randrange(8)
    target = home / path.relative_to(pristine)
    names = ("ledger.db",) if kind == "database" else ("ledger.db", "ledger.db-wal")
    rows = _rows(pristine, names) if kind in ("database", "log") else None
    _lay_back(pristine, home)
    if kind == "database":
        # Its log holds newer copies of the same pages, which would hide the flip.
        (home / "ledger.db-wal").unlink()
    target.chmod(0o600)
    data = bytearray(target.read_bytes())
    data[byte] ^= 1 << bit
    target.write_bytes(data)
    now = None if rows is None else _rows(home, names)
    touches = kind not in ("database", "log") or now != rows
    found_by, handed_out = _look(root, target if kind in ("object", "tree") else None)
    _lay_back(pristine, home)
    return Flip(
        kind=kind,
        file=str(path.relative_to(pristine)),
        byte=byte,
        bit=bit,
        touches_data=touches,
        found=bool(found_by),
        found_by=found_by,
        handed_out=handed_out,
        cuts_tail=kind == "log" and _is_cut(now, rows),
    )


def _is_cut(now: dict[str, list[str]] | None, before: dict[str, list[str]] | None) -> bool:
    """Whether the events are the first ones of what they were, or none at all."""
    if now is None or before is None:
        return False
    events, all_events = set(now.get("event", [])), set(before["event"])
    return events < all_events


def _files(home: Path, kind: str) -> list[Path]:
    if kind == "database":
        return [home / "ledger.db"]
    if kind == "log":
        return [home / "ledger.db-wal"]
    if kind == "spool":
        return sorted((home / "spool").glob("*.segment"))
    objects = sorted(path for path in (home / "objects").rglob("*") if path.is_file())
    return [path for path in objects if path.read_bytes().startswith(TREE) == (kind == "tree")]


def _lay_back(pristine: Path, home: Path) -> None:
    shutil.rmtree(home)
    shutil.copytree(pristine, home)


def _rows(home: Path, names: tuple[str, ...]) -> dict[str, list[str]] | None:
    """Every row of every table, read from a copy; None where they cannot be read."""
    module = driver()
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            if (home / name).exists():
                shutil.copyfile(home / name, Path(scratch) / name)
        try:
            connection = module.connect(Path(scratch) / "ledger.db")
            try:
                tables = [
                    row[0]
                    for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                ]
                return {
                    name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}" NOT INDEXED')))
                    for name in tables
                }
            finally:
                connection.close()
        except (module.Error, sqlite3.Error, UnicodeDecodeError):
            return None


def _look(root: Path, hurt: Path | None) -> tuple[str, int]:
    """What finds it, in a word; and how many wrong bytes the store handed out."""
    handed_out = 0
    try:
        with LocalWorkspace(root, actor="ana") as workspace:
            if hurt is not None:
                digest = Digest(hurt.parent.name + hurt.name)
                for ask in (workspace.store.read, lambda each: workspace.store.open_path(each).read_bytes()):
                    try:
                        handed_out += len(ask(digest))
                    except Damaged:
                        continue
            findings = fsck(workspace).findings
        return (" ".join(findings[0].what.split()[:3]) if findings else ""), handed_out
    except RopewayError as error:
        return error.code, handed_out
    # Anything else still stops before wrong data, and is counted under its own name.
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}!", handed_out


def main() -> int:
    """Flip, print the table; the exit code is 1 when anything was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.flips", description="Flip bits.")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", action="append", choices=KINDS, help="a kind of file; repeatable")
    parser.add_argument("--json", type=Path, help="where the account goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ropeway-flips-") as scratch:
        flips = run_flips(Path(scratch), count=options.count, seed=options.seed, kinds=options.only or KINDS)
    print(table(flips))
    for flip in flips.missed:
        print(f"  ! {flip}")
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(flips), indent=1))
    return 1 if flips.missed else 0


if __name__ == "__main__":
    sys.exit(main())
