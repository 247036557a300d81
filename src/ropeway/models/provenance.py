"""Whether a package is what it says: held against this workspace's record of the run that it names.

Anybody who may register can write a manifest. What the gate goes by, above all which rows are test rows, is
therefore read from the record: the run's own, and the split that was assigned to its dataset.
"""

import tomllib
from typing import Any

from sqlalchemy import Connection, select

from ropeway.data.projections import split_assignment, split_of
from ropeway.data.records import SplitRecord
from ropeway.models.errors import PackageDiffers
from ropeway.models.manifest import Manifest, foreign_of
from ropeway.models.registry import record_of
from ropeway.pipelines.records import PipelineRecord
from ropeway.store import Store
from ropeway.workspace.project import PROJECT_FILE

DATASET = "dataset:"
ROWS = "rows"


def datasets_of(record: PipelineRecord) -> list[str]:
    """The dataset versions that a run read, `name@digest`, that of the rows first."""
    others = sorted(ref for name, ref in record.inputs.items() if name != ROWS)
    return [ref.removeprefix(DATASET) for ref in (record.inputs[ROWS], *others)]


def target_of(store: Store, record: PipelineRecord) -> str | None:
    """The column that a run learnt to predict, by the project file that it ran under."""
    text = store.read(store.read_tree(record.code)[PROJECT_FILE]).decode("utf-8-sig")
    # Not as a project: today's rules for that file need not be those of then.
    target: str | None = tomllib.loads(text)["inputs"][ROWS].get("target")
    return target


def require_as_recorded(store: Store, ref: str, manifest: Manifest, record: PipelineRecord) -> None:
    """Refuse a package that says something else of its run than the record does.

    Raises:
        PackageDiffers: names every difference.
    """
    told, known = _told(manifest), _known(store, record)
    if record.settings is None:  # erased
        told.pop("params")
    differences = [
        f"its {name} is {_shown(value)} and on record it is {_shown(known[name])}"
        for name, value in told.items()
        if value != known[name]
    ]
    if differences:
        raise PackageDiffers(ref, manifest.run, differences)


def require_split(read: Connection, store: Store, ref: str, manifest: Manifest) -> SplitRecord:
    """The parts of the rows as they were assigned here before the run that a package names.

    Raises:
        PackageDiffers: that run, or that split of its dataset, is not of this workspace; or the package says
            something else of it.
    """
    # What another tool packaged names no run of ours: its rows were told, and held against the project, when
    # it was adopted.
    reference, split = manifest.datasets[0], manifest.split
    if foreign_of(manifest) is None:
        record = record_of(read, manifest.run)
        if record is None:
            unknown = "this workspace has no such run, so the rows that it learnt from are not known"
            raise PackageDiffers(ref, manifest.run, [unknown])
        require_as_recorded(store, ref, manifest, record)
        reference, split = datasets_of(record)[0], record.split
    dataset, _, version = reference.partition("@")
    assigned = split_assignment.c
    where = (assigned.dataset == dataset) & (assigned.version == version) & (assigned.record == split)
    row = read.execute(select(split_assignment).where(where).order_by(assigned.seq).limit(1)).first()
    if row is None:
        raise PackageDiffers(ref, manifest.run, [f"no such split was ever assigned to '{dataset}' here"])
    return split_of(row)


def _told(manifest: Manifest) -> dict[str, Any]:
    return {
        "split": manifest.split,
        "target": manifest.target,
        "datasets": manifest.datasets,
        "source": manifest.source,
        "snapshot": manifest.snapshot,
        "served step": manifest.served,
        "signature": manifest.signature,
        "artifacts": {name: each.digest for name, each in manifest.artifacts.items()},
        "params": manifest.params,
    }


def _known(store: Store, record: PipelineRecord) -> dict[str, Any]:
    return {
        "split": record.split,
        "target": target_of(store, record),
        "datasets": datasets_of(record),
        "source": record.source,
        "snapshot": record.code,
        "served step": record.slice.served,
        "signature": record.slice.signature,
        "artifacts": {name: each.digest for name, each in record.slice.artifacts.items()},
        "params": record.settings,
    }


def _shown(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else "not set" if value is None else "another"
