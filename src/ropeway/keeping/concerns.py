"""Which versions and runs rest on something, by name."""

from collections.abc import Iterable

from sqlalchemy import Connection, select, tuple_

from ropeway.data.projections import dataset_version
from ropeway.keeping.lineage import all_downstream

KINDS = ("model", "dataset", "run")
"""What people know by name; contracts, code and checks lead to these."""
NAMED_AT_MOST = 50


def concerned(read: Connection, subjects: Iterable[str]) -> list[str]:
    """The model versions, dataset versions and runs among some subjects and all that was made from them."""
    refs = {ref for ref in all_downstream(read, subjects) if ref.partition(":")[0] in KINDS}
    ordered = sorted(refs, key=lambda ref: (KINDS.index(ref.partition(":")[0]), ref))
    shown = _ordinals(read, [ref for ref in ordered if ref.startswith("dataset:")])
    return [shown.get(ref, ref) for ref in ordered][:NAMED_AT_MOST]


def _ordinals(read: Connection, refs: list[str]) -> dict[str, str]:
    """Dataset versions as people write them: `dataset:rows@v2`."""
    pairs = [tuple(ref.removeprefix("dataset:").split("@", 1)) for ref in refs[:NAMED_AT_MOST] if "@" in ref]
    table = dataset_version.c
    rows = read.execute(select(dataset_version).where(tuple_(table.name, table.version).in_(pairs)))
    return {f"dataset:{row.name}@{row.version}": f"dataset:{row.name}@v{row.ordinal}" for row in rows}
