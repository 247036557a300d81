"""What the gate's checks look at: test rows with their truth, what the version says of them, and its rival.

Prepared once; the checks in `gates/` only read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from ropeway.core.ids import DatasetName, Digest
from ropeway.data.assign import split_frame
from ropeway.data.key_text import key_text
from ropeway.data.load import load, resolve
from ropeway.data.records import DatasetVersion, SplitRecord
from ropeway.models.errors import CostMismatch, NoTarget, NoTestRows
from ropeway.models.exam_terms import ExamTerms, rows_digest, test_set_of
from ropeway.models.labelling import Labelling
from ropeway.models.load import LoadedModel, load_version
from ropeway.models.manifest import Manifest
from ropeway.models.registry import ModelVersion
from ropeway.stats.intervals import Interval, metric_interval
from ropeway.stats.metrics import METRICS, Aligned, Metric, MetricNotApplicable, align, metric
from ropeway.workspace import Project, Workspace

LEARNT_PARTS = ("train", "tune")
TEST = "test"


@dataclass(frozen=True, slots=True)
class Learnt:
    """The rows that a version trained or tuned on: their dataset, keys and groups, and what they hold."""

    dataset: DatasetName
    keys: pl.Series
    groups: pl.Series
    rows: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Side:
    """A version, loaded, with the data that it comes from."""

    workspace: Workspace
    version: ModelVersion
    manifest: Manifest
    model: LoadedModel
    split: SplitRecord
    """The parts as they were when it was trained, from the record."""

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """What it says of some rows."""
        return self.model.predict(rows)

    def dataset(self) -> DatasetVersion:
        """The dataset version of its rows."""
        return resolve(self.workspace, self.manifest.datasets[0])

    def learnt(self) -> Learnt:
        """What it must not be judged on."""
        dataset = self.dataset()
        rows = load(self.workspace, dataset)
        parts = split_frame(self.workspace, dataset, self.split, rows)
        seen = parts["part"].is_in(LEARNT_PARTS)
        return Learnt(
            dataset=dataset.name,
            keys=key_text(parts["key"]).filter(seen),
            groups=parts["group"].filter(seen),
            rows=rows.filter(seen),
        )


@dataclass(frozen=True, slots=True)
class Exam:
    """One version before the gate."""

    project: Project
    side: Side
    champion: Side | None
    dataset: DatasetVersion
    split_record: SplitRecord
    rows: pl.DataFrame
    keys: pl.Series
    groups: pl.Series
    truth: pl.Series
    predictions: pl.DataFrame
    aligned: Aligned
    parts: dict[str, int]
    earlier_looks: int
    labelling: Labelling | None

    @property
    def version(self) -> ModelVersion:
        """The version that is judged."""
        return self.side.version

    @property
    def manifest(self) -> Manifest:
        """Its manifest."""
        return self.side.manifest

    @property
    def model(self) -> LoadedModel:
        """It, loaded."""
        return self.side.model

    @property
    def height(self) -> int:
        """How many test rows there are."""
        return self.rows.height

    @property
    def dataset_ref(self) -> str:
        """The dataset version in lineage, without its kind."""
        return f"{self.dataset.name}@{self.dataset.version}"

    @property
    def test_part(self) -> Digest:
        """The digest of exactly these test rows' keys."""
        return rows_digest(self.dataset.name, self.keys)

    @property
    def test_set(self) -> Digest:
        """What looks are counted by: the rule that makes rows of this dataset test rows, in all versions."""
        return test_set_of(self.split_record)

    def close(self) -> None:
        """Let go of the loaded code."""
        self.side.model.close()
        if self.champion is not None:
            self.champion.model.close()

    def interval(self, measure: Metric) -> Interval:
        """A metric on the test rows with its bounds, at the charter's confidence."""
        return metric_interval(
            measure,
            self.aligned,
            groups=self.groups.to_list(),
            confidence=self.project.charter.confidence,
            resamples=self.project.gate.bootstrap,
            seed=self.project.gate.seed,
        )


def prepare(workspace: Workspace, terms: ExamTerms) -> Exam:
    """Load the version and the one in production, and let the version answer the test rows.

    This runs their code, in this process: at the caller, or at a server that may execute.

    Raises:
        PackageDiffers: one of the two is not what its run made.
        ModelDamaged, SourceNotApproved: one of the two cannot be loaded.
        NoTarget, NoTestRows: there is nothing to hold the answers against.
        MetricNotApplicable, CostMismatch: the charter's metric or costs are of another kind of model.
    """
    version, project = terms.version, workspace.project
    side = open_side(workspace, version, terms.split)
    dataset, split = side.dataset(), side.split
    frame = load(workspace, dataset)
    parts = split_frame(workspace, dataset, split, frame)
    is_test = parts["part"] == TEST
    target = side.manifest.target
    if target is None:
        raise NoTarget(version.ref)
    if not is_test.any():
        raise NoTestRows(version.ref, dataset.shown)
    tested = frame.filter(is_test)
    rows, truth = tested.drop(target), tested[target]
    predictions = side.predict(rows)
    aligned = align(truth, predictions)
    _require_applicable(project.charter.metric, aligned, predictions)
    _require_priced(project.charter.cost, aligned, frame[target])
    return Exam(
        project=project,
        side=side,
        champion=_champion(workspace, terms),
        dataset=dataset,
        split_record=split,
        rows=rows,
        keys=key_text(parts["key"]).filter(is_test),
        groups=parts["group"].filter(is_test),
        truth=truth,
        predictions=predictions,
        aligned=aligned,
        parts=dict(parts["part"].value_counts(sort=True).sort("part").iter_rows()),
        earlier_looks=terms.earlier_looks,
        labelling=terms.labelling,
    )


def _require_applicable(name: str, aligned: Aligned, predictions: pl.DataFrame) -> None:
    """Raise `MetricNotApplicable` where the charter's metric is of another kind than the predictions."""
    if not metric(name).is_applicable(aligned):
        applicable = [each.name for each in METRICS.values() if each.is_applicable(aligned)]
        raise MetricNotApplicable(name, predictions.columns, applicable)


def _require_priced(matrix: Mapping[str, Mapping[str, float]], aligned: Aligned, truth: pl.Series) -> None:
    """Raise `CostMismatch` where the matrix names what is neither an answer nor ever the truth."""
    classes: list[str] = []
    if not aligned.is_regression:
        # A class may be so rare that no test row has it; written as `align` writes it.
        classes = sorted({*aligned.classes, *(str(value) for value in truth.drop_nulls().unique())})
    for named in [*matrix, *(said for row in matrix.values() for said in row)]:
        if named not in classes:
            raise CostMismatch(named, classes)


def open_side(workspace: Workspace, version: ModelVersion, split: SplitRecord) -> Side:
    """A version, loaded, whose package is known to be what its run made."""
    model = load_version(workspace, version)
    return Side(workspace, version, model.manifest, model, split)


def _champion(workspace: Workspace, terms: ExamTerms) -> Side | None:
    """The version of this model in production, if there is one."""
    if terms.champion is None:
        return None
    assert terms.champion_split is not None, "a version with rows has a split"
    return open_side(workspace, terms.champion, terms.champion_split)
