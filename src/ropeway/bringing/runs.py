"""The runs of an experiment on their way here: many in one transaction, each whole or not at all.

A run that is too large for that comes piece by piece, as does one that came in part before, and one that
cannot be kept as it is: what of it can be kept comes, and the rest is named.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from msgspec.structs import asdict

from ropeway.bringing.bring import Bringing
from ropeway.bringing.told import Owner, ToldExperiment, ToldPoints, ToldRun
from ropeway.core.errors import Conflict, Invalid, NotFound
from ropeway.tracking.afar import operations as tracking
from ropeway.tracking.afar.projections import ACTIVE
from ropeway.tracking.afar.records import KeptFile, TrackedRun
from ropeway.tracking.afar.whole import PointColumns, WholeRun, point_columns
from ropeway.tracking.batches import log_points

KIND = "mlflow"
PARENT = "mlflow.parentRunId"
UNDONE = ("running", "scheduled")
MOST_RUNS = 64
"""So many in one transaction: others who write wait for as long."""
MOST_POINTS = 20_000
POINT_BYTES = 8
"""Of each column but that of the keys."""
MOST_FILES = 1_000
MOST_CHARACTERS = 1 << 20


def bring_runs(bringing: Bringing, experiment: ToldExperiment, scratch: Path) -> None:
    """Bring the runs of an experiment that are not here yet, or not yet whole.

    Args:
        bringing: from where to where.
        experiment: whose; it has a home here.
        scratch: a folder for bytes on their way.
    """
    for some in in_groups(bringing.read(bringing.source.runs(experiment))):
        bringing.note_gone(experiment, [run.id for run in some if run.is_deleted], [])
        held = bringing.held(some)
        batch = _Batch(bringing, scratch)
        for told in some:
            found = held.get(told.id)
            if found is not None:
                _complete(bringing, told, found.run, found.files, scratch)
            elif (whole := _whole(bringing, told, scratch)) is not None:
                batch.add(told, whole)
            else:
                # Its children find it here: what was begun before it comes before it.
                batch.send()
                _open(bringing, told, scratch)
        batch.send()
        for _ in some:
            bringing.step()


def in_groups(runs: Iterable[ToldRun]) -> Iterator[list[ToldRun]]:
    """So many at a time as one transaction may take."""
    rest = iter(runs)
    while some := list(islice(rest, MOST_RUNS)):
        yield some


class _Batch:
    """Runs that go together."""

    def __init__(self, bringing: Bringing, scratch: Path) -> None:
        self._bringing = bringing
        self._scratch = scratch
        self._runs: list[tuple[ToldRun, WholeRun]] = []
        self._weight = 0.0

    def add(self, told: ToldRun, whole: WholeRun) -> None:
        """Take one along; those before it go first where it is too much for one transaction."""
        weight = _weight(whole)
        if self._weight + weight > 1:
            self.send()
        self._runs.append((told, whole))
        self._weight += weight

    def send(self) -> None:
        """Let them go."""
        runs, self._runs, self._weight = self._runs, [], 0.0
        if runs:
            self._send(runs)

    def _send(self, runs: list[tuple[ToldRun, WholeRun]]) -> None:
        workspace = self._bringing.workspace
        try:
            tracking.bring_runs(workspace, kind=KIND, runs=[whole for _, whole in runs])
        except (Invalid, Conflict, NotFound, OverflowError):
            if len(runs) == 1:
                _open(self._bringing, runs[0][0], self._scratch)
                return
            # One of them cannot be kept as it is: the others still go together.
            middle = len(runs) // 2
            self._send(runs[:middle])
            self._send(runs[middle:])


def _weight(run: WholeRun) -> float:
    """How much of one transaction a run takes."""
    texts = sum(len(key) + len(value) for words in (run.params, run.tags) for key, value in words.items())
    texts += sum(len(each.source) + len(each.schema or "") + len(each.profile or "") for each in run.datasets)
    return (
        len(run.points.values) / POINT_BYTES / MOST_POINTS
        + len(run.files) / MOST_FILES
        + texts / MOST_CHARACTERS
    )


def _whole(bringing: Bringing, told: ToldRun, scratch: Path) -> WholeRun | None:
    """A run with all that hangs on it; None for one that is too large or cannot be told whole."""
    points = _points(bringing, told)
    if points is None:
        return None
    owner = Owner("run", told.id, told.experiment, told.location)
    files = bringing.bring_files(owner, {}, scratch)
    whole = WholeRun(
        id=told.id,
        experiment=bringing.homes[told.experiment],
        name=told.name or None,
        user=told.user or None,
        status=told.status,
        started_ms=told.started_ms,
        ended_ms=told.ended_ms,
        parent=told.tags.get(PARENT),
        params=told.params,
        tags=told.tags,
        points=points,
        files=files,
        datasets=told.datasets,
        models_in=told.models_in,
        models_out=told.models_out,
    )
    return whole if _weight(whole) <= 1 else None


def _points(bringing: Bringing, told: ToldRun) -> PointColumns | None:
    """Its points; None where they are too many for one transaction, or not all of them can be kept."""
    found: list[ToldPoints] = []
    count = 0
    for piece in bringing.read(bringing.source.points(told)):
        count += len(piece.values)
        if count > MOST_POINTS:
            return None
        found.append(piece)
    try:
        return _columns(found)
    except OverflowError:
        return None


def _columns(points: list[ToldPoints]) -> PointColumns:
    return point_columns(
        [piece.key for piece in points for _ in piece.values],
        [value for piece in points for value in piece.values],
        [at for piece in points for at in piece.times_ms],
        [step for piece in points for step in piece.steps],
    )


def _open(bringing: Bringing, told: ToldRun, scratch: Path) -> None:
    """Bring a run piece by piece."""
    with bringing.leaving_out(f"run {told.id}"):
        here = tracking.open_run(
            bringing.workspace,
            experiment=bringing.homes[told.experiment],
            kind=KIND,
            name=told.name or None,
            user=told.user or None,
            tags=told.tags,
            started_ms=told.started_ms,
            parent=told.tags.get(PARENT),
            told_id=told.id,
        )
        _complete(bringing, told, here, [], scratch)


def _complete(
    bringing: Bringing, told: ToldRun, here: TrackedRun, files: list[KeptFile], scratch: Path
) -> None:
    """Bring what a run lacks that is here; its end, which marks it as done, at the end."""
    is_done = (here.status, here.ended_ms) == (told.status, told.ended_ms) and told.status not in UNDONE
    if is_done or here.lifecycle != ACTIVE:
        return
    workspace = bringing.workspace
    with bringing.leaving_out(f"run {told.id}"):
        _words_and_points(bringing, told, here)
        owner = Owner("run", told.id, told.experiment, told.location)
        kept = {each.path: each for each in files}
        for path, digest in bringing.bring_files(owner, kept, scratch).items():
            with bringing.leaving_out_file(owner, path):
                tracking.put_run_file(workspace, run=told.id, path=path, digest=digest)
        _links(bringing, told, here)
        tracking.change_run(workspace, run=told.id, status=told.status, ended_ms=told.ended_ms)


def _words_and_points(bringing: Bringing, told: ToldRun, here: TrackedRun) -> None:
    workspace = bringing.workspace
    params = {key: value for key, value in told.params.items() if here.params.get(key) != value}
    tags = {key: value for key, value in told.tags.items() if here.tags.get(key) != value}
    if params:
        with bringing.leaving_out(f"params of run {told.id}"):
            tracking.record_batch(workspace, run=told.id, params=params)
    if tags:
        with bringing.leaving_out(f"tags of run {told.id}"):
            tracking.record_batch(workspace, run=told.id, tags=tags)
    for piece in bringing.read(bringing.source.points(told)):
        with bringing.leaving_out(f"{len(piece.values):,} points of '{piece.key}' of run {told.id}"):
            log_points(workspace, run=here.id, **asdict(_columns([piece])))


def _links(bringing: Bringing, told: ToldRun, here: TrackedRun) -> None:
    known = {(each.name, each.digest) for each in here.datasets}
    made = {each.model for each in here.models_out}
    datasets = [each for each in told.datasets if (each.name, each.digest) not in known]
    models_in = [each for each in told.models_in if each not in here.models_in]
    models_out = [each for each in told.models_out if each.model not in made]
    if datasets or models_in or models_out:
        tracking.link_run(
            bringing.workspace, run=told.id, datasets=datasets, models_in=models_in, models_out=models_out
        )
