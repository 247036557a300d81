"""The operations of the labels room. polars is loaded only by those that look into ratings."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, Select, func, select

from ropeway.core.ids import DatasetName, Digest
from ropeway.data.operations import NewVersion, find_version, record_arrival, resolve_version
from ropeway.labels.errors import BadLabel, ItemNotFound, LabelSetNotFound, RatingsNotFound, SnapshotMoved
from ropeway.labels.events import (
    AgreementMeasured,
    GuidePublished,
    LabelAdjudicated,
    LabelsSnapshotted,
    RatingsImported,
)
from ropeway.labels.projections import (
    adjudication,
    adjudication_of,
    adjudications_query,
    agreement,
    agreement_of,
    guide_version,
    label_snapshot,
    ratings_import,
    ratings_of,
    ratings_query,
)
from ropeway.labels.records import (
    Adjudication,
    LabelSnapshot,
    MeasuredAgreement,
    Queue,
    RatingsBehind,
    RatingsVersion,
)
from ropeway.labels.settings import require_current
from ropeway.workspace import Context, LabelSet, Limit, Project, operation

if TYPE_CHECKING:
    import polars as pl


def label_set(project: Project, name: str) -> LabelSet:
    """The settings of a label set.

    Raises:
        LabelSetNotFound: ropeway.toml has no such set.
    """
    if name not in project.labels:
        raise LabelSetNotFound(name, project.labels)
    return project.labels[name]


@operation("labels.list", kind="query", permission="labels:read")
def list_ratings(context: Context) -> list[RatingsVersion]:
    """The latest import of each label set that has one."""
    last = select(func.max(ratings_import.c.seq)).group_by(ratings_import.c.labels)
    rows = context.read.execute(
        ratings_query().where(ratings_import.c.seq.in_(last)).order_by(ratings_import.c.labels)
    )
    return [ratings_of(row) for row in rows]


@operation("labels.ratings", kind="query", permission="labels:read")
def latest_ratings(context: Context, *, labels: str) -> RatingsVersion:
    """The latest import of a label set."""
    return _latest(context.read, labels)


@operation("labels.record-import", kind="command", permission="labels:write")
def record_import(
    context: Context,
    *,
    labels: str,
    ratings: Digest,
    dataset: DatasetName,
    dataset_version: Digest,
    guide: str,
    guide_version: Digest,
    items: int,
    unrated: int,
    count: int,
    fewest: int,
    most: int,
    raters: int | None,
    settings: Digest | None = None,
) -> RatingsVersion:
    """Put imported ratings on record, and their guide if it is new."""
    for digest in (ratings, guide_version):
        context.store.size(digest)  # raises where the bytes were not put first
    context.begin()
    made = RatingsImported(
        labels=labels,
        ratings=ratings,
        dataset=dataset,
        dataset_version=dataset_version,
        guide=guide,
        guide_version=guide_version,
        items=items,
        unrated=unrated,
        count=count,
        fewest=fewest,
        most=most,
        raters=raters,
        settings=settings,
    )
    if not _is_known_guide(context.read, guide, guide_version):
        context.append(GuidePublished(name=guide, version=guide_version))
    row = context.read.execute(_latest_query(labels)).first()
    # The same ratings of the same data under the same guide: nothing has happened.
    if row is None or any(row._mapping[name] != getattr(made, name) for name in made.__struct_fields__):
        context.append(made)
    return _latest(context.read, labels)


@operation("labels.record-agreement", kind="command", permission="labels:write")
def record_agreement(
    context: Context,
    *,
    labels: str,
    ratings: Digest,
    level: str,
    alpha: float | None,
    low: float | None,
    high: float | None,
    confidence: float,
    resamples: int,
    seed: int,
    units: int,
    count: int,
    undefined: str,
) -> MeasuredAgreement:
    """Put a measured agreement on record; the same measurement twice is one."""
    context.begin()
    made = AgreementMeasured(
        labels=labels,
        ratings=ratings,
        level=level,
        alpha=alpha,
        low=low,
        high=high,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        units=units,
        count=count,
        undefined=undefined,
    )
    last = _last_agreement(context.read, labels, ratings)
    if last is None or any(getattr(last, name) != getattr(made, name) for name in made.__struct_fields__):
        context.append(made)
        last = _last_agreement(context.read, labels, ratings)
    assert last is not None
    return last


@operation("labels.agreement", kind="query", permission="labels:read")
def latest_agreement(
    context: Context, *, labels: str, ratings: Digest | None = None
) -> MeasuredAgreement | None:
    """The latest measured agreement of a label set, or of one version of its ratings."""
    return _last_agreement(context.read, labels, ratings)


@operation("labels.queue", kind="query", permission="labels:read")
def queue(context: Context, *, labels: str, limit: Limit = 20) -> Queue:
    """The items that a person should decide: not rated, tied, or with too small a majority."""
    from ropeway.labels.aggregate import choices, disputed, item_label

    settings = label_set(context.project, labels)
    version = _latest(context.read, labels)
    require_current(version, settings)
    items = _items(context, version, settings)
    decided = {decision.item for decision in _adjudications(context.read, labels)}
    waiting = disputed(items, settings, sorted(decided))
    rows = waiting.head(limit).to_dicts()
    shown = _shown(context, version, settings, [row["item"] for row in rows])
    return Queue(
        labels=labels,
        below=settings.adjudicate_below,
        waiting=waiting.height,
        decided=len(decided),
        choices=choices(settings, items),
        items=[item_label(row, shown.get(row["item"])) for row in rows],
    )


@operation("labels.adjudicate", kind="command", permission="labels:adjudicate")
def adjudicate(
    context: Context, *, labels: str, item: str, label: str, reason: str | None = None
) -> Adjudication:
    """Decide one item's label. A later decision stands over an earlier one; all are kept."""
    version = _latest(context.read, labels)
    _check_decision(context, version, item, label)
    context.begin()
    latest = _latest(context.read, labels)
    # Somebody imported other ratings while these were read: the decision is held against those instead.
    if latest.ratings != version.ratings:
        version = latest
        _check_decision(context, version, item, label)
    context.append(
        LabelAdjudicated(labels=labels, ratings=version.ratings, item=item, label=label, reason=reason)
    )
    return _adjudications(context.read, labels, item=item)[-1]


