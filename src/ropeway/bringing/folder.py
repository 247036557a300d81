"""A file store: folders of experiments and runs, a `meta.yaml` in each, a file for each word and metric."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from ropeway.bringing.errors import NoStoreThere, StoreUnreachable
from ropeway.bringing.places import Places
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
from ropeway.core.plain_yaml import read_yaml
from ropeway.tracking.afar.batch import Figure
from ropeway.tracking.afar.events import DatasetUse, ModelOutput

META = "meta.yaml"
MODELS = "models"
TRASH = ".trash"
MODEL_IN = "MODEL_INPUT"
PIECE = 20_000
LARGEST_META = 16 << 20
LONGEST_LINE = 1 << 16
LONGEST_SHOWN = 80
LAST_STEP = 2**63 - 1
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
        self._large: set[Path] = set()
        self.places = Places([self.root, *([artifacts] if artifacts is not None else [])])
        if not any(self._experiment_folders()) and not (self.root / MODELS).is_dir():
            raise NoStoreThere(str(root))

    def experiments(self) -> Iterator[ToldExperiment]:
        """Every experiment, deleted ones too."""
        for folder in self._experiment_folders():
            meta = self._meta(folder)
            yield ToldExperiment(
                id=folder.name,
                name=str(meta.get("name") or folder.name),
                location=str(meta.get("artifact_location") or ""),
                is_deleted=meta.get("lifecycle_stage") == "deleted",
                created_ms=_ms(meta.get("creation_time")),
                changed_ms=_ms(meta.get("last_update_time")),
                tags=self._words(folder / "tags"),
            )

    def runs(self, experiment: ToldExperiment) -> Iterator[ToldRun]:
        """The runs of one, the one begun first first."""
        folder = self._folder_of(experiment)
        found = [(each, self._meta(each)) for each in self._children(folder) if self._is_plain(each / META)]
        runs = [(each, meta) for each, meta in found if "start_time" in meta]
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
                params=self._words(each / "params"),
                tags=self._words(each / "tags"),
                keys=self._names(each / "metrics"),
                datasets=self._datasets(folder, each),
                models_in=models_in,
                models_out=models_out,
            )

    def points(self, run: ToldRun) -> Iterator[ToldPoints]:
        """The points of a run: a line for each."""
        folder = self._run_folder(run)
        for key in run.keys:
            piece = ToldPoints(key, [], [], [])
            with self._open(folder / "metrics" / key) as lines:
                for line in self._lines(lines):
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
        for folder in self._children(self._folder_of(experiment) / MODELS):
            if not self._is_plain(folder / META):
                continue
            meta = self._meta(folder)
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
                params=self._words(folder / "params"),
                tags=self._words(folder / "tags"),
                figures=self._figures(folder),
            )

    def entries(self) -> Iterator[ToldEntry]:
        """The registered names."""
        for folder in self._children(self.root / MODELS):
            if not self._is_plain(folder / META):
                continue
            meta = self._meta(folder)
            aliases = {name: _number(text) for name, text in self._words(folder / "aliases").items()}
            yield ToldEntry(
                name=str(meta.get("name") or folder.name),
                description=str(meta.get("description") or ""),
                created_ms=_ms(meta.get("creation_timestamp")),
                changed_ms=_ms(meta.get("last_updated_timestamp")),
                tags=self._words(folder / "tags"),
                aliases=aliases,
            )

    def versions(self, entry: ToldEntry) -> Iterator[ToldVersion]:
        """The versions of one, by number."""
        home = next(
            each
            for each in self._children(self.root / MODELS)
            if self._is_plain(each / META) and str(self._meta(each).get("name") or each.name) == entry.name
        )
        folders = [each for each in self._children(home) if self._is_plain(each / META)]
        for folder in sorted(folders, key=lambda each: _number(each.name.rpartition("-")[2])):
            meta = self._meta(folder)
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
                tags=self._words(folder / "tags"),
            )

    def files(self, owner: Owner) -> list[ToldFile]:
        """The files of a run or of a logged model."""
        return self.places.files(owner)

    def fetch(self, owner: Owner, file: ToldFile, scratch: Path) -> Path:  # noqa: ARG002  where it lies, it is read
        """The file where it lies."""
        return self.places.path(owner, file)

    def left_out(self) -> list[str]:
        """Traces, which lie beside the runs."""
        traces = sum(1 for each in self._experiment_folders() for _ in self._children(each / "traces"))
        said = [f"{traces:,} traces are not brought over"] if traces else []
        if self._torn:
            said.append(f"{len(self._torn):,} lines of metrics are no points and are not brought over")
        if self._large:
            said.append(f"{len(self._large):,} params or tags have more than {LARGEST_META:,} bytes")
        return said

    def close(self) -> None:
        """Nothing is held open."""

    def _experiment_folders(self) -> list[Path]:
        folders = [*self._children(self.root), *self._children(self.root / TRASH)]
        return [each for each in folders if each.name != MODELS and self._is_plain(each / META)]

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
        for folder in self._children(run / "inputs"):
            if not self._is_plain(folder / META):
                continue
            link = self._meta(folder)
            # A name out of a file is looked for among what is there, never put into a path.
            homes = {each.name: each for each in self._children(experiment / "datasets")}
            home = homes.get(str(link.get("source_id")))
            if home is None or not self._is_plain(home / META):
                continue
            found.append(_dataset(self._meta(home), link.get("tags")))
        return found

    def _models_of(self, run: Path) -> tuple[list[str], list[ModelOutput]]:
        made = []
        for folder in self._children(run / "outputs"):
            if self._is_plain(folder / META):
                meta = self._meta(folder)
                made.append(
                    ModelOutput(model=str(meta.get("destination_id")), step=_number(meta.get("step")))
                )
        used = [self._meta(each) for each in self._children(run / "inputs") if self._is_plain(each / META)]
        taken = [str(each.get("destination_id")) for each in used if each.get("destination_type") == MODEL_IN]
        return taken, made

    def _figures(self, folder: Path) -> dict[str, list[Figure]]:
        found: dict[str, list[Figure]] = {}
        for key in self._names(folder / "metrics"):
            with self._open(folder / "metrics" / key) as lines:
                for line in self._lines(lines):
                    words = line.split()
                    if len(words) < 4:
                        continue
                    on = words[4:6] if len(words) > CONTEXT_LINE else [None, None]
                    figure = Figure(
                        model=folder.name,
                        key=key,
                        value=float(words[1]),
                        at_ms=_ms(words[0]),
                        step=words[2],
                        dataset_name=on[0],
                        dataset_digest=on[1],
                    )
                    found.setdefault(words[3], []).append(figure)
        return found

    def _children(self, folder: Path) -> list[Path]:
        """The folders in a folder, without links: those may lead anywhere."""
        if not folder.is_dir() or folder.is_symlink():
            return []
        return sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink())

    def _is_plain(self, path: Path) -> bool:
        return path.is_file() and not path.is_symlink()

    def _names(self, folder: Path) -> list[str]:
        """The files under a folder; a name with a slash is a file in a folder."""
        if not folder.is_dir() or folder.is_symlink():
            return []
        paths = [each for each in folder.rglob("*") if self._is_plain(each)]
        inside = [each for each in paths if each.resolve().is_relative_to(self.root)]
        return sorted(each.relative_to(folder).as_posix() for each in inside)

    def _words(self, folder: Path) -> dict[str, str]:
        names = self._names(folder)
        paths = {name: folder / name for name in names}
        large = {name for name, path in paths.items() if path.stat().st_size > LARGEST_META}
        self._large.update(paths[name] for name in large)
        return {name: paths[name].read_text("utf-8", errors="replace") for name in names if name not in large}

    def _lines(self, file: IO[str]) -> Iterator[str]:
        """The lines of a file, none of them longer than a point can be."""
        while line := file.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE and not line.endswith("\n"):
                raise StoreUnreachable(self.shown, f"{file.name} has a line that is no point")
            if line.strip():
                yield line

    def _open(self, path: Path) -> Any:
        return path.open(encoding="utf-8", errors="replace")

    def _meta(self, folder: Path) -> Mapping[str, Any]:
        path = folder / META
        try:
            if path.stat().st_size > LARGEST_META:
                raise StoreUnreachable(self.shown, f"{path} is larger than any such file")
            told = read_yaml(path.read_bytes(), LARGEST_META)
        except (OSError, ValueError) as error:
            raise StoreUnreachable(self.shown, f"{path} cannot be read: {error}") from error
        if not isinstance(told, dict):
            raise StoreUnreachable(self.shown, f"{path} says nothing")
        return told


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


def _status(told: Any) -> str:
    return STATUS_NUMBERS[told] if isinstance(told, int) and 0 < told < len(STATUS_NUMBERS) else str(told)


def _ms(told: Any) -> int:
    return _number(told)


def _number(told: Any) -> int:
    try:
        return int(told)
    except (TypeError, ValueError, OverflowError):
        return 0
