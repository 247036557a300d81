"""The store read once more and held against what is here: by count, and run by run by digest."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from ropeway.bringing.bring import Bringing
from ropeway.bringing.registry import listed_here
from ropeway.bringing.report import Count, Report
from ropeway.bringing.runs import in_groups
from ropeway.bringing.told import Owner, ToldExperiment, ToldFile, ToldPoints, ToldRun
from ropeway.core.hashing import digest_file, digest_json
from ropeway.core.ids import Digest
from ropeway.models.afar import operations as models
from ropeway.models.errors import UnknownModel
from ropeway.tracking.afar import operations as tracking
from ropeway.tracking.afar.errors import LoggedModelNotFound
from ropeway.tracking.afar.records import KeptFile
from ropeway.tracking.afar.whole import HeldRun, PointsHeld, points_held
from ropeway.tracking.projections import OWN_EXPERIMENT

MOST_POINTS = 10_000_000
MOST_DIFFERENCES = 1000
KINDS = (
    "experiments", "runs", "params", "tags", "points", "files", "file_bytes", "logged_models",
    "registered_models", "versions", "aliases",
)  # fmt: skip


class Verifying:
    """One comparison."""

    def __init__(self, bringing: Bringing) -> None:
        self.bringing = bringing
        self.source = bringing.source
        self.workspace = bringing.workspace
        self.counts = {kind: Count() for kind in KINDS}
        self.differences: list[str] = []
        self._there: list[str] = []
        self._here: list[str] = []

    def report(self) -> Report:
        """All of it, compared."""
        with TemporaryDirectory(prefix="ropeway-verifying-") as folder:
            for experiment in self.bringing.read(self.source.experiments()):
                self._experiment(experiment, Path(folder))
        self._registry()
        # What of it cannot be read is known once it was read.
        self.differences[:0] = self.source.damaged()
        left_out = [*self.bringing.left_out, *self.source.left_out()]
        return Report(
            source=self.source.shown,
            **self.counts,
            digest_there=digest_json(sorted(self._there)),
            digest_here=digest_json(sorted(self._here)),
            by_digest=self.source.is_local,
            differences=self.differences[:MOST_DIFFERENCES],
            left_out=left_out,
        )

    def _experiment(self, experiment: ToldExperiment, scratch: Path) -> None:
        has_come = experiment.id in self.bringing.homes
        self._count("experiments", 1, int(has_come))
        if not has_come:
            return
        home = tracking.get_experiment(self.workspace, experiment=self.bringing.homes[experiment.id])
        if home.id != OWN_EXPERIMENT:
            tags = (_lines(experiment.tags), _lines(_those(home.tags, experiment.tags)))
            self._compare(f"experiment {experiment.id}", {"tags": tags})
        for some in in_groups(self.bringing.read(self.source.runs(experiment))):
            held = self.bringing.held(some, points=True)
            for run in some:
                self._count("runs", 1, int(run.id in held))
                if run.id in held:
                    self._run(run, held[run.id], scratch)
        for model in self.bringing.read(self.source.models(experiment)):
            try:
                tracking.get_logged(self.workspace, model=model.id, deleted_too=True)
            except LoggedModelNotFound:
                self._count("logged_models", 1, 0)
                continue
            self._count("logged_models", 1, 1)
            owner = Owner("logged model", model.id, model.experiment, model.location)
            if not model.is_deleted:
                kept = self.bringing.kept_of_model(model.id)
                self._compare(f"logged model {model.id}", {"files": self._files(owner, kept, scratch)})

    def _run(self, told: ToldRun, held: HeldRun, scratch: Path) -> None:
        here, kept = held.run, {each.path: each for each in held.files}
        owner = Owner("run", told.id, told.experiment, told.location)
        ends = (told.status, told.started_ms, told.ended_ms or 0, "deleted" if told.is_deleted else "active")
        now = (here.status, here.started_ms, here.ended_ms or 0, here.lifecycle)
        self._count("params", len(told.params), len(told.params.keys() & here.params.keys()))
        self._count("tags", len(told.tags), len(told.tags.keys() & here.tags.keys()))
        # A run of a deleted experiment is deleted with it, whatever it was before.
        if here.lifecycle != ends[3]:
            ends = (*ends[:3], here.lifecycle)
        parts = {
            "status and times": (list(map(str, ends)), list(map(str, now))),
            "params": (_lines(told.params), _lines(_those(here.params, told.params))),
            "tags": (_lines(told.tags), _lines(_those(here.tags, told.tags))),
            "points": self._points(told, held.points),
            "files": self._files(owner, kept, scratch),
        }
        self._compare(f"run {told.id}", parts)

    def _points(self, told: ToldRun, held: dict[str, PointsHeld]) -> tuple[list[str], list[str]]:
        there, here = [], []
        for key, pieces in groupby(self.bringing.read(self.source.points(told)), lambda piece: piece.key):
            points = _joined(key, pieces)
            try:
                said = points_held(points.values, points.times_ms, points.steps)
            except OverflowError:
                said = PointsHeld(count=len(points.values), digest=Digest(""))
            kept = held.get(key)
            there.append(f"{key} {said.digest}")
            here.append(f"{key} {kept.digest if kept is not None else ''}")
            is_same = kept is not None and kept == said
            self._count("points", said.count, said.count if is_same else self._shared(told.id, points))
        return there, here

    def _shared(self, run: str, points: ToldPoints) -> int:
        """How many points of a metric are here, where not all are."""
        columns = zip(points.steps, points.times_ms, points.values, strict=True)
        there = {f"{step} {at} {float(value)!r}" for step, at, value in columns}
        found = tracking.metric_history(self.workspace, run=run, key=points.key, limit=MOST_POINTS).points
        return len(there & {f"{each.step} {each.at_ms} {each.value!r}" for each in found})

    def _files(
        self, owner: Owner, kept: Mapping[str, KeptFile], scratch: Path
    ) -> tuple[list[str], list[str]]:
        files: list[ToldFile] = []
        # Of a run that was here already, nobody has tried them yet.
        with self.bringing.leaving_out(f"the files of {owner.kind} {owner.id}"):
            files = self.source.files(owner)
        there, here = [], []
        for file in files:
            found = kept.get(file.path)
            self._count("files", 1, int(found is not None))
            self._count("file_bytes", file.size_bytes, found.size_bytes if found is not None else 0)
            if (owner.id, file.path) in self.bringing.refused:
                continue
            digest = ""
            with self.bringing.leaving_out(f"file '{file.path}' of {owner.kind} {owner.id}"):
                if self.source.is_local and file.size_bytes:
                    digest = digest_file(self.source.fetch(owner, file, scratch))
                there.append(f"{file.path} {file.size_bytes} {digest}")
                if found is not None:
                    here.append(f"{file.path} {found.size_bytes} {found.digest if digest else ''}")
        return there, here

    def _registry(self) -> None:
        for entry in self.bringing.read(self.source.entries()):
            try:
                here = models.get_entry(self.workspace, shown=entry.name)
            except UnknownModel:
                self._count("registered_models", 1, 0)
                continue
            self._count("registered_models", 1, 1)
            same = [alias for alias, number in entry.aliases.items() if here.aliases.get(alias) == number]
            self._count("aliases", len(entry.aliases), len(same))
            for version in self.bringing.read(self.source.versions(entry)):
                found = None
                if (entry.name, str(version.number)) not in self.bringing.refused:
                    found = listed_here(self.bringing, entry.name, version.number)
                self._count("versions", 1, int(found is not None))
                if found is not None:
                    told = (version.run, version.description, version.created_ms)
                    now = (found.run, found.description or "", found.created_ms)
                    self._compare(
                        f"version {version.number} of '{entry.name}'",
                        {"words and times": (list(map(str, told)), list(map(str, now)))},
                    )

    def _compare(self, what: str, parts: dict[str, tuple[list[str], list[str]]]) -> None:
        for part, (there, here) in parts.items():
            if sorted(there) != sorted(here):
                self.differences.append(f"the {part} of {what} are others here")
        self._there.append(digest_json([what, *(sorted(there) for there, _ in parts.values())]))
        self._here.append(digest_json([what, *(sorted(here) for _, here in parts.values())]))

    def _count(self, kind: str, there: int, here: int) -> None:
        self.counts[kind].there += there
        self.counts[kind].here += here


def _lines(words: dict[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in words.items()]


def _those(here: dict[str, str], told: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in here.items() if key in told}


def _joined(key: str, pieces: Iterable[ToldPoints]) -> ToldPoints:
    """The points of one metric in one piece."""
    whole = ToldPoints(key, [], [], [])
    for piece in pieces:
        whole.values.extend(piece.values)
        whole.times_ms.extend(piece.times_ms)
        whole.steps.extend(piece.steps)
    return whole
