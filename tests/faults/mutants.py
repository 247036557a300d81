"""Do our tests have teeth? Twenty faults seeded into our own code, one at a time: tests must catch them.

Each is a replacement of text in a copy of `src/`; the tests that ought to notice are run on the copy, and
one of them must fail. A fault whose text is gone has to be written anew, with the code that moved.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

HERE = Path(__file__).resolve().parents[2]
SOURCE = HERE / "src"
SECONDS = 600
FAILED = 1
"""Pytest's exit code when a test failed."""
TIMED_OUT = 124


class Edit(NamedTuple):
    """In which room, what stands there, and what shall stand there."""

    room: str
    old: str
    new: str


class Mutant(NamedTuple):
    """One fault: in which room, what stands there, what shall stand there, and who ought to notice.

    `also` takes away what else stops the same, where one defence stands behind another.
    """

    name: str
    room: str
    old: str
    new: str
    tests: tuple[str, ...]
    also: tuple[Edit, ...] = ()

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All that is changed."""
        return (Edit(self.room, self.old, self.new), *self.also)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a fault was caught, and by which test first."""

    name: str
    room: str
    caught: bool
    by: str = ""
    problem: str = ""


SYNCED = "tests/faults/test_calls.py::test_nothing_is_acknowledged_before_it_is_synced"
MUTANTS = (
    Mutant(
        "a published file is not synced",
        "store",
        "    if durable:\n        os.fsync(descriptor)",
        "    pass",
        (f"{SYNCED}[put]",),
    ),
    Mutant(
        "the folder of a published file is not synced",
        "store",
        "        sync_folder(target.parent)",
        "        pass",
        (f"{SYNCED}[put]",),
    ),
    Mutant(
        "commits do not wait for the disk",
        "ledger",
        "PRAGMA synchronous=FULL",
        "PRAGMA synchronous=NORMAL",
        (f"{SYNCED}[transaction]",),
    ),
    Mutant(
        "a flushed segment is not synced",
        "store",
        "os.fsync(self._descriptor)",
        "pass",
        (f"{SYNCED}[flush]",),
    ),
    Mutant(
        "what a read gives is not held against its digest",
        "store",
        "        found = digest_bytes(data)\n        if found != digest:",
        "        found = digest_bytes(data)\n        if not found:",
        ("tests/store/test_objects.py", "tests/faults/test_damage.py"),
    ),
    Mutant(
        "a file handed out is not held against its digest",
        "store",
        "            found = digest_file(path)\n            if found != digest:",
        "            found = digest_file(path)\n            if not found:",
        ("tests/store/test_objects.py", "tests/faults/test_damage.py"),
    ),
    Mutant(
        "a tree may name a place outside of its folder",
        "store",
        '    return not ({"", ".", ".."} & set(parts)',
        '    return not ({"", "."} & set(parts)',
        ("tests/store/test_objects.py",),
    ),
    Mutant(
        "a full disk is passed over in silence",
        "store",
        "            with in_our_words(self.path.parent):\n                raise\n",
        "            pass\n",
        ("tests/store/test_segments.py",),
    ),
    Mutant(
        "a torn record is taken for whole",
        "store",
        "        if len(payload) < length or zlib.crc32(payload) != crc:\n            break",
        "        if not payload:\n            break",
        ("tests/store/test_segments.py",),
    ),
    Mutant(
        "nobody holds the lock of a segment",
        "store",
        "            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "            pass",
        (
            "tests/store/test_segments.py",
            "tests/predictions/test_segments.py",
            "tests/tracking/test_recover.py",
        ),
    ),
    Mutant(
        "history runs backwards with the clock",
        "ledger",
        "max(now, self._at)",
        "now",
        ("tests/ledger/test_journal.py",),
    ),
    Mutant(
        "a newer format is opened",
        "ledger",
        "> FORMAT:",
        "> FORMAT + 1_000:",
        ("tests/faults/test_damage.py",),
    ),
    Mutant(
        "who was taken for dead writes on",
        "workspace",
        "if self._fence is not None:",
        "if self._fence == 0:",
        ("tests/workspace/test_lease.py",),
    ),
    Mutant(
        "a caller without the permission is let in",
        "workspace",
        "            raise PermissionDenied(operation.name, operation.permission)",
        "            pass",
        ("tests/workspace/test_operation.py",),
    ),
    Mutant(
        "a key answers another question",
        "workspace",
        "if (row.operation, row.arguments) != (operation.name, asked):",
        "if row.operation == '':",
        ("tests/workspace/test_operation.py", "tests/server/test_app.py"),
    ),
    Mutant(
        "who trained it may approve it",
        "models",
        'if did and context.project.project.approval != "self":',
        "if did is None:",
        ("tests/models/test_registry.py::test_the_proposer_may_not_approve_and_another_may",),
    ),
    Mutant(
        "evidence that is stale will do",
        "models",
        "    if not registry.was_live_in(context.read, version, environment):\n        require_fresh",
        "    if environment == '':\n        require_fresh",
        ("tests/models/test_judgement.py::test_a_bar_raised_after_the_gate_stops_approval_and_promotion",),
    ),
    Mutant(
        "a step's key leaves its parameters out",
        "pipelines",
        """params={name: f"{type(value).__name__} {value!r}" for name, value in params.items()}""",
        "params={}",
        ("tests/pipelines/test_run.py", "tests/pipelines/test_command.py"),
    ),
    Mutant(
        "fsck does not hold payloads against what was committed to",
        "keeping",
        "commitment(plain_bytes(row.nonce), plain_bytes(row.value)) != committed",
        "committed == ''",
        ("tests/faults/test_damage.py::test_a_name_changed_behind_the_ledgers_back_is_found",),
    ),
    Mutant(
        "any host that a request names is this one",
        "serving",
        "        raise Misdirected(host[:80])",
        "        pass",
        ("tests/serving/test_door.py::test_a_host_that_is_not_loopback_is_refused_for_every_method",),
    ),
)


