"""Scripts log while their server is away, and are killed; so are `ropeway sync` and the server meanwhile.

Also two syncs at once, and a client whose disk runs full. In the end every run is at the server, complete:
what a call on a run had returned from is there once, and nothing that nobody said.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
from tests.faults.disk import SmallDisk, mounted
from tests.faults.tracks.forge import Child, Forge, Order
from tests.faults.tracks.held import problems_of_workspace
from tests.faults.tracks.process import ServerProcess
from tests.faults.tracks.script import DONE, LONGEST, Act, Script, content, told

from ropeway.testing import MINIMAL_PROJECT, make_workspace
from ropeway.tracking.points import list_points
from ropeway.tracking.records import RunSummary
from ropeway.tracking.search import search_runs
from ropeway.tracking.sync import waiting
from ropeway.workspace import LocalWorkspace

DISK_MEGABYTES = 64
SCRIPTS = 2
MOST_S = 120.0
TRIES = 50
LONG_S = 0.3
AT_ONCE = 500
Say = Callable[[str], None]


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign.

    Attributes:
        kills: by what was killed: `script`, `sync`, `server`.
        full: how many scripts met a full disk.
        runs, points, others: how many were acknowledged by scripts, and at the server at the end.
        problems: what did not hold.
    """

    kills: dict[str, int]
    full: int
    runs: int
    points: int
    others: int
    problems: list[str]


class Campaign:
    """A client's project, its server, and what is done to both."""

    def __init__(self, folder: Path, disk: SmallDisk | None, forge: Forge, server: ServerProcess, seed: int):
        self.scripts: list[Script] = []
        self.kills: Counter[str] = Counter()
        self.full = 0
        self._folder, self._disk, self._forge, self._server = folder, disk, forge, server
        self._chance = random.Random(seed)
        self._seed = seed
        self.root = (disk.folder if disk else folder) / "client"
        self.root.mkdir()
        (self.root / "ropeway.toml").write_text(MINIMAL_PROJECT, encoding="utf-8")
        (self._folder / "told").mkdir()

    def kill_scripts(self) -> None:
        """Scripts at work, with a server or without one, of which each dies somewhere."""
        children = [self._script(is_offline=self._chance.random() < 0.5) for _ in range(SCRIPTS)]
        for child in children:
            time.sleep(self._chance.uniform(0.0, 0.3))
            self.kills["script"] += child.kill()

    def kill_sync(self) -> None:
        """`ropeway sync` dies somewhere."""
        self._require_waiting()
        child = self._sync()
        self._strike(child, "sync")

    def kill_server(self) -> None:
        """The server dies while it is being told."""
        self._require_waiting()
        child = self._sync()
        self._await_moment(child)
        self._server.kill()
        self.kills["server"] += 1
        self._server.start()
        assert child.wait(MOST_S), "sync does not end"
        self._server.wait()

    def sync_twice(self) -> None:
        """Two at once, of which one may die."""
        self._require_waiting()
        first, second = self._sync(), self._sync()
        if self._chance.random() < 0.5:
            self._strike(first, "sync")
        assert first.wait(MOST_S), "sync does not end"
        assert second.wait(MOST_S), "sync does not end"

    def fill_disk(self) -> None:
        """A script whose disk runs full while it logs; and a sync there."""
        if self._disk is None:
            self.kill_scripts()
            return
        child = self._script()
        time.sleep(self._chance.uniform(0.0, 0.1))
        self._disk.fill(leave=self._chance.choice((0, 4_096, 65_536)))
        assert child.wait(MOST_S), "the script does not end"
        self.full += 1
        if self._chance.random() < 0.5:
            assert self._sync().wait(MOST_S), "sync does not end"
        self._disk.empty()

    def bring_all(self) -> list[str]:
        """Nothing is in the way any more; gives what is wrong with what is left here then."""
        for _ in range(TRIES):
            if not waiting(self.root):
                break
            assert self._sync().wait(MOST_S), "sync does not end"
        left = [path.name for path in self._spools()]
        return [f"{len(left)} spools are left: {left[:3]}; {self._log()[-800:]}"] if left else []

    def _strike(self, child: Child, what: str) -> None:
        self._await_moment(child)
        self.kills[what] += child.kill()

    def _await_moment(self, child: Child) -> None:
        """A moment in the life of a sync: a while after it has brought so many spools, or after its start."""
        many = len(self._spools())
        left = many - self._chance.randrange(max(1, many))
        while len(self._spools()) > left and not child.wait(0.002):
            pass
        time.sleep(self._chance.uniform(0.0, LONG_S))

    def _spools(self) -> list[Path]:
        return list(self.root.glob(".ropeway/remotes/*/spool/**/*.segment"))

    def _require_waiting(self) -> None:
        while len(waiting(self.root)) < SCRIPTS:
            assert self._script().wait(MOST_S), "the script does not end"

    def _script(self, *, is_offline: bool = True) -> Child:
        name = f"s{len(self.scripts)}"
        script = Script(str(self.root), f"{self._seed} {name}", name, str(self._folder / "told" / name))
        self.scripts.append(script)
        return self._fork(script=script, is_offline=is_offline)

    def _sync(self) -> Child:
        return self._fork()

    def _fork(self, script: Script | None = None, *, is_offline: bool = True) -> Child:
        return self._forge.fork(Order(str(self.root), str(self._folder / "log"), script, is_offline))

    def _log(self) -> str:
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")


