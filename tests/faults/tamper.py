"""Somebody with every right on the database changes history.

    python -m tests.faults tamper --count 1000 --seed 7 --json out.json

Each time a ledger with checkpoints, of which no head outside covers the last few events, is changed in one
way by raw SQL, with care: guards are put back, and columns, nodes and projections made to fit. Then
`audit.verify` must find it, or must have declared before that nobody outside covers those very events.
"""

import contextlib
import json
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
from sqlalchemy.exc import IntegrityError

from ropeway.core.canonical import canonical
from ropeway.core.ids import DatasetName, Digest, PersonId
from ropeway.core.merkle import grow, leaf_hash
from ropeway.keeping.audit.operations import verify_history
from ropeway.keeping.audit.records import AuditReport
from ropeway.labels.events import GuidePublished, RatingsImported
from ropeway.ledger.database import driver
from ropeway.ledger.database.sqlite_check import TRIGGERS
from ropeway.ledger.people import PersonIntroduced
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace, rooms
from ropeway.workspace.checkpoints import sign_head

EVENTS = 60
BACKUP_AT, COVERED = 30, 48
"""An old copy of the workspace has so many events; the last head that is outside covers so many."""
PEOPLE = tuple(PersonId(f"person_{number:02}") for number in range(20))


class Tampered(msgspec.Struct, kw_only=True):
    """What came of many tampers, by kind: found, declared beforehand, missed."""

    found: dict[str, int]
    declared: dict[str, int]
    missed: list[str]

    @property
    def table(self) -> str:
        """How each way of tampering ended, a line each."""
        return "\n".join(
            f"{name:<34} found {self.found[name]:>4}   declared {self.declared[name]:>4}"
            for name in self.found
        )


class Scene:
    """One tampered copy: the database by raw SQL, the workspace's files, and which events were touched."""

    def __init__(self, template: Path, folder: Path, rng: random.Random) -> None:
        shutil.copytree(template, folder, ignore=shutil.ignore_patterns("objects"))
        self.root, self.backup, self.rng = folder / "project", folder / "backup", rng
        self.home = self.root / ".ropeway"
        self.first: int | None = None
        self.cut = 0
        self._open()

    def _open(self) -> None:
        self.db = driver().connect(str(self.home / "ledger.db"), isolation_level=None)
        for name in [
            row[0] for row in self.db.execute("SELECT name FROM sqlite_master WHERE type='trigger'")
        ]:
            self.db.execute(f'DROP TRIGGER "{name}"')

    def close(self) -> None:
        """Cover the traces: the guards stand again."""
        for trigger in TRIGGERS:
            self.db.execute(trigger)
        self.db.close()

    def replay(self) -> None:
        """Make the projections anew from the events, so that they do not give it away."""
        self.close()
        # A forged history that cannot be replayed leaves the projections as they are.
        with LocalWorkspace(self.root, actor="mallory") as workspace, contextlib.suppress(IntegrityError):
            workspace.ledger.rebuild()
        self._open()

    def regrow(self) -> None:
        """Make the tree anew from the events."""
        records = [row[0] for row in self.db.execute("SELECT record FROM event ORDER BY seq")]
        self.db.execute("DELETE FROM tree")
        nodes = grow(0, [leaf_hash(record) for record in records], lambda _: [])
        self.db.executemany("INSERT INTO tree VALUES (?, ?)", nodes)

    def forget(self, size: int) -> None:
        """Remove every checkpoint over more events, from the database and from the workspace's file."""
        self.db.execute("DELETE FROM checkpoint WHERE size > ?", (size,))
        path = self.home / "heads" / "checkpoints"
        lines = [line for line in path.read_text().splitlines() if json.loads(line)["size"] <= size]
        path.write_text("".join(f"{line}\n" for line in lines))

    def any_seq(self, low: int = 2, high: int = EVENTS) -> int:
        """One of the events."""
        return self.rng.randint(low, high)

    def rewrite(
        self, seq: int, new_seq: int | None = None, *, columns: bool = True, **changes: object
    ) -> None:
        """Change fields of an event's record, and its columns with it."""
        record = json.loads(self.db.execute("SELECT record FROM event WHERE seq=?", (seq,)).fetchone()[0])
        record |= {"seq": new_seq or seq, **changes}
        self.db.execute("UPDATE event SET record=? WHERE seq=?", (canonical(record), seq))
        if columns:
            told = [record[name] for name in ("seq", "at", "actor", "subject")]
            self.db.execute("UPDATE event SET seq=?, at=?, actor=?, subject=? WHERE seq=?", (*told, seq))

    def truncate(self, last: int) -> None:
        """Take the events after `last` away, with payloads, nodes and projections."""
        self.db.execute(
            "DELETE FROM event_payload WHERE event_id IN (SELECT id FROM event WHERE seq > ?)", (last,)
        )
        self.db.execute("DELETE FROM event WHERE seq > ?", (last,))
        self.regrow()
        self.replay()
        self.first, self.cut = last + 1, EVENTS - last


def event_changed(scene: Scene) -> None:
    """The bytes alone."""
    scene.rewrite(scene.any_seq(), columns=False, actor="person_mallory")


