"""A file store: folders of experiments and runs, a `meta.yaml` in each, a file for each word and metric."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ropeway.bringing.errors import NoStoreThere, StoreUnreachable
from ropeway.bringing.places import Places
from ropeway.bringing.reading import LARGEST_BYTES, META, Reading
from ropeway.bringing.report import BESIDES, LeftOut
from ropeway.bringing.told import (
    DELETED_STAGE,
    MODEL_STATUS,
    STATUS,
    STATUS_NUMBERS,
    Owner,
    ToldEntry,
    ToldExperiment,
    ToldFile,
    ToldModel,
    ToldPoints,
    ToldRun,
    ToldVersion,
)
from ropeway.tracking.afar.batch import Figure
from ropeway.tracking.afar.events import DatasetUse, ModelOutput

MODELS = "models"
TRASH = ".trash"
MODEL_IN = "MODEL_INPUT"
PIECE = 20_000
LONGEST_SHOWN = 80
LAST_STEP = 2**63 - 1
RUN_OF_LINE = 3
"""The field of a line with a point of a logged model that names the run."""
CONTEXT_LINE = 5
"""Fields of a line with a point of a logged model; with two more it names its data set."""


class FolderSource:
    """The store in a folder such as `./mlruns`."""

    is_local = True

    def __init__(self, root: Path, artifacts: Path | None = None) -> None:
        if not root.is_dir():
            raise NoStoreThere(str(root))
        self.root = root.resolve()
        self.shown = str(root)
        self._torn: set[tuple[str, str, str]] = set()
        self._reading = Reading(self.root)
        self.places = Places([self.root, *([artifacts] if artifacts is not None else [])])
        if not any(self._experiment_folders()) and not (self.root / MODELS).is_dir():
            raise NoStoreThere(str(root))

    def experiments(self) -> Iterator[ToldExperiment]:
        """Every experiment, deleted ones too."""
        for folder in self._experiment_folders():
            meta = self._reading.meta(folder)
            if meta is None:
                continue
            yield ToldExperiment(
                id=folder.name,
                name=str(meta.get("name") or folder.name),
                location=str(meta.get("artifact_location") or ""),
                is_deleted=meta.get("lifecycle_stage") == "deleted",
                created_ms=_ms(meta.get("creation_time")),
                changed_ms=_ms(meta.get("last_update_time")),
                tags=self._reading.words(folder / "tags"),
            )

    def runs(self, experiment: ToldExperiment) -> Iterator[ToldRun]:
        """The runs of one, the one begun first first."""
        folder = self._folder_of(experiment)
        found = [(each, self._reading.meta(each)) for each in self._reading.children(folder)]
        runs = [(each, meta) for each, meta in found if meta is not None and "start_time" in meta]
        for each, meta in sorted(runs, key=lambda pair: _ms(pair[1].get("start_time"))):
            models_in, models_out = self._models_of(each)
            yield ToldRun(
                id=each.name,
                experiment=experiment.id,
                name=str(meta.get("run_name") or ""),
                user=str(meta.get("user_id") or ""),
                status=STATUS.get(_status(meta.get("status")), "finished"),
                started_ms=_ms(meta.get("start_time")),
                ended_ms=None if meta.get("end_time") is None else _ms(meta["end_time"]),
                is_deleted=meta.get("lifecycle_stage") == "deleted",
                location=str(meta.get("artifact_uri") or ""),
                params=self._reading.words(each / "params"),
                tags=self._reading.words(each / "tags"),
                keys=self._reading.names(each / "metrics"),
                datasets=self._datasets(folder, each),
                models_in=models_in,
                models_out=models_out,
            )

    def points(self, run: ToldRun) -> Iterator[ToldPoints]:
        """The points of a run: a line for each."""
        folder = self._run_folder(run)
        for key in run.keys:
            piece = ToldPoints(key, [], [], [])
            for line in self._reading.lines(folder / "metrics" / key):
                try:
                    at_ms, value, step = _point(line.split())
                except ValueError:
                    # Whoever wrote it may have been killed over it.
                    self._torn.add((run.id, key, line[:LONGEST_SHOWN]))
                    continue
                piece.times_ms.append(at_ms)
                piece.values.append(value)
                piece.steps.append(step)
                if len(piece.values) == PIECE:
                    yield piece
                    piece = ToldPoints(key, [], [], [])
            if piece.values:
                yield piece

    def models(self, experiment: ToldExperiment) -> Iterator[ToldModel]:
        """The logged models of an experiment."""
        for folder in self._reading.children(self._folder_of(experiment) / MODELS):
            meta = self._reading.meta(folder)
            if meta is None:
                continue
            yield ToldModel(
                id=folder.name,
                experiment=experiment.id,
                name=str(meta.get("name") or ""),
                kind=str(meta.get("model_type") or ""),
                run=str(meta.get("source_run_id") or ""),
                status=MODEL_STATUS.get(str(meta.get("status")), "pending"),
                is_deleted=meta.get("lifecycle_stage") == "deleted",
                created_ms=_ms(meta.get("creation_timestamp")),
                changed_ms=_ms(meta.get("last_updated_timestamp")),
                location=str(meta.get("artifact_location") or ""),
                params=self._reading.words(folder / "params"),
                tags=self._reading.words(folder / "tags"),
                figures=self._figures(folder),
            )

    def entries(self) -> Iterator[ToldEntry]:
        """The registered names."""
        for folder in self._reading.children(self.root / MODELS):
            meta = self._reading.meta(folder)
            if meta is None:
                continue
            aliases = {name: _number(text) for name, text in self._reading.words(folder / "aliases").items()}
            yield ToldEntry(
                name=_name(folder, meta),
                description=str(meta.get("description") or ""),
                created_ms=_ms(meta.get("creation_timestamp")),
                changed_ms=_ms(meta.get("last_updated_timestamp")),
                tags=self._reading.words(folder / "tags"),
                aliases=aliases,
            )

    def versions(self, entry: ToldEntry) -> Iterator[ToldVersion]:
        """The versions of one, by number."""
        home = next(
            folder for folder, meta in self._metas(self.root / MODELS) if _name(folder, meta) == entry.name
        )
        found = self._metas(home)
        for folder, meta in sorted(found, key=lambda pair: _number(pair[0].name.rpartition("-")[2])):
            if meta.get("current_stage") == DELETED_STAGE:
                continue
            yield ToldVersion(
                name=entry.name,
                number=_number(meta.get("version")),
                source=str(meta.get("source") or ""),
                run=str(meta.get("run_id") or ""),
                logged_model=str(meta.get("model_id") or ""),
                description=str(meta.get("description") or ""),
                run_link=str(meta.get("run_link") or ""),
                stage=str(meta.get("current_stage") or ""),
                created_ms=_ms(meta.get("creation_timestamp")),
                changed_ms=_ms(meta.get("last_updated_timestamp")),
                tags=self._reading.words(folder / "tags"),
            )

    def files(self, owner: Owner) -> list[ToldFile]:
        """The files of a run or of a logged model."""
        return self.places.files(owner)

    def fetch(self, owner: Owner, file: ToldFile, scratch: Path) -> Path:  # noqa: ARG002  where it lies, it is read
        """The file where it lies."""
        return self.places.path(owner, file)

    def left_out(self) -> list[LeftOut]:
        """Traces, which lie beside the runs, and what is no point or no param."""
        folders = self._experiment_folders()
        traces = sum(1 for each in folders for _ in self._reading.children(each / "traces"))
        said = [f"{traces:,} traces are not brought over"] if traces else []
        if self._torn:
            said.append(f"{len(self._torn):,} lines of metrics are no points and are not brought over")
        if large := len(self._reading.large):
            said.append(f"{large:,} params or tags have more than {LARGEST_BYTES:,} bytes")
        return [LeftOut(what=BESIDES, why=each) for each in said]

    def damaged(self) -> list[str]:
        """Files that could not be read."""
        return list(self._reading.damaged)

    def close(self) -> None:
        """Nothing is held open."""

    def _experiment_folders(self) -> list[Path]:
        folders = [*self._reading.children(self.root), *self._reading.children(self.root / TRASH)]
        return [each for each in folders if each.name != MODELS and (each / META).is_file()]

    def _folder_of(self, experiment: ToldExperiment) -> Path:
        found = [each for each in self._experiment_folders() if each.name == experiment.id]
        return found[0]

    def _run_folder(self, run: ToldRun) -> Path:
        for home in (self.root, self.root / TRASH):
            if (home / run.experiment / run.id).is_dir():
                return home / run.experiment / run.id
        raise StoreUnreachable(self.shown, f"run {run.id} is gone")

    def _datasets(self, experiment: Path, run: Path) -> list[DatasetUse]:
        found = []
        for _, link in self._metas(run / "inputs"):
            # A name out of a file is looked for among what is there, never put into a path.
            homes = {each.name: each for each in self._reading.children(experiment / "datasets")}
            home = homes.get(str(link.get("source_id")))
            meta = None if home is None else self._reading.meta(home)
            if meta is not None:
                found.append(_dataset(meta, link.get("tags")))
        return found

    def _models_of(self, run: Path) -> tuple[list[str], list[ModelOutput]]:
        made = [
            ModelOutput(model=str(meta.get("destination_id")), step=_number(meta.get("step")))
            for _, meta in self._metas(run / "outputs")
        ]
        used = [meta for _, meta in self._metas(run / "inputs")]
        taken = [str(each.get("destination_id")) for each in used if each.get("destination_type") == MODEL_IN]
        return taken, made

    def _figures(self, folder: Path) -> dict[str, list[Figure]]:
        found: dict[str, list[Figure]] = {}
        for key in self._reading.names(folder / "metrics"):
            for line in self._reading.lines(folder / "metrics" / key):
                words = line.split()
                try:
                    at_ms, value, step = _point(words)
                except ValueError:
                    self._torn.add((folder.name, key, line[:LONGEST_SHOWN]))
                    continue
                if len(words) <= RUN_OF_LINE:
                    continue
                on = words[4:6] if len(words) > CONTEXT_LINE else [None, None]
                figure = Figure(
                    model=folder.name,
                    key=key,
                    value=value,
                    at_ms=at_ms,
                    step=str(step),
                    dataset_name=on[0],
                    dataset_digest=on[1],
                )
                found.setdefault(words[RUN_OF_LINE], []).append(figure)
        return found

    def _metas(self, folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """The folders in a folder that have a `meta.yaml`, with what it says."""
        for each in self._reading.children(folder):
            if (meta := self._reading.meta(each)) is not None:
                yield each, meta


def _dataset(meta: Mapping[str, Any], tags: Any) -> DatasetUse:
    return DatasetUse(
        name=str(meta.get("name") or ""),
        digest=str(meta.get("digest") or ""),
        source_type=str(meta.get("source_type") or ""),
        source=str(meta.get("source") or ""),
        schema=None if meta.get("schema") is None else str(meta["schema"]),
        profile=None if meta.get("profile") is None else str(meta["profile"]),
        tags={str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {},
    )


def _point(words: list[str]) -> tuple[int, float, int]:
    """Time, value and step of a line.

    Raises:
        ValueError: it has none.
    """
    if len(words) < 2:
        raise ValueError
    step = int(words[2]) if len(words) > 2 else 0
    if not -LAST_STEP <= step <= LAST_STEP:
        raise ValueError
    return _ms(words[0]), float(words[1]), step


def _name(folder: Path, meta: Mapping[str, Any]) -> str:
    return str(meta.get("name") or folder.name)


def _status(told: Any) -> str:
    return STATUS_NUMBERS[told] if isinstance(told, int) and 0 < told < len(STATUS_NUMBERS) else str(told)


def _ms(told: Any) -> int:
    return _number(told)


def _number(told: Any) -> int:
    try:
        return int(told)
    except (TypeError, ValueError, OverflowError):
        return 0
