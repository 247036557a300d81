"""A store in an SQLite file, as `mlflow server` leaves it. Only read."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ropeway.bringing.errors import NoStoreThere, StoreUnreachable
from ropeway.bringing.places import Places
from ropeway.bringing.report import BESIDES, LeftOut
from ropeway.bringing.told import (
    DELETED_STAGE,
    MODEL_STATUS,
    STATUS,
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

PIECE = 20_000
ARTIFACTS = ("mlruns", "mlartifacts", "artifacts")
"""Where files lie beside such a database, by MLflow's own defaults."""


class DatabaseSource:
    """The store in an SQLite file, with its files in folders beside it or where it was said."""

    is_local = True

    def __init__(self, path: Path, artifacts: Path | None = None) -> None:
        self.shown = f"sqlite:///{path}"
        if not path.is_file():
            raise NoStoreThere(self.shown)
        # A store may come from anybody, and a link in it leads anywhere; who means it names the folder.
        near = [path.resolve().parent / name for name in ARTIFACTS]
        beside = [each for each in near if not each.is_symlink()]
        self.places = Places([artifacts] if artifacts is not None else beside)
        self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        self._connection.row_factory = sqlite3.Row
        self._tables = {row["name"] for row in self._rows("SELECT name FROM sqlite_master")}
        if "experiments" not in self._tables:
            self.close()
            raise NoStoreThere(self.shown)

    def experiments(self) -> Iterator[ToldExperiment]:
        """Every experiment, deleted ones too."""
        for row in self._rows("SELECT * FROM experiments ORDER BY experiment_id"):
            number = str(row["experiment_id"])
            yield ToldExperiment(
                id=number,
                name=row["name"],
                location=row["artifact_location"] or "",
                is_deleted=row["lifecycle_stage"] == "deleted",
                created_ms=row["creation_time"] or 0,
                changed_ms=row["last_update_time"] or 0,
                tags=self._words("experiment_tags", "experiment_id = ?", row["experiment_id"]),
            )

    def runs(self, experiment: ToldExperiment) -> Iterator[ToldRun]:
        """The runs of one, the one begun first first."""
        query = "SELECT * FROM runs WHERE experiment_id = ? ORDER BY start_time, run_uuid"
        for row in self._rows(query, int(experiment.id)):
            run = row["run_uuid"]
            keys = self._rows("SELECT DISTINCT key FROM metrics WHERE run_uuid = ? ORDER BY key", run)
            yield ToldRun(
                id=run,
                experiment=experiment.id,
                name=row["name"] or "",
                user=row["user_id"] or "",
                status=STATUS.get(row["status"] or "", "finished"),
                started_ms=row["start_time"] or 0,
                ended_ms=row["end_time"],
                is_deleted=row["lifecycle_stage"] == "deleted",
                location=row["artifact_uri"] or "",
                params=self._words("params", "run_uuid = ?", run),
                tags=self._words("tags", "run_uuid = ?", run),
                keys=[each["key"] for each in keys],
                datasets=self._datasets(run),
                models_in=[each["destination_id"] for each in self._links("RUN_INPUT", run)],
                models_out=[
                    ModelOutput(model=each["destination_id"], step=each["step"] or 0)
                    for each in self._links("RUN_OUTPUT", run)
                ],
            )

    def points(self, run: ToldRun) -> Iterator[ToldPoints]:
        """The points of a run, in pieces."""
        query = "SELECT * FROM metrics WHERE run_uuid = ? AND key = ? ORDER BY step, timestamp"
        for key in run.keys:
            piece = ToldPoints(key, [], [], [])
            for row in self._each(query, run.id, key):
                piece.values.append(float("nan") if row["is_nan"] else float(row["value"]))
                piece.times_ms.append(row["timestamp"])
                piece.steps.append(row["step"])
                if len(piece.values) == PIECE:
                    yield piece
                    piece = ToldPoints(key, [], [], [])
            if piece.values:
                yield piece

    def models(self, experiment: ToldExperiment) -> Iterator[ToldModel]:
        """The logged models of an experiment; older stores know of none."""
        if "logged_models" not in self._tables:
            return
        query = "SELECT * FROM logged_models WHERE experiment_id = ? ORDER BY creation_timestamp_ms"
        for row in self._rows(query, int(experiment.id)):
            model = row["model_id"]
            yield ToldModel(
                id=model,
                experiment=experiment.id,
                name=row["name"] or "",
                kind=row["model_type"] or "",
                run=row["source_run_id"] or "",
                status=MODEL_STATUS.get(str(row["status"]), "pending"),
                is_deleted=row["lifecycle_stage"] == "deleted",
                created_ms=row["creation_timestamp_ms"] or 0,
                changed_ms=row["last_updated_timestamp_ms"] or 0,
                location=row["artifact_location"] or "",
                params=self._words("logged_model_params", "model_id = ?", model, names="param"),
                tags=self._words("logged_model_tags", "model_id = ?", model, names="tag"),
                figures=self._figures(model),
            )

    def entries(self) -> Iterator[ToldEntry]:
        """The registered names."""
        for row in self._rows("SELECT * FROM registered_models ORDER BY name"):
            aliases = self._rows("SELECT * FROM registered_model_aliases WHERE name = ?", row["name"])
            yield ToldEntry(
                name=row["name"],
                description=row["description"] or "",
                created_ms=row["creation_time"] or 0,
                changed_ms=row["last_updated_time"] or 0,
                tags=self._words("registered_model_tags", "name = ?", row["name"]),
                aliases={each["alias"]: int(each["version"]) for each in aliases},
            )

    def versions(self, entry: ToldEntry) -> Iterator[ToldVersion]:
        """The versions of one, by number."""
        for row in self._rows("SELECT * FROM model_versions WHERE name = ? ORDER BY version", entry.name):
            if row["current_stage"] == DELETED_STAGE:
                continue
            source = row["source"] or ""
            yield ToldVersion(
                name=entry.name,
                number=row["version"],
                source=source,
                run=row["run_id"] or "",
                logged_model=source.removeprefix("models:/") if source.startswith("models:/m-") else "",
                description=row["description"] or "",
                run_link=row["run_link"] or "",
                stage=row["current_stage"] or "",
                created_ms=row["creation_time"] or 0,
                changed_ms=row["last_updated_time"] or 0,
                tags=self._words(
                    "model_version_tags", "name = ? AND version = ?", entry.name, row["version"]
                ),
            )

    def files(self, owner: Owner) -> list[ToldFile]:
        """The files of a run or of a logged model."""
        return self.places.files(owner)

    def fetch(self, owner: Owner, file: ToldFile, scratch: Path) -> Path:  # noqa: ARG002  where it lies, it is read
        """The file where it lies."""
        return self.places.path(owner, file)

    def left_out(self) -> list[LeftOut]:
        """Traces, which have tables of their own."""
        if "trace_info" not in self._tables:
            return []
        traces = next(iter(self._rows("SELECT count(*) AS many FROM trace_info")))["many"]
        return [LeftOut(what=BESIDES, why=f"{traces:,} traces are not brought over")] if traces else []

    def damaged(self) -> list[str]:
        """Nothing: what cannot be read here ends it."""
        return []

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _rows(self, query: str, *given: Any) -> Sequence[Any]:
        try:
            return self._connection.execute(query, given).fetchall()
        except sqlite3.Error as error:
            raise StoreUnreachable(self.shown, str(error)) from error

    def _each(self, query: str, *given: Any) -> Iterator[Any]:
        """Rows one by one, for what there may be more of than fits into memory."""
        try:
            yield from self._connection.execute(query, given)
        except sqlite3.Error as error:
            raise StoreUnreachable(self.shown, str(error)) from error

    def _words(self, table: str, where: str, *given: Any, names: str = "") -> dict[str, str]:
        if table not in self._tables:
            return {}
        key, value = (f"{names}_key", f"{names}_value") if names else ("key", "value")
        # Names of tables and columns are ours; what is looked for is bound.
        rows = self._rows(f"SELECT * FROM {table} WHERE {where} ORDER BY {key}", *given)
        return {row[key]: row[value] or "" for row in rows}

    def _links(self, kind: str, run: str) -> Sequence[Any]:
        if "inputs" not in self._tables or "logged_models" not in self._tables:
            return []
        return self._rows("SELECT * FROM inputs WHERE source_type = ? AND source_id = ?", kind, run)

    def _datasets(self, run: str) -> list[DatasetUse]:
        if "inputs" not in self._tables:
            return []
        query = (
            "SELECT i.input_uuid, d.* FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id "
            "WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ?"
        )
        found = []
        for row in self._rows(query, run):
            tags = self._rows("SELECT * FROM input_tags WHERE input_uuid = ?", row["input_uuid"])
            found.append(
                DatasetUse(
                    name=row["name"],
                    digest=row["digest"],
                    source_type=row["dataset_source_type"],
                    source=row["dataset_source"],
                    schema=row["dataset_schema"],
                    profile=row["dataset_profile"],
                    tags={each["name"]: each["value"] for each in tags},
                )
            )
        return found

    def _figures(self, model: str) -> dict[str, list[Figure]]:
        found: dict[str, list[Figure]] = {}
        for row in self._rows("SELECT * FROM logged_model_metrics WHERE model_id = ?", model):
            figure = Figure(
                model=model,
                key=row["metric_name"],
                value=float("nan") if row["metric_value"] is None else row["metric_value"],
                at_ms=row["metric_timestamp_ms"],
                step=str(row["metric_step"]),
                dataset_name=row["dataset_name"],
                dataset_digest=row["dataset_digest"],
            )
            found.setdefault(row["run_id"], []).append(figure)
        return found