def event_and_columns_changed(scene: Scene) -> None:
    """The bytes, the columns that tell the same, and the projections."""
    scene.rewrite(scene.any_seq(), actor="person_mallory")
    scene.replay()


def removed_in_the_middle(scene: Scene) -> None:
    """One event gone; a gap stays."""
    scene.db.execute("DELETE FROM event WHERE seq=?", (scene.any_seq(high=EVENTS - 1),))


def removed_and_renumbered(scene: Scene) -> None:
    """One event gone, and the ones after it moved up."""
    seq = scene.any_seq(high=EVENTS - 1)
    scene.db.execute("DELETE FROM event_payload WHERE event_id=(SELECT id FROM event WHERE seq=?)", (seq,))
    scene.db.execute("DELETE FROM event WHERE seq=?", (seq,))
    for after in range(seq + 1, EVENTS + 1):
        scene.rewrite(after, after - 1)
    _fit(scene)


def reordered(scene: Scene) -> None:
    """Two events that follow each other change places, numbers, and times."""
    seq = scene.any_seq(high=EVENTS - 1)
    times = [row[0] for row in scene.db.execute("SELECT at FROM event WHERE seq IN (?, ?)", (seq, seq + 1))]
    scene.rewrite(seq, 10**6, at=times[1])
    scene.rewrite(seq + 1, seq, at=times[0])
    scene.rewrite(10**6, seq + 1)
    _fit(scene)


def inserted(scene: Scene) -> None:
    """One event more, in the middle; the ones after it are moved down."""
    seq = scene.any_seq(high=EVENTS - 1)
    for after in range(EVENTS, seq, -1):
        scene.rewrite(after, after + 1)
    scene.db.execute(
        "INSERT INTO event SELECT ?, 'ev_forged', at, actor, verb, subject, record FROM event WHERE seq=?",
        (seq + 1, seq),
    )
    scene.rewrite(seq + 1, payload=None, id="ev_forged")
    _fit(scene)


def tail_truncated(scene: Scene) -> None:
    """The last events gone, wholly; the checkpoints over them stay."""
    scene.truncate(scene.any_seq(EVENTS - 20, EVENTS - 1))


def tail_truncated_with_checkpoints(scene: Scene) -> None:
    """The last events gone, and every checkpoint over them, in the database and in the workspace's file."""
    last = scene.rng.choice([COVERED, COVERED, scene.any_seq(COVERED - 15, EVENTS - 1)])
    scene.forget(last)
    scene.truncate(last)


def payload_changed(scene: Scene) -> None:
    """A value that an event committed to."""
    _any_row(scene, "UPDATE event_payload SET value = X'7b226e616d65223a2278227d'", "event_payload")


def payload_removed(scene: Scene) -> None:
    """A value gone, as if erased, with no erasure on record."""
    _any_row(scene, "DELETE FROM event_payload", "event_payload")


def projection_changed(scene: Scene) -> None:
    """A row of a table that answers questions."""
    if scene.rng.random() < 0.5:
        _any_row(scene, "UPDATE person SET name = 'mallory'", "person")
    else:
        _any_row(scene, "UPDATE edge SET relation = 'forged'", "edge")


def projection_row_removed(scene: Scene) -> None:
    """A row gone from a table that answers questions."""
    table = scene.rng.choice(["person", "edge"])
    _any_row(scene, f"DELETE FROM {table}", table)


def projection_row_added(scene: Scene) -> None:
    """A row more in a table that answers questions."""
    scene.db.execute("INSERT INTO edge VALUES ('run:1', 'made', ?, 1)", (f"model:{scene.rng.random()}",))


def node_changed(scene: Scene) -> None:
    """A node of the tree."""
    _any_row(scene, f"UPDATE tree SET hash = X'{scene.rng.randbytes(32).hex()}'", "tree")


def rebuilt_without_the_key(scene: Scene) -> None:
    """An event changed and everything made to fit, but for signatures, which stay as they are."""
    scene.rewrite(scene.any_seq(), actor="person_mallory")
    _fit(scene, always=True)


def rebuilt_and_heads_forgotten(scene: Scene) -> None:
    """As before, and every signature that would tell is removed where the tamperer can."""
    seq = scene.any_seq()
    scene.rewrite(seq, actor="person_mallory")
    _fit(scene, always=True)
    scene.forget(seq - 1)
    scene.first = seq


def checkpoint_removed(scene: Scene) -> None:
    """A checkpoint gone from the database; the workspace's file still has it."""
    _any_row(scene, "DELETE FROM checkpoint", "checkpoint")


def checkpoint_changed(scene: Scene) -> None:
    """Another number of events in a signed text."""
    size = scene.rng.choice([row[0] for row in scene.db.execute("SELECT size FROM checkpoint")])
    told = f"\n{size}\n", f"\n{size - 1}\n"
    scene.db.execute(
        "UPDATE checkpoint SET note = replace(note, ?, ?), size = ? WHERE size = ?", (*told, size - 1, size)
    )


