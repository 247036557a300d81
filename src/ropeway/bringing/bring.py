"""A store of MLflow on its way here: what both sides have, and what cannot come.

Killed anywhere, it is brought again: experiments are known by their names, runs and logged models by their
ids, versions by their numbers, points by what they say, files by their names and sizes or digests. What is
deleted is deleted at the very end: nothing can be written to it then.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from ropeway.bringing.errors import OutOfReach, StoreUnreachable
from ropeway.bringing.report import LeftOut
from ropeway.bringing.told import Owner, Source, ToldExperiment, ToldFile, ToldRun
from ropeway.core.errors import Conflict, Invalid, NotFound
from ropeway.core.hashing import digest_file
from ropeway.core.ids import Digest
from ropeway.tracking.afar import operations as tracking
from ropeway.tracking.afar.errors import ExperimentNotFound
from ropeway.tracking.afar.experiments import Lifecycle
from ropeway.tracking.afar.files import check_path
from ropeway.tracking.afar.projections import ACTIVE
from ropeway.tracking.afar.records import Experiment, KeptFile
from ropeway.tracking.afar.whole import HeldRun
from ropeway.tracking.projections import OWN_EXPERIMENT
from ropeway.workspace import Workspace

T = TypeVar("T")
Tell = Callable[[int, int], None]
DELETED: Lifecycle = "deleted"


class Gone(NamedTuple):
    """What was deleted there, by ids."""

    runs: list[str]
    models: list[str]


class Bringing:
    """One store on its way here.

    Attributes:
        left_out: what cannot come, and why.
        refused: the files among it, by owner and name; and the versions, by name and number.
        homes: the experiments' ids there, and here.
        gone: what was deleted there, by experiment.
    """

    def __init__(self, workspace: Workspace, source: Source, tell: Tell) -> None:
        self.workspace = workspace
        self.source = source
        self.tell = tell
        self.left_out: list[LeftOut] = []
        self.refused: set[tuple[str, str]] = set()
        self.homes: dict[str, str] = {}
        self.gone: dict[str, Gone] = {}
        self._made: set[str] = set()
        self._done = 0
        self._left: set[LeftOut] = set()

    def experiments(self) -> Iterator[ToldExperiment]:
        """Every experiment that has a home here, which it is given."""
        for experiment in self.read(self.source.experiments()):
            with self.leaving_out(f"experiment {experiment.id} ('{experiment.name}')"):
                self.homes[experiment.id] = self._experiment(experiment)
            if experiment.id in self.homes:
                yield experiment

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
                    self._delete(experiment, here)
            # It was changed by what came; one that was here before stays as it is.
            if home in self._made:
                self._tell_times(experiment, home)

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

    def held(self, runs: Sequence[ToldRun], *, points: bool = False) -> dict[str, HeldRun]:
        """Those of some runs that are here, by their id."""
        ids = [run.id for run in runs]
        return {each.run.hex: each for each in tracking.look_at_runs(self.workspace, runs=ids, points=points)}

    def bring_files(self, owner: Owner, kept: Mapping[str, KeptFile], scratch: Path) -> dict[str, Digest]:
        """Those files of an owner that are not here yet, brought into the store.

        Args:
            owner: whose.
            kept: the files that it has here.
            scratch: a folder for bytes on their way.
        """
        found: dict[str, Digest] = {}
        with self.leaving_out(f"the files of {owner.kind} {owner.id}"):
            for file in self.source.files(owner):
                with self.leaving_out_file(owner, file.path):
                    digest = self._file(owner, file, kept.get(file.path), scratch)
                    if digest is not None:
                        found[file.path] = digest
        return found

    @contextmanager
    def leaving_out_file(self, owner: Owner, path: str) -> Iterator[None]:
        """As `leaving_out`, for a file; it is not looked for here afterwards."""
        # Taken back when it has come.
        self.refused.add((owner.id, path))
        with self.leaving_out(f"file '{path}' of {owner.kind} {owner.id}"):
            yield
            self.refused.discard((owner.id, path))

    def kept_of_model(self, model: str, folder: str = "") -> dict[str, KeptFile]:
        """The files that a logged model has here."""
        level = tracking.list_model_files(self.workspace, model=model, path=folder)
        found = {each.path: each for each in level if each.digest is not None}
        for each in level:
            if each.digest is None:
                found |= self.kept_of_model(model, each.path)
        return found

    def note_gone(self, experiment: ToldExperiment, runs: list[str], models: list[str]) -> None:
        """Remember what was deleted there."""
        gone = self.gone.setdefault(experiment.id, Gone([], []))
        gone.runs.extend(runs)
        gone.models.extend(models)

    def step(self) -> None:
        """Tell that one more is done."""
        self._done += 1
        self.tell(self._done, 0)

    def _leave_out(self, what: str, why: str) -> None:
        left = LeftOut(what=what, why=why)
        if left not in self._left:
            self._left.add(left)
            self.left_out.append(left)

    def _experiment(self, told: ToldExperiment) -> str:
        """The id here of an experiment: that of its name, else its own where that is free, else a new one."""
        if told.id == OWN_EXPERIMENT:
            return OWN_EXPERIMENT
        try:
            here = tracking.get_experiment(self.workspace, name=told.name)
        except ExperimentNotFound:
            home = tracking.create_experiment(
                self.workspace,
                name=told.name,
                tags=told.tags,
                told_id="" if self._is_taken(told.id) else told.id,
            )
            self._made.add(home)
            # At once: by them a command that is repeated after a kill knows that it came from there.
            self._tell_times(told, home)
            return home
        fresh = {key: value for key, value in told.tags.items() if here.tags.get(key) != value}
        if fresh and here.lifecycle == ACTIVE:
            tracking.change_experiment(self.workspace, experiment=here.id, tags=fresh)
        return here.id

    def _tell_times(self, told: ToldExperiment, home: str) -> None:
        with self.leaving_out(f"the times of experiment {told.id}"):
            tracking.tell_times(
                self.workspace,
                thing="experiment",
                told=home,
                created_ms=told.created_ms,
                changed_ms=told.changed_ms,
            )

    def _is_taken(self, told: str) -> bool:
        try:
            tracking.get_experiment(self.workspace, experiment=told)
        except ExperimentNotFound:
            return False
        return True

    def _file(self, owner: Owner, file: ToldFile, kept: KeptFile | None, scratch: Path) -> Digest | None:
        check_path(file.path)
        if kept is not None and kept.size_bytes == file.size_bytes and not self.source.is_local:
            return None
        path = self.source.fetch(owner, file, scratch)
        if kept is not None and file.size_bytes and digest_file(path) == kept.digest:
            return None
        return self.workspace.store.put_file(path)

    def _delete(self, told: ToldExperiment, here: Experiment) -> None:
        """Delete an experiment that came from there; one that only has its name has runs of its own."""
        if here.id in self._made or here.created_ms == told.created_ms:
            tracking.change_experiment(self.workspace, experiment=here.id, lifecycle=DELETED)
        else:
            what = f"the deletion of experiment {told.id} ('{told.name}')"
            self._leave_out(what, "one of that name was here before, and stays")

    def _delete_in(self, experiment: ToldExperiment) -> None:
        gone = self.gone.get(experiment.id, Gone([], []))
        for run in gone.runs:
            with self.leaving_out(f"the deletion of run {run}"):
                here = tracking.get_tracked(self.workspace, run=run)
                # By the id that it had there, and by no other that something here may have.
                if here.hex == run and here.lifecycle == ACTIVE:
                    tracking.change_run(self.workspace, run=run, lifecycle=DELETED)
        for model in gone.models:
            with self.leaving_out(f"logged model {model}"):
                tracking.change_logged(self.workspace, model=model, lifecycle=DELETED)