@operation("labels.adjudications", kind="query", permission="labels:read")
def list_adjudications(context: Context, *, labels: str) -> list[Adjudication]:
    """The decision that stands for each decided item, in the order of decision."""
    return _standing(_adjudications(context.read, labels))


@operation("labels.record-snapshot", kind="command", permission="labels:write")
def record_snapshot(
    context: Context,
    *,
    labels: str,
    ratings: Digest,
    found: NewVersion,
    classes: dict[str, int],
    adjudicated: int,
    left_out: int,
    disputed: int,
    last_decision: int,
) -> LabelSnapshot:
    """Put a labelled dataset version on record, with the edge from its ratings, in one transaction.

    Raises:
        SnapshotMoved: a decision was made that is not in it: the last one is not `last_decision`.
    """
    context.begin()
    if last_seq(_adjudications(context.read, labels)) != last_decision:
        raise SnapshotMoved(labels)
    is_new = find_version.function(context, name=found.name, version=found.version) is None
    version = record_arrival(context, found)
    last = _last_snapshot(context.read, found.name, found.version)
    if last is None or (last.labels, last.ratings, last.adjudicated) != (labels, ratings, adjudicated):
        context.append(
            LabelsSnapshotted(
                labels=labels,
                ratings=ratings,
                dataset=found.name,
                version=found.version,
                classes=classes,
                adjudicated=adjudicated,
                left_out=left_out,
                disputed=disputed,
            )
        )
    return LabelSnapshot(
        labels=labels,
        ratings=ratings,
        version=version,
        is_new=is_new,
        classes=classes,
        adjudicated=adjudicated,
        left_out=left_out,
        disputed=disputed,
    )


