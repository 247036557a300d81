"""Failing the n-th call to the disk, for n = 1, 2, 3 … until an operation passes with none left to fail.

Whatever fails, the state is that of before or after, the error is one of ours with a next step, nothing is
acknowledged that was not synced, and the same command succeeds once the disk is sound again.

Every try forks from one process that has imported everything and started no thread. A project is prepared
once an operation, and copied for each try, so that the n-th call is the same one each time.
"""

import errno
import importlib
import mmap
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from tests.faults.catalogue import OPERATIONS
from tests.faults.interposer import BY_DESCRIPTOR, SYNCS, Call, supervised
from tests.faults.oracle import problems_after
from tests.faults.story import Story

from ropeway.core.errors import RopewayError
from ropeway.workspace import LocalWorkspace

TRIED = (
    "first opening",
    "ledger transaction",
    "store.put",
    "data add",
    "run.log, flush",
    "tracked run",
    "pipeline run",
    "approve, promote",
)
TOKEN = "tried"
MEMORY = Path("/dev/shm")
Fault = Literal["EIO", "ENOSPC"]
FAULTS: tuple[Fault, ...] = ("EIO", "ENOSPC")
"""EIO fails one call; ENOSPC fails it and every later one that takes space, as a full disk does."""
CLEAR = {
    "EIO": {"disk-failing", "ledger-disk-failing", "ledger-busy", "ledger-damaged"},
    "ENOSPC": {"disk-full", "out-of-space", "ledger-disk-failing", "ledger-busy"},
}
"""The codes with which each may be told."""


NOT_RESTED_UPON = ("/ledger.db", ".ropeway")
"""The database is synced when its journal is written back into it: a commit rests on the journal alone. That
SQLite overlooks a failed sync of the folder costs a new journal its name on few file systems, not on ext4."""


FREE_TO_VANISH = (".ropeway/cache", ".ropeway/tmp", ".ropeway/ledger.db-shm")
"""What nothing acknowledged rests on."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """How a child took it: what it acknowledged, or the error that it raised."""

    acknowledged: bool = False
    code: str = ""
    trace: str = ""


class Failing(msgspec.Struct, frozen=True, kw_only=True):
    """One failed call and what came of it."""

    operation: str
    fault: Fault
    number: int
    call: str
    path: str
    said: str
    problems: list[str]


class Failed(NamedTuple):
    """A call that was failed, and whether the work had been acknowledged before it."""

    call: Call
    is_after: bool


class Bench:
    """One operation, prepared once, to be tried with one failing call after the other.

    Args:
        name: the operation's name in the catalogue.
        folder: an empty folder of its own.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._sound, self._tried = folder / "sound", folder / "tried"
        self._answers = folder / "answers"
        self._has_acknowledged = mmap.mmap(-1, 1)
        _in_a_child(lambda: OPERATIONS[name]().prepare(self._sound / "project"))

    def failing(self, fault: Fault, numbers: Iterator[int]) -> Iterator[Failing]:
        """Fail the calls with these numbers, up to the first that the operation does not come to."""
        for number in numbers:
            failed: list[Failed] = []
            self._has_acknowledged[0] = 0
            said, code = self._try(partial(self._verdict, fault, number, failed))
            if not failed:
                assert said.acknowledged, f"{self._name} fails by itself:\n{said.trace}"
                return
            yield Failing(
                operation=self._name,
                fault=fault,
                number=number,
                call=failed[0].call.name,
                path=failed[0].call.path,
                said="acknowledged" if said.acknowledged else said.code or "died",
                problems=_against(fault, failed, said, code) + self._account(),
            )

    def unsynced(self) -> list[str]:
        """What the operation had written and not synced when it acknowledged; nothing is failed."""
        written: dict[str, None] = {}

        def watch(call: Call) -> int:
            if not self._has_acknowledged[0]:
                _note(call, written)
            return 0

        self._has_acknowledged[0] = 0
        said, _ = self._try(watch)
        assert said.acknowledged, said.trace
        return [
            path for path in written if not path.startswith(FREE_TO_VANISH) and path != ".ropeway/ledger.db"
        ]

    def _try(self, judge: Callable[[Call], int]) -> tuple[Said, int]:
        """Do the operation once in a fresh copy of the project."""
        shutil.rmtree(self._tried, ignore_errors=True)
        shutil.copytree(self._sound, self._tried, symlinks=True)
        self._answers.unlink(missing_ok=True)
        (self._tried / "story.jsonl").unlink(missing_ok=True)
        code, _ = supervised(self._work, inside=self._tried / "project", judge=judge)
        said = self._answers.read_bytes() if self._answers.exists() else b"{}"
        return msgspec.json.decode(said, type=Said), code

    def _verdict(self, fault: Fault, number: int, failed: list["Failed"], call: Call) -> int:
        """The errno for a call, or 0."""
        takes_space = call.name not in SYNCS
        is_later = fault == "ENOSPC" and bool(failed) and takes_space
        if call.number != number and not is_later:
            return 0
        failed.append(Failed(call, bool(self._has_acknowledged[0])))
        return errno.ENOSPC if fault == "ENOSPC" and takes_space else errno.EIO

    def _work(self) -> None:
        """In the child: the operation, and how it went."""
        story = Story(self._tried / "story.jsonl")
        story.begin(TOKEN)
        operation = OPERATIONS[self._name]()
        try:
            with (
                LocalWorkspace(self._tried / "project", actor="ana") as workspace,
                operation.working(workspace) as act,
            ):
                story.acknowledge(TOKEN, act(TOKEN))
                self._has_acknowledged[0] = 1
            said = Said(acknowledged=True)
        except RopewayError as error:
            said = Said(
                code=error.code, trace=traceback.format_exc(), acknowledged=bool(story.acknowledged())
            )
        except BaseException:  # noqa: BLE001  whatever it is, it is the finding
            said = Said(trace=traceback.format_exc(), acknowledged=bool(story.acknowledged()))
        self._answers.write_bytes(msgspec.json.encode(said))

    def _account(self) -> list[str]:
        """What the oracle finds, asked in a process of its own; among it, whether the next try succeeds."""
        found = self._tried / "problems"

        def ask() -> None:
            story = Story(self._tried / "story.jsonl")
            try:
                problems = problems_after(self._tried / "project", OPERATIONS[self._name](), story)
            except Exception:  # noqa: BLE001  whatever a workspace raises when asked is a finding
                problems = [traceback.format_exc()]
            found.write_bytes(msgspec.json.encode(problems))

        _in_a_child(ask)
        return msgspec.json.decode(found.read_bytes(), type=list[str])


