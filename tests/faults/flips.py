"""Bits that flip: one at a time, anywhere in a workspace; found, and never handed out.

    python -m tests.faults flips --count 1000 --seed 7 --json out.json

Each flip is one bit of one file: pages of the database, its log after a checkpoint, objects, trees, packs,
spools. Of files of the store and spools every bit counts. In the database a flip counts unless a logical dump
(`tests.faults.dump`) is the same before and after: then it hit what nothing reads, free pages, padding, and
words of the schema that say nothing. Two things are declared and need not be found: a lease, which is no
history and runs out by itself, and what opening has put right by then, every row of every table: the mark by
which tables of another release are known, for one. Everything is put back before the next flip.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from tests.faults.dump import Dump, dump_of

from ropeway.core.errors import Damaged, RopewayError
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest, RunId, new_id
from ropeway.data.add import add
from ropeway.keeping.holds import Hold
from ropeway.keeping.operations import fsck, place_hold
from ropeway.ledger.database import driver
from ropeway.store import read_segment
from ropeway.store.errors import SegmentDamaged
from ropeway.testing import make_workspace
from ropeway.tracking.spool import Spool
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace, open_workspace

KINDS = ("database", "log", "object", "tree", "pack", "spool")
OF_THE_LEDGER = ("database", "log")
AIMED = 0.5
TREE = b'{"entries":'
KEY, HOLD = "a request that may come again", {"subject": "dataset:rows", "reason": "claim 7"}


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
    declared: str = ""
    """Why nothing has to find it, said beforehand; empty for nearly all."""

    @property
    def is_missed(self) -> bool:
        """Whether it changed data unnoticed, or bytes of it were handed out."""
        return bool(self.handed_out) or (self.touches_data and not self.found and not self.declared)


class Flips(msgspec.Struct, frozen=True, kw_only=True):
    """What came of them."""

    flips: list[Flip]

    @property
    def missed(self) -> list[Flip]:
        """Those that must not be."""
        return [flip for flip in self.flips if flip.is_missed]


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
    answer = _lay_out(root)
    pristine = folder / "pristine"
    shutil.copytree(root / ".ropeway", pristine)
    known = _Known(pristine, answer)
    done = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        flip = _flip(root, pristine, kind, chance, known)
        if flip is not None:
            done.append(flip)
            if progress is not None:
                progress(flip)
    return Flips(flips=done)


def table(flips: Flips) -> str:
    """What was flipped, found and missed, by kind of file."""
    heads = ("flips", "no data", "found", "declared", "missed", "handed out")
    lines = ["kind".ljust(10) + "".join(f"{head:>12}" for head in heads)]
    for kind in KINDS:
        of = [flip for flip in flips.flips if flip.kind == kind]
        counts = (
            len(of),
            sum(not flip.touches_data for flip in of),
            sum(flip.touches_data and flip.found for flip in of),
            sum(bool(flip.declared) for flip in of),
            sum(flip.is_missed for flip in of),
            sum(flip.handed_out for flip in of),
        )
        lines.append(kind.ljust(10) + "".join(f"{count:>12}" for count in counts))
    by = Counter(flip.found_by for flip in flips.flips if flip.found and flip.touches_data)
    return "\n".join([*lines, "found by: " + ", ".join(f"{name} {many}" for name, many in by.most_common())])


def _lay_out(root: Path) -> Hold:
    """A small workspace with every kind of file in it; its log stays beside the database."""
    make_workspace(root, files={"train.py": "loss = 1\n", "notes.txt": "so\n"}).close()
    folder = root / "pictures"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}.raw").write_bytes(random.Random(number).randbytes(3_000))
    with open_workspace(root, actor="ana") as workspace:
        for number in range(4):
            path = root / "rows.csv"
            path.write_text("id,said\n" + "".join(f"{n},{n * number}\n" for n in range(200)))
            add(workspace, path, name="rows")
        workspace.store.put_folder(folder)
        for number in range(3):
            with start_run(workspace, name=f"run {number}", params={"c": number}) as run:
                run.log(number, loss=1 / (number + 1))
                run.artifact("model.bin", random.Random(number).randbytes(20_000))
        answer = workspace.perform(place_hold, HOLD, KEY)
        spool = Spool(workspace.home, RunId(new_id("run")))
        for step in range(50):
            spool.write_point(step, {"loss": step / 7})
        spool.flush()
        workspace.checkpoint()
        database = workspace.home / "ledger.db"
        # As a kill after a checkpoint leaves it: everything in the database, and the log not yet cleared.
        with workspace.ledger.reading():
            connection = driver().connect(database)
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            connection.close()
            log = (root / ".ropeway" / "ledger.db-wal").read_bytes()
        spool.let_go()
    (root / ".ropeway" / "ledger.db-wal").write_bytes(log)
    return answer


class _Known:
    """What is true of the workspace before anything is done to it."""

    def __init__(self, pristine: Path, answer: Hold) -> None:
        self.home = pristine
        self.dumps = {
            "database": dump_of(pristine, ("ledger.db",)),
            "log": dump_of(pristine, ("ledger.db", "ledger.db-wal")),
        }
        self.answer = answer
        self.records = {path.name: read_segment(path).records for path in _files(pristine, "spool")}


def _flip(root: Path, pristine: Path, kind: str, chance: random.Random, known: _Known) -> Flip | None:
    home = root / ".ropeway"
    path = chance.choice(_files(pristine, kind))
    content = bytearray(path.read_bytes())
    if not content:
        return None
    # Most of a small database is empty pages: there every second flip is aimed at bytes that are not zero.
    is_aimed = chance.random() < AIMED
    byte = chance.choice([at for at in range(len(content)) if content[at] or not is_aimed])
    bit = chance.randrange(8)
    _lay_back(pristine, home)
    if kind == "database":
        # Its log holds newer copies of the same pages, which would hide the flip.
        (home / "ledger.db-wal").unlink()
    target = home / path.relative_to(pristine)
    content[byte] ^= 1 << bit
    # Beside it and not into it: what lies in the store is one file here and there.
    target.unlink()
    target.write_bytes(content)
    before, now = known.dumps.get(kind), None
    if kind in OF_THE_LEDGER:
        now = dump_of(home, ("ledger.db",) if kind == "database" else ("ledger.db", "ledger.db-wal"))
    touches = kind not in OF_THE_LEDGER or now != before
    found_by, handed_out = _look(root, known)
    return Flip(
        kind=kind,
        file=str(path.relative_to(pristine)),
        byte=byte,
        bit=bit,
        touches_data=touches,
        found=bool(found_by),
        found_by=found_by,
        handed_out=handed_out,
        declared="" if found_by or not touches else _declared(now, before, home),
    )


def _declared(now: Dump | None, before: Dump | None, home: Path) -> str:
    """Which exception it falls under, if any."""
    if now is None or before is None:
        return ""
    changed = {name for name in before.keys() | now.keys() if now.get(name) != before.get(name)}
    if changed <= {"lease", "index sqlite_autoindex_lease_1"}:
        return "a lease"
    after = dump_of(home, ("ledger.db", "ledger.db-wal")) or {}
    # A row that is written anew may stand elsewhere in its table.
    tables = {name for name in before if f"columns of {name}" in before}
    return "put right" if all(after.get(name) == before[name] for name in tables) else ""


def _files(home: Path, kind: str) -> list[Path]:
    if kind == "database":
        return [home / "ledger.db"]
    if kind == "log":
        return [home / "ledger.db-wal"]
    if kind == "spool":
        return sorted((home / "spool").glob("*.segment"))
    if kind == "pack":
        return sorted((home / "packs").glob("*.pack"))
    objects = sorted(path for path in (home / "objects").rglob("*") if path.is_file())
    return [path for path in objects if path.read_bytes().startswith(TREE) == (kind == "tree")]


def _lay_back(pristine: Path, home: Path) -> None:
    """As it was; what nothing writes in place is there twice by name and once in bytes."""
    shutil.rmtree(home)
    for path in sorted(pristine.rglob("*")):
        there = home / path.relative_to(pristine)
        if path.is_dir():
            there.mkdir(parents=True)
        elif path.relative_to(pristine).parts[0] in ("objects", "packs"):
            os.link(path, there)
        else:
            shutil.copy2(path, there)


def _look(root: Path, known: _Known) -> tuple[str, int]:
    """What finds it, in a word; and how many wrong bytes were handed out meanwhile."""
    handed_out = 0
    try:
        with LocalWorkspace(root, actor="ana") as workspace:
            findings = fsck(workspace).findings
            handed_out = _handed_out(workspace, known)
        return (_word(findings[0].what) if findings else ""), handed_out
    except RopewayError as error:
        return error.code, handed_out
    # Anything else still stops before wrong data, and is counted under its own name.
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}!", handed_out


def _word(what: str) -> str:
    """A finding without what differs from one to the next."""
    return " ".join(word for word in what.split()[:8] if word.isalpha())


def _handed_out(workspace: LocalWorkspace, known: _Known) -> int:
    """Ask for everything: objects in both ways, records of spools, the answer to a repeated request."""
    wrong = 0
    for digest in list(workspace.store.digests()):
        for ask in (workspace.store.read, lambda each: workspace.store.open_path(each).read_bytes()):
            wrong += _wrong_bytes(ask, digest)
    for path in _files(workspace.home, "spool"):
        try:
            wrong += sum(
                len(each) for each in read_segment(path).records if each not in known.records[path.name]
            )
        except SegmentDamaged:
            continue
    return wrong + _wrong_answer(workspace, known)


def _wrong_answer(workspace: LocalWorkspace, known: _Known) -> int:
    """The command of before, under its key: answered as the first time, refused, or done anew."""
    try:
        answer = workspace.perform(place_hold, HOLD, KEY)
    except RopewayError:
        return 0
    is_same = answer == known.answer or answer.hold != known.answer.hold
    return 0 if is_same else len(msgspec.json.encode(answer))


def _wrong_bytes(ask: Callable[[Digest], bytes], digest: Digest) -> int:
    try:
        data = ask(digest)
    except (Damaged, OSError):
        return 0
    return 0 if digest_bytes(data) == digest else len(data)
