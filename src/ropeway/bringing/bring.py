"""A store of MLflow, told here thing by thing: what is here already is passed over, what is not comes.

Killed anywhere, it is run again: experiments are known by their names, runs and logged models by their ids,
versions by their numbers, points by what they say, files by their names and sizes or digests. What marks a
run as done, its end, is told last; what is deleted is deleted at the very end: nothing can be written to
it then.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ropeway.bringing.errors import OutOfReach, StoreUnreachable
from ropeway.bringing.report import LeftOut
from ropeway.bringing.told import Owner, Source, ToldExperiment, ToldFile, ToldModel, ToldRun
from ropeway.core.errors import Conflict, Invalid, NotFound
from ropeway.core.hashing import digest_file
from ropeway.core.ids import Digest
from ropeway.tracking.afar import operations as tracking
from ropeway.tracking.afar.errors import ExperimentNotFound, LoggedModelNotFound
from ropeway.tracking.afar.experiments import Lifecycle
from ropeway.tracking.afar.projections import ACTIVE
from ropeway.tracking.afar.records import KeptFile, TrackedRun
from ropeway.tracking.errors import RunNotFound
from ropeway.tracking.projections import OWN_EXPERIMENT
from ropeway.workspace import Workspace

T = TypeVar("T")
Tell = Callable[[int, int], None]
PARENT = "mlflow.parentRunId"
UNDONE = ("running", "scheduled")
DELETED: Lifecycle = "deleted"


class Bringing:
    """One store on its way here.

    Attributes:
        left_out: what cannot come, and why.
        refused: the files among it, by owner and name; and the versions, by name and number.
        homes: the experiments' ids there, and here.
    """

    def __init__(self, workspace: Workspace, source: Source, tell: Tell) -> None:
        self.workspace = workspace
        self.source = source
        self.tell = tell
        self.left_out: list[LeftOut] = []
        self.refused: set[tuple[str, str]] = set()
        self.homes: dict[str, str] = {}
        self._done = 0
        self._left: set[LeftOut] = set()

    def runs_and_models(self) -> None:
        """Experiments, runs with their points and files, logged models."""
        with tempfile.TemporaryDirectory(prefix="ropeway-bringing-") as folder:
            scratch = Path(folder)
            for experiment in self.read(self.source.experiments()):
                with self.leaving_out(f"experiment {experiment.id} ('{experiment.name}')"):
                    self.homes[experiment.id] = self._experiment(experiment)
                if experiment.id not in self.homes:
                    continue
                for run in self.read(self.source.runs(experiment)):
                    with self.leaving_out(f"run {run.id}"):
                        self._run(run, scratch)
                    self._step()
                for model in self.read(self.source.models(experiment)):
                    with self.leaving_out(f"logged model {model.id}"):
                        self._model(model, scratch)
                    self._step()

    def delete(self) -> None:
        """What is deleted there, and tell when experiments were made."""
        for experiment in self.read(self.source.experiments()):
            home = self.homes.get(experiment.id)
            if home is None:
                continue
            here = tracking.get_experiment(self.workspace, experiment=home)
            if here.lifecycle == ACTIVE:
                self._delete_in(experiment)
                if experiment.is_deleted and home != OWN_EXPERIMENT:
                    tracking.change_experiment(self.workspace, experiment=home, lifecycle=DELETED)
            # One that was here before stays as old as it is.
            if home != OWN_EXPERIMENT and here.created_ms > experiment.created_ms:
                with self.leaving_out(f"the times of experiment {experiment.id}"):
                    tracking.tell_times(
                        self.workspace,
                        thing="experiment",
                        told=home,
                        created_ms=experiment.created_ms,
                        changed_ms=experiment.changed_ms,
                    )

    def read(self, things: Iterator[T]) -> Iterator[T]:
        """What a source gives; what it tells in no form that a store has is its own fault, and said so.

        Raises:
            StoreUnreachable: it cannot go on.
        """
        while True:
            try:
                thing = next(things)
            except StopIteration:
                return
            except (
                ValueError,
                KeyError,
                TypeError,
                AttributeError,
                IndexError,
                OverflowError,
                OSError,
            ) as error:
                said = f"it tells what cannot be read ({type(error).__name__}: {error})"
                raise StoreUnreachable(self.source.shown, said) from error
            yield thing

    @contextmanager
    def leaving_out(self, what: str) -> Iterator[None]:
        """Note what cannot be kept here, and go on."""
        try:
            yield
        except OutOfReach as error:
            self._leave_out(what, str(error))
        except (Invalid, Conflict, NotFound) as error:
            self._leave_out(what, error.what)
        except OverflowError as error:
            self._leave_out(what, f"a number in it is too large ({error})")

    def run_here(self, told: str) -> TrackedRun | None:
        """The run with that id, where it is here already."""
        try:
            return tracking.get_tracked(self.workspace, run=told)
        except RunNotFound:
            return None

    def kept(self, owner: Owner, folder: str = "") -> dict[str, KeptFile]:
        """The files that an owner has here."""
        if owner.kind == "run":
            level = tracking.list_run_files(self.workspace, run=owner.id, path=folder)
        else:
            level = tracking.list_model_files(self.workspace, model=owner.id, path=folder)
        found = {each.path: each for each in level if each.digest is not None}
        for each in level:
            if each.digest is None:
                found |= self.kept(owner, each.path)
        return found

    def _leave_out(self, what: str, why: str) -> None:
        left = LeftOut(what=what, why=why)
        if left not in self._left:
            self._left.add(left)
            self.left_out.append(left)

    def _step(self) -> None:
        self._done += 1
        self.tell(self._done, 0)

    def _experiment(self, told: ToldExperiment) -> str:
        """The id here of an experiment: that of its name, else its own where that is free, else a new one."""
        if told.id == OWN_EXPERIMENT:
            return OWN_EXPERIMENT
        try:
            here = tracking.get_experiment(self.workspace, name=told.name)
        except ExperimentNotFound:
            return tracking.create_experiment(
                self.workspace,
                name=told.name,
                tags=told.tags,
                told_id="" if self._is_taken(told.id) else told.id,
            )
        fresh = {key: value for key, value in told.tags.items() if here.tags.get(key) != value}
        if fresh and here.lifecycle == ACTIVE:
            tracking.change_experiment(self.workspace, experiment=here.id, tags=fresh)
        return here.id

    def _is_taken(self, told: str) -> bool:
        try:
            tracking.get_experiment(self.workspace, experiment=told)
        except ExperimentNotFound:
            return False
        return True

    def _run(self, told: ToldRun, scratch: Path) -> None:
        here = self.run_here(told.id)
        if here is None:
            here = tracking.open_run(
                self.workspace,
                experiment=self.homes[told.experiment],
                kind="mlflow",
                name=told.name or None,
                user=told.user or None,
                tags=told.tags,
                started_ms=told.started_ms,
                parent=told.tags.get(PARENT),
                told_id=told.id,
            )
        is_done = (here.status, here.ended_ms) == (told.status, told.ended_ms) and told.status not in UNDONE
        if is_done or here.lifecycle != ACTIVE:
            return
        self._words_and_points(told, here)
        self._files(Owner("run", told.id, told.experiment, told.location), scratch)
        self._links(told, here)
        tracking.change_run(self.workspace, run=told.id, status=told.status, ended_ms=told.ended_ms)

    def _words_and_points(self, told: ToldRun, here: TrackedRun) -> None:
        params = {key: value for key, value in told.params.items() if here.params.get(key) != value}
        tags = {key: value for key, value in told.tags.items() if here.tags.get(key) != value}
        with self.leaving_out(f"params of run {told.id}"):
            tracking.record_batch(self.workspace, run=told.id, params=params)
        with self.leaving_out(f"tags of run {told.id}"):
            tracking.record_batch(self.workspace, run=told.id, tags=tags)
        for piece in self.read(self.source.points(told)):
            with self.leaving_out(f"{len(piece.values):,} points of '{piece.key}' of run {told.id}"):
                tracking.record_batch(
                    self.workspace,
                    run=told.id,
                    keys=[piece.key] * len(piece.values),
                    values=piece.values,
                    times_ms=piece.times_ms,
                    steps=piece.steps,
                )

    def _links(self, told: ToldRun, here: TrackedRun) -> None:
        known = {(each.name, each.digest) for each in here.datasets}
        datasets = [each for each in told.datasets if (each.name, each.digest) not in known]
        made = {each.model for each in here.models_out}
        tracking.link_run(
            self.workspace,
            run=told.id,
            datasets=datasets,
            models_in=[each for each in told.models_in if each not in here.models_in],
            models_out=[each for each in told.models_out if each.model not in made],
        )

    def _files(self, owner: Owner, scratch: Path) -> None:
        with self.leaving_out(f"the files of {owner.kind} {owner.id}"):
            files = self.source.files(owner)
            kept = self.kept(owner)
            for file in files:
                with self.leaving_out(f"file '{file.path}' of {owner.kind} {owner.id}"):
                    # Taken back when it has come.
                    self.refused.add((owner.id, file.path))
                    self._file(owner, file, kept.get(file.path), scratch)
                    self.refused.discard((owner.id, file.path))

    def _file(self, owner: Owner, file: ToldFile, kept: KeptFile | None, scratch: Path) -> None:
        if kept is not None and kept.size_bytes == file.size_bytes and not self.source.is_local:
            return
        path = self.source.fetch(owner, file, scratch)
        if kept is not None and file.size_bytes and digest_file(path) == kept.digest:
            return
        digest: Digest = self.workspace.store.put_file(path)
        if owner.kind == "run":
            tracking.put_run_file(self.workspace, run=owner.id, path=file.path, digest=digest)
        else:
            tracking.put_model_file(self.workspace, model=owner.id, path=file.path, digest=digest)

    def _model(self, told: ToldModel, scratch: Path) -> None:
        try:
            here = tracking.get_logged(self.workspace, model=told.id, deleted_too=True)
        except LoggedModelNotFound:
            run = self.run_here(told.run) if told.run else None
            here = tracking.create_logged(
                self.workspace,
                experiment=self.homes[told.experiment],
                name=told.name,
                kind=told.kind,
                run=None if run is None else run.id,
                tags=told.tags,
                params=told.params,
                told_id=told.id,
            )
        if here.lifecycle != ACTIVE:
            return
        self._files(Owner("logged model", told.id, told.experiment, told.location), scratch)
        self._figures(told, len(here.metrics))
        if here.status != told.status:
            tracking.change_logged(self.workspace, model=told.id, status=told.status)
        if here.created_ms != told.created_ms:
            tracking.tell_times(
                self.workspace,
                thing="logged-model",
                told=told.id,
                created_ms=told.created_ms,
                changed_ms=told.changed_ms,
            )

    def _figures(self, told: ToldModel, known: int) -> None:
        if known >= len({(run, each.key) for run, figures in told.figures.items() for each in figures}):
            return
        for run, figures in told.figures.items():
            with self.leaving_out(f"{len(figures):,} figures of logged model {told.id}"):
                tracking.record_batch(self.workspace, run=run, figures=figures)

    def _delete_in(self, experiment: ToldExperiment) -> None:
        for run in self.read(self.source.runs(experiment)):
            here = self.run_here(run.id) if run.is_deleted else None
            if here is not None and here.lifecycle == ACTIVE:
                tracking.change_run(self.workspace, run=run.id, lifecycle=DELETED)
        for model in self.read(self.source.models(experiment)):
            if model.is_deleted:
                with self.leaving_out(f"logged model {model.id}"):
                    tracking.change_logged(self.workspace, model=model.id, lifecycle=DELETED)
