"""A bucket at work while those who use it are killed in the middle of a request, or their line is cut.

A kill comes while a line is silent: so many bytes have passed, the rest never will. A cut line breaks, and
the same process must go on by itself. Whatever it was: what was acknowledged is there and whole, nothing
partial is ever seen, the same command does the rest and only the rest, and nothing stays there for ever.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from tests.faults.bucketeer import ACTS, GRACE_S, Orders, age
from tests.faults.proxy import Cut, Direction, Manner, Wire
from tests.faults.shelves import ENDPOINT, NAME, Shelves
from tests.faults.story import Story
from tests.store.backends.servers import KEYS, make_bucket, nanio_server

from ropeway.data.operations import list_versions
from ropeway.keeping.operations import fsck, gc
from ropeway.remotes.operations import fetch, push, remote_status
from ropeway.testing import FixedClock, make_workspace
from ropeway.workspace import LocalWorkspace

HERE = Path(__file__).resolve().parents[2]
HUB = f'[project]\nname = "trial"\n[remote.hub]\nurl = "s3://{NAME}/hub"\n'
STORE = (
    f'[project]\nname = "trial"\n[workspace]\nstore = "s3://{NAME}/store"\n'
    "[retention]\ndataset_versions = 2\n"
)
ROOTS = {"push": "pusher", "pull": "puller", "keep": "keeper", "gc": "keeper"}
"""The project of each act."""
PATIENCE_S = 120.0
LONGEST_PAUSE_S = 0.05
BETWEEN = timedelta(days=100)
SMALL, LARGE = 300_000, 7_000_000
"""Bytes of a version: in several small packs, or in one that a client might send in parts."""
SMALL_PACK, LARGE_PACK = 100_000, 16 << 20
LARGE_SHARE = 0.15
TIMES = 2
LINES = 4


class Harm(msgspec.Struct, frozen=True, kw_only=True):
    """One fault: in which act, after how many bytes of which line, and what came of it."""

    number: int
    act: str
    line: int
    direction: Direction
    after: int
    manner: Manner
    is_kill: bool
    is_large: bool
    struck: bool = False
    problems: list[str] = []


class Harmed(msgspec.Struct, frozen=True, kw_only=True):
    """The campaign."""

    harms: list[Harm]
    acknowledged: int
    problems: list[str]


def harm_bucket(
    folder: Path, *, faults: int, seed: int, progress: Callable[[Harm], None] = lambda _harm: None
) -> Harmed:
    """Do harm until so many faults struck, look through everything after each, and once more at the end."""
    chance, harms = random.Random(seed), list[Harm]()
    with bucket_town(folder) as town:
        while sum(each.struck for each in harms) < faults:
            assert len(harms) < 20 + 5 * faults, "the faults do not strike"
            harms.append(town.suffer(draw_harm(chance, len(harms) + 1)))
            progress(harms[-1])
        problems = [f"{each.number} in {each.act}: {p}" for each in harms for p in each.problems]
        return Harmed(
            harms=harms, acknowledged=town.acknowledged(), problems=[*problems, *town.problems_at_the_end()]
        )


def draw_harm(chance: random.Random, number: int) -> Harm:
    """A fault somewhere in what an act sends or is sent."""
    act, is_large, is_kill = chance.choice(list(ACTS)), chance.random() < LARGE_SHARE, chance.random() < 0.6
    comes = act == "pull" or chance.random() < 0.2
    most = (LARGE if is_large else SMALL) // (1 if is_large else 2)
    return Harm(
        number=number,
        act=act,
        line=chance.choice((0, 0, 1, 2)),
        direction="response" if comes else "request",
        # What goes the other way is short.
        after=chance.randrange(most if comes == (act == "pull") else 4_000),
        manner="halt" if is_kill else chance.choice(("drop", "reset")),
        is_kill=is_kill,
        is_large=is_large,
    )


@contextmanager
def bucket_town(folder: Path) -> Iterator["BucketTown"]:
    """A server with a bucket, and who uses it, for as long as the block runs."""
    former = {name: os.environ.get(name) for name in (*KEYS, ENDPOINT)}
    try:
        with nanio_server(folder) as address:
            make_bucket(address, NAME)
            os.environ.update({**KEYS, ENDPOINT: address})
            town = BucketTown(folder, address)
            try:
                yield town
            finally:
                town.close()
    finally:
        for name, value in former.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


class BucketTown:
    """A project that pushes, one that pulls, one that only looks, and one whose store is in the bucket."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address = folder, address
        self.shelves = Shelves(address)
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._stories = {name: Story(folder / f"{name}.jsonl") for name in {*ROOTS.values()}}
        for name in (*{*ROOTS.values()}, "reader"):
            make_workspace(folder / name, toml=STORE if name == "keeper" else HUB).close()

    def close(self) -> None:
        """Let go of the files."""
        for story in self._stories.values():
            story.close()

    def acknowledged(self) -> int:
        """How many acts returned."""
        return sum(len(story.acknowledged()) for story in self._stories.values())

    def suffer(self, harm: Harm, *, in_parts: bool = False) -> Harm:
        """Let it strike, and hold everybody to account."""
        if harm.act == "pull":
            self._undisturbed("push", f"before-{harm.number}", harm)
        self._now += BETWEEN
        with closing(Wire(*_place(self.address))) as wire:
            for _ in range(harm.line):
                wire.plan(None)
            # A kill comes with the first line that gets so far: which one a request takes is chance.
            for _ in range(LINES if harm.is_kill else 1):
                wire.plan(Cut(harm.direction, harm.after, harm.manner))
            problem = self._strike(wire, harm, in_parts=in_parts)
            struck = bool(wire.struck)
        found = [*problem, *self.shelves.problems(), *self._problems(), *self._again(harm)]
        return msgspec.structs.replace(harm, struck=struck, problems=found)

    def problems_at_the_end(self) -> list[str]:
        """What is wrong once everything was cleared up, a day later and another."""
        with self._open("keeper") as workspace:
            for _ in range(3):
                self._now += timedelta(seconds=GRACE_S)
                workspace.clock.advance(seconds=GRACE_S)  # type: ignore[attr-defined]
                age(workspace.home)
                gc(workspace)
            left = {
                "litter is left": [*self._litter(workspace)],
                "packs without an index": self.shelves.strays(),
            }
            problems = [f"{what}: {sorted(each)}" for what, each in left.items() if each]
            problems += [f"fsck of keeper: {each.what}" for each in fsck(workspace).findings]
        with self._open("puller") as workspace:
            problems += [f"fsck of puller: {each.what}" for each in fsck(workspace).findings]
        with self._open("reader") as workspace:
            if not remote_status(workspace, verify=True).is_sound:
                problems.append("the remote is not sound")
        return problems + self._problems()

    def _strike(self, wire: Wire, harm: Harm, *, in_parts: bool) -> list[str]:
        orders = self._orders(harm, f"harm-{harm.number}", in_parts=in_parts)
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.bucketeer", msgspec.json.encode(orders).decode()],
            cwd=HERE,
            env={**os.environ, ENDPOINT: wire.url},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        ends = time.monotonic() + PATIENCE_S
        while harm.is_kill and child.poll() is None and time.monotonic() < ends:
            if wire.struck:
                time.sleep(random.Random(harm.number).uniform(0, LONGEST_PAUSE_S))
                child.kill()
                break
            time.sleep(0.002)
        _, said = child.communicate(timeout=PATIENCE_S)
        if child.returncode == 0 or (harm.is_kill and wire.struck):
            return []
        return [f"the process ended with {child.returncode}: {said.decode(errors='replace')[-2_000:]}"]

    def _orders(self, harm: Harm, tokens: str, *, in_parts: bool = False) -> Orders:
        return Orders(
            act=harm.act,
            root=str(self.folder / ROOTS[harm.act]),
            story=str(self.folder / f"{ROOTS[harm.act]}.jsonl"),
            tokens=tokens,
            times=1 if harm.is_large else TIMES,
            size_bytes=LARGE if harm.is_large else SMALL,
            pack_bytes=LARGE_PACK if harm.is_large else SMALL_PACK,
            began=self._now,
            in_parts=in_parts,
        )

    def _undisturbed(self, act: str, token: str, harm: Harm) -> None:
        self._now += BETWEEN
        with self._open(ROOTS[act]) as workspace:
            ACTS[act](workspace, token, LARGE if harm.is_large else SMALL)

    def _problems(self) -> list[str]:
        """What was acknowledged and is not there, or not whole."""
        problems = []
        with self._open("reader") as workspace:
            fetch(workspace, refs_only=True)
            status = remote_status(workspace)
            there = [each.version for each in status.versions]
            told = self._stories["pusher"].acknowledged().values()
            problems += [
                f"{each} was pushed, and is there {there.count(each)} times"
                for each in told
                if there.count(each) != 1
            ]
            problems += [f"the remote lacks what it offers: {each}" for each in status.lacking]
            problems += [f"the remote cannot be read: {each}" for each in status.unreadable]
        with self._open("keeper") as workspace:
            kept = (
                [each.version for each in list_versions(workspace, name="files")] if self._has_kept() else []
            )
            told = self._stories["keeper"].acknowledged().values()
            problems += [
                f"{each} was added, and is there {kept.count(each)} times"
                for each in told
                if kept.count(each) != 1
            ]
            problems += [f"fsck of keeper: {each.what}" for each in fsck(workspace).findings]
        return problems

    def _has_kept(self) -> bool:
        return bool(self._stories["keeper"].acknowledged())

    def _again(self, harm: Harm) -> list[str]:
        """The same once more, undisturbed: it succeeds, and brings what lacks and nothing else."""
        if harm.act != "push":
            self._undisturbed(harm.act, f"again-{harm.number}", harm)
            return []
        with self._open("pusher") as workspace:
            lacking = remote_status(workspace).push_bytes
            sent = push(workspace, everything=True).raw_bytes
            more = push(workspace, everything=True).packs
        problems = [f"{sent} bytes travelled where {lacking} lacked"] if sent != lacking else []
        return problems + ([f"{more} packs travelled twice"] if more else [])

    def _litter(self, workspace: LocalWorkspace) -> Iterator[str]:
        from ropeway.core.hashing import digest_bytes

        tokens = self._stories["keeper"].begun()
        there = {*workspace.store.bucket.digests()}  # type: ignore[attr-defined]
        yield from (each for each in tokens if digest_bytes(f"litter {each}".encode()) in there)

    def _open(self, name: str) -> LocalWorkspace:
        return LocalWorkspace(self.folder / name, actor="ana", clock=FixedClock(self._now))


def _place(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    return str(parts.hostname), int(parts.port or 0)