def _note(call: Call, written: dict[str, None]) -> None:
    """Keep account of what is not on the disk yet: files by their bytes, folders by new names in them."""
    if call.name in SYNCS:
        written.pop(call.path, None)
    elif call.name in BY_DESCRIPTOR:
        written[call.path] = None
    elif call.old:
        written[call.path.rpartition("/")[0]] = None
        if call.old in written:
            written[call.path] = written.pop(call.old)


def _against(fault: Fault, failed: Sequence[Failed], said: Said, code: int) -> list[str]:
    """What is wrong with how an operation took it."""
    problems = [f"the process ended with {code}"] if code else []
    if said.trace and not said.code:
        problems.append(f"an error that is none of ours: {said.trace}")
    elif said.code and not any(
        said.code in CLEAR["EIO" if each.call.name in SYNCS else fault] for each in failed
    ):
        problems.append(f"told as '{said.code}': {said.trace}")
    unsynced = [each.call for each in failed if each.call.name in SYNCS and not each.is_after]
    unsynced = [call for call in unsynced if not call.path.endswith(NOT_RESTED_UPON)]
    if unsynced and said.acknowledged:
        problems.append(f"acknowledged, though {unsynced[0].name} of {unsynced[0].path} failed")
    return problems


def import_everything(names: Sequence[str], folder: Path) -> None:
    """Import here whatever the operations import while they work, so that no try has to."""
    for place, name in enumerate(names):
        found = folder / f"modules-{place}"

        def work(name: str = name, place: int = place, found: Path = found) -> None:
            root, operation = folder / f"rehearsal-{place}" / "project", OPERATIONS[name]()
            operation.prepare(root)
            with LocalWorkspace(root, actor="ana") as workspace, operation.working(workspace) as act:
                act(TOKEN)
            problems_after(root, operation, Story(folder / f"story-{place}"))
            known = [each for each in sys.modules if each.split(".")[0] in ("ropeway", "polars", "numpy")]
            found.write_bytes(msgspec.json.encode(known))

        _in_a_child(work)
        for module in msgspec.json.decode(found.read_bytes(), type=list[str]):
            try:
                importlib.import_module(module)
            except ImportError:
                continue


def sampled(seed: int, every: int) -> Iterator[int]:
    """All numbers, or one in so many."""
    return count(1 + seed % every, every)


def fail_calls(
    folder: Path,
    *,
    operations: Sequence[str] = TRIED,
    every: int = 1,
    seed: int = 0,
    progress: Callable[[Failing], None] | None = None,
) -> list[Failing]:
    """Fail the calls of some operations, all or one in so many. To be called in a process without threads."""
    (folder / "imports").mkdir(parents=True)
    import_everything(operations, folder / "imports")
    done = []
    for name in operations:
        home = folder / name.replace(" ", "-").replace(",", "")
        home.mkdir()
        bench = Bench(name, home)
        for fault in FAULTS:
            for failing in bench.failing(fault, sampled(seed, every)):
                done.append(failing)
                if progress is not None:
                    progress(failing)
        shutil.rmtree(home)
    return done


def find_unsynced(folder: Path, operations: Sequence[str]) -> list[dict[str, object]]:
    """What each of some operations leaves unsynced. To be called in a process without threads."""
    (folder / "imports").mkdir(parents=True)
    import_everything(operations, folder / "imports")
    found: list[dict[str, object]] = []
    for name in operations:
        home = folder / name.replace(" ", "-").replace(",", "")
        home.mkdir()
        found.append({"operation": name, "unsynced": Bench(name, home).unsynced()})
    return found


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder in memory where there is one: nothing here asks a real disk."""
    parent = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="ropeway-calls-", dir=parent) as folder:
        yield Path(folder)


def _say(each: Failing) -> None:
    line = f"{each.operation:<20} {each.fault:<6} {each.number:>4} {each.call:<10} {each.said}"
    print(f"calls: {line}", file=sys.stderr, flush=True)


def main(kind: str, *words: str) -> None:
    """`unsynced OPERATION …` or `failing EVERY OPERATION …`; what was found, as JSON."""
    with scratch_folder() as folder:
        found = (
            find_unsynced(folder / "work", words)
            if kind == "unsynced"
            else fail_calls(folder / "work", operations=words[1:], every=int(words[0]), progress=_say)
        )
    sys.stdout.buffer.write(msgspec.json.encode(found))
    sys.stdout.flush()


def _in_a_child(work: Callable[[], None]) -> None:
    """Work in a fork, so that no thread is ever started here."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001  the fork must never go on as its parent
            traceback.print_exc()
        finally:
            os._exit(code)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended == 0, f"a child that nothing was done to ended with {ended}"


if __name__ == "__main__":
    main(*sys.argv[1:])