@operation("labels.behind", kind="query", permission="labels:read")
def ratings_behind(context: Context, *, reference: str, item: str) -> RatingsBehind | None:
    """The ratings behind an item's label in a labelled dataset version; None where it has none.

    Decisions made after the snapshot are not part of it and are not shown.
    """
    from ropeway.labels.behind import behind

    version = resolve_version.function(context, reference=reference)
    made = _last_snapshot(context.read, version.name, version.version)
    if made is None or made.labels not in context.project.labels:
        return None
    row = context.read.execute(
        ratings_query()
        .where(
            ratings_import.c.labels == made.labels,
            ratings_import.c.ratings == made.ratings,
            ratings_import.c.seq < made.seq,
        )
        .order_by(ratings_import.c.seq.desc())
    ).first()
    if row is None:
        return None
    decisions = _adjudications(context.read, made.labels, item=item, before=made.seq)
    return behind(
        context.store,
        ratings_of(row),
        label_set(context.project, made.labels),
        item,
        decisions[-1] if decisions else None,
    )


def last_seq(decisions: Iterable[Adjudication]) -> int:
    """The number of the last decision's event; 0 without one."""
    return max((decision.seq for decision in decisions), default=0)


def _latest_query(labels: str) -> Select[tuple[Any, ...]]:
    return (
        ratings_query()
        .where(ratings_import.c.labels == labels)
        .order_by(ratings_import.c.seq.desc())
        .limit(1)
    )


def _latest(connection: Connection, labels: str) -> RatingsVersion:
    row = connection.execute(_latest_query(labels)).first()
    if row is None:
        raise RatingsNotFound(labels)
    return ratings_of(row)


def _last_snapshot(connection: Connection, dataset: str, version: Digest) -> Row[Any] | None:
    """The latest record of labels that gave just this version."""
    return connection.execute(
        select(label_snapshot)
        .where(label_snapshot.c.dataset == dataset, label_snapshot.c.version == version)
        .order_by(label_snapshot.c.seq.desc())
        .limit(1)
    ).first()


def _is_known_guide(connection: Connection, name: str, version: Digest) -> bool:
    query = select(guide_version.c.name).where(
        guide_version.c.name == name, guide_version.c.version == version
    )
    return connection.execute(query).first() is not None


def _last_agreement(connection: Connection, labels: str, ratings: Digest | None) -> MeasuredAgreement | None:
    query = select(agreement).where(agreement.c.labels == labels)
    if ratings is not None:
        query = query.where(agreement.c.ratings == ratings)
    row = connection.execute(query.order_by(agreement.c.seq.desc()).limit(1)).first()
    return agreement_of(row) if row else None


def _adjudications(
    connection: Connection, labels: str, *, item: str | None = None, before: int | None = None
) -> list[Adjudication]:
    query = adjudications_query().where(adjudication.c.labels == labels)
    if item is not None:
        query = query.where(adjudication.c.item == item)
    if before is not None:
        query = query.where(adjudication.c.seq < before)
    return [adjudication_of(row) for row in connection.execute(query)]


def _standing(decisions: Iterable[Adjudication]) -> list[Adjudication]:
    return list({decision.item: decision for decision in decisions}.values())


def _check_decision(context: Context, version: RatingsVersion, item: str, label: str) -> None:
    """Refuse an item that was not rated, and a label that it cannot have."""
    from ropeway.labels.aggregate import choices

    settings = label_set(context.project, version.labels)
    require_current(version, settings)
    items = _items(context, version, settings)
    if item not in items["item"]:
        raise ItemNotFound(version.labels, item, items["item"])
    known = choices(settings, items)
    if label not in known:
        raise BadLabel(version.labels, label, known)


def _items(context: Context, version: RatingsVersion, settings: LabelSet) -> "pl.DataFrame":
    from ropeway.labels.aggregate import aggregate
    from ropeway.labels.ratings import load_ratings

    return aggregate(load_ratings(context.store, version.ratings), settings)


def _shown(
    context: Context, version: RatingsVersion, settings: LabelSet, items: list[str]
) -> dict[str, dict[str, str]]:
    """The kept columns of some items, for a person to decide by."""
    from ropeway.labels.snapshot import kept_columns

    reference = f"{version.dataset}@{version.dataset_version}"
    return kept_columns(
        context.store, resolve_version.function(context, reference=reference), settings, items
    )
