"""The labels behind a dataset version: which ratings, under which guide, with how much agreement."""

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.ids import DatasetName, Digest
from ropeway.labels.projections import agreement, label_snapshot, ratings_import, ratings_of, ratings_query
from ropeway.ledger.tables import edge

CONTINUED = "continued-by"
"""The edge from a dataset version to the one that has its rows, and more that people judged."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Krippendorff's alpha of the ratings, its two-sided interval; `undefined` says why there is none."""

    level: str
    alpha: float | None
    low: float | None
    high: float | None
    confidence: float
    units: int
    undefined: str


class Labelling(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled snapshot: the ratings it was made of, and their agreement if it was measured.

    Holds no names: evidence is never changed, so nothing personal may stand in it.

    Attributes:
        is_continued: the dataset version has further rows, labelled by feedback; the agreement is of the
            rated ones.
    """

    labels: str
    ratings: Digest
    guide: str
    guide_version: Digest
    items: int
    count: int
    who: str
    agreement: Agreement | None
    is_continued: bool = False


def find_labelling(
    read: Connection, dataset: DatasetName, version: Digest, wanted: str | None
) -> Labelling | None:
    """The newest snapshot that made this dataset version, or the one that it continues with feedback.

    None when people's labels made neither.

    Args:
        read: the ledger's state.
        dataset: the dataset's name.
        version: its version.
        wanted: only of this set of labels.
    """
    made = label_snapshot.c
    query = select(label_snapshot).where((made.dataset == dataset) & (made.version == version))
    if wanted is not None:
        query = query.where(made.labels == wanted)
    snapshot = read.execute(query.order_by(made.seq.desc()).limit(1)).first()
    if snapshot is None:
        base = _continued(read, dataset, version)
        found = None if base is None else find_labelling(read, dataset, base, wanted)
        return None if found is None else msgspec.structs.replace(found, is_continued=True)
    rated = ratings_import.c
    ratings = ratings_of(
        read.execute(
            ratings_query()
            .where((rated.labels == snapshot.labels) & (rated.ratings == snapshot.ratings))
            .order_by(rated.seq.desc())
            .limit(1)
        ).one()
    )
    return Labelling(
        labels=snapshot.labels,
        ratings=snapshot.ratings,
        guide=ratings.guide,
        guide_version=ratings.guide_version,
        items=ratings.items,
        count=ratings.count,
        who=ratings.who,
        agreement=_agreement(read, snapshot.labels, snapshot.ratings),
    )


def _continued(read: Connection, dataset: DatasetName, version: Digest) -> Digest | None:
    """The version of the same dataset to which feedback was added to make this one."""
    where = (edge.c.downstream == f"dataset:{dataset}@{version}") & (edge.c.relation == CONTINUED)
    base = read.execute(select(edge.c.upstream).where(where)).scalar()
    name, _, before = (base or "").removeprefix("dataset:").rpartition("@")
    return Digest(before) if name == dataset and before != version else None


def _agreement(read: Connection, labels: str, ratings: Digest) -> Agreement | None:
    """The agreement as it was measured last."""
    measured = agreement.c
    query = select(agreement).where((measured.labels == labels) & (measured.ratings == ratings))
    found = read.execute(query.order_by(measured.seq.desc()).limit(1)).mappings().first()
    if found is None:
        return None
    return msgspec.convert({name: found[name] for name in Agreement.__struct_fields__}, Agreement)