def old_backup_put_back(scene: Scene) -> None:
    """The whole workspace as it was some time ago."""
    scene.db.close()
    shutil.rmtree(scene.home)
    shutil.copytree(scene.backup / ".ropeway", scene.home)
    scene._open()
    scene.first, scene.cut = BACKUP_AT + 1, EVENTS - BACKUP_AT


TAMPERS: tuple[Callable[[Scene], None], ...] = (
    event_changed,
    event_and_columns_changed,
    removed_in_the_middle,
    removed_and_renumbered,
    reordered,
    inserted,
    tail_truncated,
    tail_truncated_with_checkpoints,
    payload_changed,
    payload_removed,
    projection_changed,
    projection_row_removed,
    projection_row_added,
    node_changed,
    rebuilt_without_the_key,
    rebuilt_and_heads_forgotten,
    checkpoint_removed,
    checkpoint_changed,
    old_backup_put_back,
)


def build(folder: Path) -> AuditReport:
    """A ledger of events of several kinds and its checkpoints; gives what an audit says of it, unchanged."""
    rooms.load_projections()
    root, user = folder / "project", folder / "user"
    os.environ["ROPEWAY_CONFIG"] = str(user)
    kept = ""
    with make_workspace(root) as workspace:
        for number in range(EVENTS):
            with workspace.ledger.transaction() as transaction:
                transaction.append(_event(number), actor=PEOPLE[number % len(PEOPLE)])
            size = number + 1
            if size % 6 == 0:
                sign_head(workspace.ledger, workspace.home, user, lambda _: None)
            if size == BACKUP_AT:
                shutil.copytree(root, folder / "backup", ignore=shutil.ignore_patterns("objects"))
            if size == COVERED:
                [head] = user.rglob("*.head")
                kept = head.read_text()
        head.write_text(kept)
        return verify_history(workspace)


def attempt(template: Path, folder: Path, tamper: Callable[[Scene], None], rng: random.Random) -> str:
    """One tamper and its verdict: found, declared, or how it was missed."""
    os.environ["ROPEWAY_CONFIG"] = str(folder / "user")
    scene = Scene(template, folder, rng)
    tamper(scene)
    scene.close()
    with LocalWorkspace(scene.root, actor="auditor") as workspace:
        report = verify_history(workspace)
    if report.findings:
        return "found"
    if scene.first is None or scene.first <= COVERED:
        return f"{tamper.__name__} (events from {scene.first} on): not found, and not declared"
    # What is declared now and what was cut make up exactly what was declared before.
    if report.uncovered + scene.cut != EVENTS - COVERED:
        return f"{tamper.__name__}: {report.uncovered} events are declared, {scene.cut} were cut"
    return "declared"


def tamper_often(count: int, seed: int) -> Tampered:
    """Many tampers, each kind in turn."""
    account = Tampered(found={}, declared={}, missed=[])
    found: Counter[str] = Counter()
    declared: Counter[str] = Counter()
    before = os.environ.get("ROPEWAY_CONFIG")
    try:
        with tempfile.TemporaryDirectory(prefix="ropeway-tamper-") as scratch:
            template = Path(scratch) / "template"
            untouched = build(template)
            if untouched.findings or untouched.uncovered != EVENTS - COVERED:
                account.missed.append(f"a ledger that nobody touched: {untouched}")
            for number in range(count):
                tamper, folder = TAMPERS[number % len(TAMPERS)], Path(scratch) / str(number)
                verdict = attempt(template, folder, tamper, random.Random(f"{seed}/{number}"))
                shutil.rmtree(folder)
                found[tamper.__name__] += verdict == "found"
                declared[tamper.__name__] += verdict == "declared"
                if verdict not in ("found", "declared"):
                    account.missed.append(f"{number}: {verdict}")
    finally:
        os.environ.pop("ROPEWAY_CONFIG") if before is None else os.environ.update(ROPEWAY_CONFIG=before)
    account.found, account.declared = dict(found), dict(declared)
    return account


def _event(number: int) -> PersonIntroduced | GuidePublished | RatingsImported:
    """The first few are people; then guides, and ratings by them."""
    if number < len(PEOPLE):
        return PersonIntroduced(person=PEOPLE[number], name=f"person {number}")
    digest = Digest(f"{number:064}")
    if number % 2:
        return GuidePublished(name="mood", version=digest)
    return RatingsImported(
        labels="mood",
        ratings=digest,
        dataset=DatasetName("ratings"),
        dataset_version=Digest(f"{number + 1:064}"),
        guide="guide.md",
        guide_version=Digest(f"{number + 2:064}"),
        items=10,
        unrated=0,
        count=30,
        fewest=3,
        most=3,
        raters=3,
    )


def _fit(scene: Scene, *, always: bool = False) -> None:
    """Make nodes and projections fit, always or half the time."""
    if always or scene.rng.random() < 0.5:
        scene.regrow()
        scene.replay()


def _any_row(scene: Scene, statement: str, table: str) -> None:
    rows = [row[0] for row in scene.db.execute(f"SELECT rowid FROM {table}")]
    scene.db.execute(f"{statement} WHERE rowid = ?", (scene.rng.choice(rows),))
