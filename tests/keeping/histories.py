"""Histories by single events: a workspace in which anything may have happened, and what it should still hold.

`World` writes real events and objects, and remembers in plain lists who refers to what. Its `alive` is the
rule of liveness written a second time, from the docs and by another hand's way: things that want
objects, asked one by one, with no table of the ledger and nothing of `ropeway.keeping`.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ropeway.core.ids import Digest, RunId, new_id
from ropeway.data.events import DatasetArrived
from ropeway.keeping.operations import place_hold, release_hold
from ropeway.models.events import (
    GateEvaluated,
    ModelApproved,
    ModelPromoted,
    ModelRegistered,
    ModelRejected,
    ModelRetired,
)
from ropeway.server.events import JobAccepted
from ropeway.testing import FixedClock, make_workspace
from ropeway.tracking.events import (
    ArtifactRecord,
    CodeRecord,
    Harvest,
    HostRecord,
    RunFinished,
    RunInterrupted,
    RunStarted,
)
from ropeway.tracking.spool import ArtifactKept, Spool
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.operation import Context, operation

DAY_S = 86_400.0
NAME = "mood"


@operation("test.record", kind="command", permission="test:write")
def record(context: Context, *, pack: bytes) -> None:
    """Append one event."""
    context.append(_waiting.pop(pack))


_waiting: dict[bytes, object] = {}


@dataclass
class Run:
    """A run: what it used, what it kept."""

    id: RunId
    inputs: list[str]
    code: list[Digest]
    kept: list[Digest]
    started: float
    status: str = "running"
    ended: float = 0.0


@dataclass
class Version:
    """A model version: its run, its package, where it stands since when."""

    number: int
    run: Run
    package: list[Digest]
    state: str
    moved: float


@dataclass
class World:
    """A workspace, and a second memory of it."""

    folder: Path
    policy: dict[str, object]
    now: float = 0.0
    datasets: dict[str, list[Digest]] = field(default_factory=dict)
    contracts: dict[Digest, list[Digest]] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    evidence: list[Digest] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)
    jobs: list[Digest] = field(default_factory=list)
    young: list[Digest] = field(default_factory=list)
    old: set[Digest] = field(default_factory=set)
    spools: list[Spool] = field(default_factory=list)
    serial: int = 0

    def __post_init__(self) -> None:
        lines = [
            f"{name} = {value if isinstance(value, int) else repr(value)}"
            for name, value in self.policy.items()
        ]
        self.clock = FixedClock()
        toml = '[project]\nname = "trial"\n[retention]\n' + "\n".join(lines) + "\n"
        self.workspace: LocalWorkspace = make_workspace(self.folder, toml=toml, clock=self.clock)

    def close(self) -> None:
        """Let go of the workspace; open runs stay as a kill leaves them."""
        for spool in self.spools:
            spool.let_go()
        self.workspace.close()

    # What can happen.

    def pass_days(self, days: int) -> None:
        self.clock.advance(seconds=days * DAY_S)
        self.now += days

    def arrive(self, name: str, shared: int) -> None:
        """A new version of a dataset; some share their contract."""
        version, contract = self._put(), self._put(f"contract {shared}")
        profile = self._put()
        versions = self.datasets.setdefault(name, [])
        versions.append(version)
        self.contracts[version] = [contract, profile]
        self._append(
            DatasetArrived(
                name=name,
                version=version,
                ordinal=len(versions),
                format="csv",
                rows=1,
                size_bytes=1,
                columns=[],
                label_columns=[],
                contract=contract,
                profile=profile,
                broken=0,
                checks=[],
                source=None,
                bringer=None,
                violations=None,
                examples=None,
            )
        )

    def start(self, name: str, which: int, shared: int) -> None:
        """A run on some version, with code of which files are shared with other runs."""
        versions = self.datasets.get(name, [])
        inputs = [f"dataset:{name}@{versions[which % len(versions)]}"] if versions else []
        tree, members = self._tree(shared)
        environment = self._put("environment")
        run = Run(RunId(new_id("run")), inputs, [tree, *members, environment], [], self.now)
        self.runs.append(run)
        self._append(
            RunStarted(
                run=run.id,
                kind="script",
                name="train",
                params=None,
                tags=None,
                argv=None,
                hostname=None,
                inputs=inputs,
                parent=None,
                code=CodeRecord(tree=tree),
                environment=environment,
                host=HostRecord(system="Linux", machine="x", cores=1, memory_bytes=1),
            )
        )

    def end(self, which: int, status: str) -> None:
        """A running one ends: finished, failed, interrupted; or stays open and has kept something."""
        running = [run for run in self.runs if run.status == "running"]
        if not running:
            return
        run = running[which % len(running)]
        kept = self._put()
        run.kept.append(kept)
        if status == "open":
            spool = Spool(self.workspace.home, run.id)
            self.spools.append(spool)
            spool.write(ArtifactKept(1, "a", kept, 1))
            run.status = "open"
            return
        # One that gave no sign of life after its start counts as over from then on.
        run.status, run.ended = status, run.started if status == "interrupted" else self.now
        harvest = Harvest(artifacts={"a": ArtifactRecord(digest=kept, size_bytes=1)})
        if status == "interrupted":
            event = RunInterrupted(
                run=run.id, harvest=harvest, params=None, tags=None, last_sign_at=None, was_torn=False
            )
        else:
            event = RunFinished(
                run=run.id,
                status=status,
                harvest=harvest,
                params=None,
                tags=None,
                error_type="",
                error=None,
                wall_s=1,
                cpu_s=1,
                peak_memory_bytes=1,
            )
        self._append(event)

    def register(self, which: int, shared: int) -> None:
        """A finished run becomes a version: a package that may share members with others."""
        finished = [run for run in self.runs if run.status == "finished"]
        if not finished:
            return
        run = finished[which % len(finished)]
        tree, members = self._tree(shared)
        version = Version(len(self.versions) + 1, run, [tree, *members], "candidate", self.now)
        self.versions.append(version)
        self._append(
            ModelRegistered(
                name=NAME,
                number=version.number,
                run=run.id,
                package=tree,
                content=tree,
                source=tree,
                code=run.code[0],
                datasets=[],
                served="x",
            )
        )

    def line(self, name: str, shared: int, how_far: int) -> None:
        """Data, a run on it, a version of it, and some moves: what chance alone seldom brings about."""
        self.arrive(name, shared)
        self.start(name, len(self.datasets[name]) - 1, shared)
        self.end(-1, "finished")
        self.register(-1, shared)
        for how in ("gate", "approve", "promote")[:how_far]:
            self.move(-1, how)

    def move(self, which: int, how: str) -> None:
        """A version goes to another state, if that is legal from where it is."""
        if not self.versions:
            return
        version = self.versions[which % len(self.versions)]
        of = {"name": NAME, "number": version.number}
        legal = {
            "gate": ("candidate", "validated"),
            "approve": ("validated",),
            "promote": ("approved",),
            "reject": ("candidate", "validated"),
            "retire": ("candidate", "validated", "approved"),
        }
        if version.state not in legal[how]:
            return
        if how == "gate":
            evidence = self._put()
            self.evidence.append(evidence)
            self._append(
                GateEvaluated(
                    **of,
                    passed=True,
                    checks=[],
                    evidence=evidence,
                    dataset="x",
                    split=evidence,
                    test_part=evidence,
                    test_set=evidence,
                    look=1,
                    champion=None,
                )
            )
            version.state = "validated"
        elif how == "approve":
            self._append(ModelApproved(**of, evidence=version.package[0], self_approved=False, note=None))
            version.state = "approved"
        elif how == "promote":
            before = next((each for each in self.versions if each.state == "live"), None)
            replaced = None if before is None else before.number
            self._append(ModelPromoted(**of, environment="production", replaced=replaced, note=None))
            version.state = "live"
            if before is not None:
                before.state = "approved"
        elif how == "reject":
            self._append(ModelRejected(**of, reason=None))
            version.state = "rejected"
        else:
            self._append(ModelRetired(**of, reason=None))
            version.state = "retired"
        version.moved = self.now

    def hold(self, kind: str, which: int) -> None:
        """A hold on some version, run or dataset; on what is held already, its release."""
        refs = {
            "model": [f"model:{NAME}@{each.number}" for each in self.versions],
            "run": [f"run:{each.id}" for each in self.runs],
            "dataset": [f"dataset:{name}@{each}" for name, all_ in self.datasets.items() for each in all_],
        }[kind]
        if not refs:
            return
        ref = refs[which % len(refs)]
        if ref in self.holds:
            release_hold(self.workspace, hold=ref)
            self.holds.remove(ref)
        else:
            place_hold(self.workspace, subject=ref, reason="a question")
            self.holds.append(ref)

    def promise(self) -> None:
        """A job that was accepted and has not run: it speaks of an object that was brought for it."""
        brought = self._put()
        self.jobs.append(brought)
        self._append(
            JobAccepted(
                job=new_id("job"), operation="x", server="x", arguments={"deep": [{"digest": brought}]}
            )
        )

    def cache(self) -> None:
        """A value in the step cache that names an object: it keeps nothing."""
        self.workspace.store.cache.put("step/x", self._put().encode())

    def litter(self, *, is_young: bool, shared: int) -> None:
        """A tree that nothing refers to, just brought or long ago."""
        tree, members = self._tree(shared, fresh=is_young)
        if is_young:
            self.young += [tree, *members]

    # What is then to be there.

    def alive(self) -> set[Digest]:
        """Every object that must still be there after a collection."""
        dead_things = self._dead_things()
        kept = [*self.evidence, *self.jobs, *self.young]
        for name, versions in self.datasets.items():
            for version in versions:
                if f"dataset:{name}@{version}" not in dead_things:
                    kept += [version, *self.contracts[version]]
        for run in self.runs:
            kept += run.code
            if f"run:{run.id}" not in dead_things:
                kept += run.kept
        for version in self.versions:
            if f"model:{NAME}@{version.number}" not in dead_things:
                kept += version.package
        return set(kept)

    def _dead_things(self) -> set[str]:
        models = {f"model:{NAME}@{each.number}": each for each in self.versions}
        dead = {
            ref
            for ref, each in models.items()
            if self._is_past(each.moved, "retired" if each.state == "retired" else "candidates")
            and each.state in ("candidate", "validated", "rejected", "retired")
        }
        held = {origin for ref in self.holds for origin in self._origins(ref)}
        dead -= held
        in_use = [ref for ref, each in models.items() if each.state not in ("rejected", "retired")]
        safe = held | {origin for ref in in_use if ref not in dead for origin in self._origins(ref)}
        keep = self.policy.get("dataset_versions")
        for name, versions in self.datasets.items():
            for version in versions[: -int(str(keep))] if keep else []:
                dead.add(f"dataset:{name}@{version}")
        finished = [run for run in self.runs if run.status == "finished"]
        for run in self.runs:
            is_failed = run.status in ("failed", "interrupted")
            is_superseded = run in finished[:-1]
            if (is_failed and self._is_past(run.ended, "failed_runs")) or (
                is_superseded and self._is_past(run.ended, "superseded_runs")
            ):
                dead.add(f"run:{run.id}")
        return dead - safe

    def _is_past(self, when: float, policy: str) -> bool:
        days = self.policy.get(policy)
        return days is not None and self.now - when > float(str(days).rstrip("d"))

    def _origins(self, ref: str) -> set[str]:
        """A thing and what it was made from."""
        found = {ref}
        for version in self.versions:
            if ref == f"model:{NAME}@{version.number}":
                found |= self._origins(f"run:{version.run.id}")
        for run in self.runs:
            if ref == f"run:{run.id}":
                found |= set(run.inputs)
        return found

    def _put(self, content: str = "") -> Digest:
        self.serial += 1
        return self._kept((content or f"object {self.serial}").encode())

    def _tree(self, shared: int, *, fresh: bool = False) -> tuple[Digest, list[Digest]]:
        """A tree of an own file, a shared one, and a tree within it."""
        own, common = self._put(), self._put(f"shared {shared}")
        inner = self.workspace.store.put_tree({"deep.txt": common})
        outer = self.workspace.store.put_tree({"own.txt": own, "common.txt": common, "inner": inner})
        found = [own, common, inner, outer]
        for digest in found:
            self._age(digest, fresh=fresh)
        return outer, found[:-1]

    def _kept(self, data: bytes) -> Digest:
        digest = self.workspace.store.put(data)
        self._age(digest, fresh=digest in self.young)
        return digest

    def _age(self, digest: Digest, *, fresh: bool) -> None:
        if not fresh and digest not in self.young:
            long_ago = time.time() - 30 * DAY_S
            path = self.workspace.store.open_path(digest)
            os.utime(path, (long_ago, long_ago))

    def _append(self, event: object) -> None:
        key = msgspec.json.encode(self.serial)
        self.serial += 1
        _waiting[key] = event
        record(self.workspace, pack=key)
        for digest in event.objects():  # type: ignore[attr-defined]
            self._age(digest, fresh=False)