def break_sync(folder: Path, kills: int, *, seed: int, say: Say) -> Waits:
    """Until so many processes were killed, each kind of fault in its turn."""
    folder.mkdir(parents=True, exist_ok=True)
    make_workspace(folder / "project").close()
    server = ServerProcess(folder / "project", folder / "server.log")
    server.start()
    with ExitStack() as stack:
        disk = stack.enter_context(mounted(folder / "disk", megabytes=DISK_MEGABYTES))
        forge = stack.enter_context(Forge(server.url))
        small = disk if isinstance(disk, SmallDisk) else None
        campaign = Campaign(folder, small, forge, server, seed)
        server.wait()
        for do in _in_turn(campaign):
            do()
            say(
                f"{campaign.kills.total()} kills, {campaign.full} disks full, {len(campaign.scripts)} scripts"
            )
            if campaign.kills.total() >= kills:
                break
        problems = campaign.bring_all() + server.end()
    return _held(folder / "project", campaign, problems)


def _in_turn(campaign: Campaign) -> Iterator[Callable[[], None]]:
    while True:
        yield campaign.kill_scripts
        yield campaign.kill_sync
        yield campaign.kill_server
        yield campaign.fill_disk
        yield campaign.sync_twice


def _held(root: Path, campaign: Campaign, problems: list[str]) -> Waits:
    """What came of it, once everything that was told has been looked for."""
    points = others = 0
    with LocalWorkspace(root, actor="ana") as workspace:
        by_name: dict[str | None, list[RunSummary]] = {}
        for run in _all_runs(workspace):
            by_name.setdefault(run.name, []).append(run)
        for script in campaign.scripts:
            found = by_name.pop(script.name, [])
            run_id, outcomes, is_ended = told(script)
            if len(found) > 1 or (run_id and [each.id for each in found] != [run_id]):
                problems.append(f"{script.name}: {len(found)} runs where {run_id or 'at most one'} was told")
            if found:
                problems += _of_run(workspace, script, found[0], outcomes, is_ended=is_ended)
            said = [act for act, came in zip(script.acts(), outcomes, strict=False) if came == DONE]
            points += sum(act.verb.endswith("point") for act in said)
            others += sum(not act.verb.endswith("point") for act in said)
        problems += [f"a run {name} that nobody began" for name in by_name]
    return Waits(
        kills=dict(campaign.kills),
        full=campaign.full,
        runs=sum(bool(told(script)[0]) for script in campaign.scripts),
        points=points,
        others=others,
        problems=problems + problems_of_workspace(root),
    )


def _all_runs(workspace: LocalWorkspace) -> Iterator[RunSummary]:
    offset = 0
    while page := search_runs(workspace, limit=AT_ONCE, offset=offset):
        yield from page
        offset += len(page)


def _of_run(
    workspace: LocalWorkspace, script: Script, run: RunSummary, outcomes: list[bytes], *, is_ended: bool
) -> list[str]:
    acts = list(script.acts())
    said = {act for act, came in zip(acts, outcomes, strict=False) if came == DONE}
    # What was not answered may have come to pass: the one call that it died in, and what was refused.
    may = {act for act, came in zip(acts, outcomes, strict=False) if came != DONE}
    may |= set(acts[len(outcomes) : len(outcomes) + 1])
    found = Counter(_found(workspace, script, run))
    problems = []
    if lost := said - found.keys():
        problems.append(f"{len(lost)} of {len(said)} calls are lost, such as {min(lost)}")
    if extra := found.keys() - said - may:
        problems.append(f"{len(extra)} that nobody said, such as {min(extra)}")
    if doubled := [act for act, times in found.items() if times > 1]:
        problems.append(f"{len(doubled)} are there twice, such as {doubled[0]}")
    if run.status not in (("finished",) if is_ended else ("finished", "interrupted", "failed")):
        problems.append(f"it is {run.status}")
    return [f"{script.name} {run.id}: {problem}" for problem in problems]


def _found(workspace: LocalWorkspace, script: Script, run: RunSummary) -> Iterator[Act]:
    """What the workspace has of a run, as the calls that said it; one that nobody made has the number -1."""
    for point in list_points(workspace, run=run.id, limit=2 * LONGEST):
        act = Act("point" if point.key == "ours" else "part-point", -1 if point.step is None else point.step)
        yield act if point.value == act.value and point.key in ("ours", "theirs") else Act(act.verb, -1)
    verbs = {act.number: act.verb for act in script.acts()}
    for name, value in [*run.params.items(), *run.tags.items()]:
        number = int(name[1:]) if name[1:].isdigit() and value == int(name[1:]) else -1
        yield Act(verbs.get(number, "param"), number)
    for name, file in run.artifacts.items():
        number = int(name[1:].removesuffix(".txt"))
        is_whole = workspace.store.read(file.digest) == content(number)
        yield Act(verbs[number], number if is_whole else -1)