def misplaced(mutant: Mutant) -> str:
    """Why a fault cannot be seeded; empty when it can."""
    for edit in mutant.edits:
        found = sum(text.count(edit.old) for text in _texts(SOURCE, edit).values())
        if found != 1:
            return f"'{mutant.name}': its text is in ropeway/{edit.room} {found} times, not once"
    missing = [test for test in mutant.tests if not (HERE / test.partition("::")[0]).exists()]
    return f"'{mutant.name}': {missing[0]} is not there" if missing else ""


def _texts(source: Path, edit: Edit) -> dict[Path, str]:
    """The files of the edit's room that have its text, wherever in the room it has moved to."""
    files = (source / "ropeway" / edit.room).rglob("*.py")
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    return {path: text for path, text in texts.items() if edit.old in text}


def seed_faults(
    folder: Path, mutants: Sequence[Mutant] = MUTANTS, progress: Callable[[Outcome], None] | None = None
) -> list[Outcome]:
    """Try each fault. The test that caught one must pass without it, or nothing was caught."""
    folder.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for mutant in mutants:
        outcomes.append(_try(mutant, folder))
        if progress is not None:
            progress(outcomes[-1])
    return outcomes


def _try(mutant: Mutant, folder: Path) -> Outcome:
    problem = misplaced(mutant)
    if problem:
        return Outcome(name=mutant.name, room=mutant.room, caught=False, problem=problem)
    copy = folder / "src"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for edit in mutant.edits:
        for path, text in _texts(copy, edit).items():
            path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
    code, said = _run_tests(copy, mutant.tests, folder)
    by = next((line.split(" ")[1] for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))), "")
    if code not in (0, FAILED):
        problem = f"'{mutant.name}': the tests ended with {code}:\n{said[-2_000:]}"
    elif by and _run_tests(SOURCE, [by if by.endswith("]") else by.partition("[")[0]], folder)[0] != 0:
        problem = f"'{mutant.name}': {by} fails without it as well"
    is_caught = code == FAILED and bool(by) and not problem
    return Outcome(name=mutant.name, room=mutant.room, caught=is_caught, by=by, problem=problem)


def _run_tests(source: Path, tests: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run tests on a source; they import it, and so do the processes that they start."""
    path = os.pathsep.join([str(source), str(HERE)])
    words = ["-q", "-x", "-p", "no:cacheprovider", f"--basetemp={folder / 'tests'}"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words, *tests],
            cwd=HERE,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return TIMED_OUT, f"they did not end within {SECONDS} s"
    return done.returncode, done.stdout + done.stderr
