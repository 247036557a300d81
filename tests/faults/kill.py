"""Killing: aim at a phase, start a child, see it dead, read where it was, ask the oracle.

Three ways to aim, so that the kills are neither all at neat places nor all where most time is spent:

- `point`: the child kills itself at the n-th point that it crosses in a phase (before or after a
  system call or statement). Exact, and repeatable by the seed.
- `chase`: the parent watches the board, and kills a moment after a phase was entered: anywhere in C code.
- `blind`: the parent kills after a random time.

On a disk whose power can be cut (`power.py`), the kill is a cut: the disk stops with the process, or a moment
before it, and the oracle sees what had reached the disk.
"""

import random
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import msgspec
from tests.faults.board import DELICATE, Board, Phase
from tests.faults.catalogue import OPERATIONS, beside
from tests.faults.child import Orders
from tests.faults.loopdisk import LoopDisk
from tests.faults.oracle import problems_after
from tests.faults.story import Story

HERE = Path(__file__).resolve().parents[2]
CHILD_TIMEOUT_S = 120.0
LONGEST_CHASE_S = 0.002
LONGEST_BLIND_S = 1.5
REHEARSALS = 3

Aim = Literal["point", "chase", "blind"]


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """One kill and what came of it. `phase` is where it truly hit; `at` is where it was aimed."""

    number: int
    operation: str
    aim: Aim
    at: str
    phase: str
    killed: bool
    acknowledged: int
    problems: list[str]


class Ground:
    """One operation's workspace, on which kill follows kill.

    Args:
        name: the operation's name in the catalogue.
        folder: an empty folder of its own.
        seed: decides every aim.
        disk: where the workspace is, when the power is to be cut with each kill.
        is_careless: whether the children wait for no disk, as a control.
    """

    def __init__(
        self, name: str, folder: Path, seed: str, *, disk: LoopDisk | None = None, is_careless: bool = False
    ) -> None:
        self._name = name
        self._operation = OPERATIONS[name]()
        self._folder = folder
        self._disk = disk
        self._is_careless = is_careless
        self._root = (disk.folder if disk else folder) / "project"
        self._chance = random.Random(seed)
        self._crossings: dict[Phase, int] = {}
        self._entries: dict[Phase, int] = {}
        self._beside = ExitStack()
        self.story = Story(folder / "story.jsonl")

    def rehearse(self) -> list[str]:
        """Prepare, run undisturbed, and learn how many points there are to aim at; gives problems found."""
        self._operation.prepare(self._root)
        self._beside.enter_context(beside(self._name, self._root))
        board = Board(self._folder / "board", create=True)
        child = self._start(board, tokens="rehearsal", limit=REHEARSALS)
        _, errors = child.communicate(timeout=CHILD_TIMEOUT_S)
        if child.returncode != 0:
            return [f"the undisturbed run of '{self._name}' failed:\n{errors.decode()}"]
        self._crossings = {phase: board.crossed(phase) for phase in Phase if board.crossed(phase)}
        self._entries = {phase: board.entered(phase) for phase in Phase if board.entered(phase)}
        problems = problems_after(self._root, self._operation, self.story)
        if self._disk is not None:
            self._disk.settle()
        return problems

    @property
    def is_ready(self) -> bool:
        """Whether the undisturbed run went to its end, so that there is something to aim at."""
        return bool(self._crossings)

    def kill(self, number: int) -> Kill:
        """Kill one child and ask the oracle."""
        aim, phase = self._choose()
        board, hit = Board(self._folder / "board", create=True), None
        tokens, before = f"kill-{number}", len(self.story.acknowledged())
        if aim == "point":
            nth = self._chance.randint(1, self._crossings[phase])
            child = self._start(board, tokens=tokens, deadly=(phase, nth))
        else:
            child = self._start(board, tokens=tokens)
            hit = self._hunt(child, board, aim, phase)
        _, errors = child.communicate(timeout=CHILD_TIMEOUT_S)
        was_killed = child.returncode == -9 or hit is not None
        hit = board.now() if hit is None else hit
        acknowledged = len(self.story.acknowledged()) - before
        problems = [] if was_killed or child.returncode == 0 else [f"the child failed:\n{errors.decode()}"]
        return Kill(
            number=number,
            operation=self._name,
            aim=aim,
            at="anywhere" if aim == "blind" else phase.name.lower(),
            phase=hit.name.lower() if was_killed else "survived",
            killed=was_killed,
            acknowledged=acknowledged,
            problems=problems + self._account(),
        )

    def _account(self) -> list[str]:
        """What the oracle finds, after the power came back where it was cut."""
        if self._disk is not None:
            self._disk.stop()
            self._disk.come_back()
        try:
            problems = problems_after(self._root, self._operation, self.story)
        except Exception as error:  # noqa: BLE001  whatever a workspace raises when asked is a finding
            problems = [f"{type(error).__name__}: {error}"]
        return problems + (self._disk.problems() if self._disk is not None else [])

    def close(self) -> None:
        """End what goes on beside, and let go of the files."""
        try:
            self._beside.close()
        finally:
            self.story.close()

    def _choose(self) -> tuple[Aim, Phase]:
        """Most aims at the delicate phases that this operation has, the rest anywhere."""
        aim: Aim = self._chance.choices(("point", "chase", "blind"), (6, 3, 1))[0]
        seen = [phase for phase in self._crossings if phase is not Phase.STARTING]
        delicate = [phase for phase in seen if phase in (*DELICATE, Phase.APPEND)]
        pool = delicate if delicate and self._chance.random() < 0.8 else seen
        return aim, self._chance.choice(pool)

    def _hunt(self, child: "subprocess.Popen[bytes]", board: Board, aim: Aim, phase: Phase) -> Phase | None:
        """Wait for the moment, then kill; gives where the child was when its disk stopped before it."""
        if aim == "blind":
            time.sleep(self._chance.uniform(0.0, LONGEST_BLIND_S))
        else:
            wanted = self._chance.randint(1, self._entries[phase])
            delay = self._chance.uniform(0.0, LONGEST_CHASE_S)
            ends = time.monotonic() + CHILD_TIMEOUT_S
            while child.poll() is None and time.monotonic() < ends:
                if board.entered(phase) >= wanted:
                    time.sleep(delay)
                    break
                time.sleep(0.0001)
        hit = None
        if self._disk is not None and child.poll() is None and self._chance.random() < 0.5:
            hit, told = board.now(), self.story.length()
            self._disk.stop()
            time.sleep(self._chance.uniform(0.0, LONGEST_CHASE_S))
        child.kill()
        if hit is not None:
            # Power that goes lets nobody speak on. ext4, told to stop, answers some syncs with success then
            # and keeps nothing (`python -m tests.faults.bare`).
            child.wait(timeout=CHILD_TIMEOUT_S)
            self.story.disown(told)
        return hit

    def _start(
        self,
        board: Board,
        *,
        tokens: str,
        limit: int | None = None,
        deadly: tuple[Phase, int] | None = None,
    ) -> "subprocess.Popen[bytes]":
        orders = Orders(
            operation=self._name,
            root=str(self._root),
            board=str(self._folder / "board"),
            story=str(self._folder / "story.jsonl"),
            tokens=tokens,
            limit=limit or self._operation.limit,
            deadly=(int(deadly[0]), deadly[1]) if deadly else None,
            is_careless=self._is_careless,
        )
        return start_child(orders)


def start_child(orders: Orders) -> "subprocess.Popen[bytes]":
    """A process that does as ordered, from the repository's root."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.child", msgspec.json.encode(orders).decode()],
        cwd=HERE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
