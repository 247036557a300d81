"""Which versions, objects, records and events hold a subject's rows; and what takes their place."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import polars as pl
from sqlalchemy import select

from ropeway.core.errors import Damaged, RopewayError
from ropeway.core.ids import Digest, new_id
from ropeway.data.key_text import key_text
from ropeway.data.load import load
from ropeway.data.operations import list_datasets, list_versions
from ropeway.data.projections import split_assignment
from ropeway.data.records import FOLDER, DatasetVersion
from ropeway.keeping.erase.concerned import models_of
from ropeway.keeping.erase.derived import derived_of
from ropeway.keeping.erase.elsewhere import copies_elsewhere, reached_by_hand
from ropeway.keeping.erase.errors import NothingErasable
from ropeway.keeping.erase.held import refuse_held
from ropeway.keeping.erase.logs import rewritings
from ropeway.keeping.erase.needles import Needles
from ropeway.keeping.erase.records import ErasedObject, ErasedPayload, Plan, UnsearchedObject
from ropeway.keeping.erase.rewrite import rewrite_ratings, rewrite_split, rewrite_version
from ropeway.keeping.erase.search import answers_with, needed_by, objects_with
from ropeway.keeping.erase.subject import Subject, own_texts, subject_of
from ropeway.keeping.erase.values import leaf_texts, told, with_values
from ropeway.keeping.lineage import all_downstream
from ropeway.labels.operations import list_ratings
from ropeway.labels.projections import ratings_import
from ropeway.labels.records import RatingsVersion
from ropeway.ledger.tables import event
from ropeway.pipelines.events import PipelineRan
from ropeway.pipelines.slice import read_replay
from ropeway.predictions.events import SegmentRewritten
from ropeway.tracking.projections import run, run_input
from ropeway.workspace import Context

ABOUT_DATA = ("dataset-arrived", "contract-checked")
PREVIEW = "erasure"
"""Stands for the certificate's id where none was made."""


class Affected(NamedTuple):
    """A version with rows of the subject: which of its rows, and all of them."""

    version: DatasetVersion
    frame: pl.DataFrame
    rows: pl.Series

    @property
    def theirs(self) -> pl.DataFrame:
        """The subject's rows."""
        return self.frame.filter(self.rows)

    @property
    def others(self) -> pl.DataFrame:
        """The rows that stay."""
        return self.frame.filter(~self.rows)


class Found(NamedTuple):
    """What holds the subject's rows."""

    subject: Subject
    affected: list[Affected]
    newest: dict[str, DatasetVersion]
    needles: Needles
    unreached: list[str]

    def keys(self, column: str, dataset: str) -> frozenset[str]:
        """The subject's keys by another column of a dataset."""
        return frozenset(
            key
            for each in self.affected
            if each.version.name == dataset and column in each.frame.columns
            for key in key_text(each.theirs[column]).drop_nulls().to_list()
        )


class Held(NamedTuple):
    """The objects that hold something of the subject: those that go, those that stay, those not searched."""

    objects: list[ErasedObject]
    remains: list[str]
    unsearched: list[UnsearchedObject]


class Drafted(NamedTuple):
    """A plan, and the events that are recorded together with it."""

    plan: Plan
    rewritten: list[SegmentRewritten]


def find_rows(context: Context, dataset: str, keys: Sequence[str], where: Mapping[str, str]) -> Found:
    """Every version, of the dataset and of those made of it or holding its texts, with rows of the subject.

    Raises:
        DatasetNotFound, BadSubject: nobody knows whose rows are meant.
        NothingErasable: no version has a row of theirs.
        HeldFast: one of the versions must stay.
    """
    with context.again() as look:
        versions = list_versions.function(look, name=dataset)
        subject = subject_of(look, dataset, versions, keys, where)
        family = {dataset, *_made_of(look, versions)}
        datasets = [each.latest for each in list_datasets.function(look)]
        affected: list[Affected] = []
        unreached: list[str] = []
        for name in sorted(family):
            for version in list_versions.function(look, name=name):
                _look_into(look, version, subject, affected, unreached)
        if not affected:
            raise NothingErasable(f"no version of '{dataset}' at hand has such a row")
        stay = next((each.others for each in reversed(affected) if each.version.name == dataset), None)
        needles = own_texts([each.theirs for each in affected], stay, subject.values)
        for other in (each.name for each in datasets if each.name not in family):
            for version in list_versions.function(look, name=other):
                _look_for(look, version, needles, affected)
        refuse_held(look.read, {each.version.reference for each in affected})
        newest: dict[str, DatasetVersion] = {each.name: each for each in datasets}
    return Found(subject, affected, newest, needles, unreached)


def replace(context: Context, found: Found, erasure: str) -> list[DatasetVersion]:
    """Add what takes the place of what goes; gives the new versions. Nothing goes yet."""
    made: list[DatasetVersion] = []
    for each in found.affected:
        last = each.version
        if found.newest[last.name].version != last.version:
            continue
        version = rewrite_version(context, last, each.others, erasure=erasure)
        if version is None:
            continue
        made.append(version)
        with context.again() as look:
            ratings = [one for one in list_ratings.function(look) if one.dataset == last.name]
        for one in ratings:
            stay, goes = _ratings(context, found, one)
            if goes:
                rewrite_ratings(context, one, stay, version.version)
        column = _split_column(context, last.name)
        if column is not None and column in each.frame.columns:
            present = frozenset(key_text(each.others[column]).drop_nulls().to_list())
            gone = found.keys(column, last.name) - present
            rewrite_split(context, version, gone, present)
    return made


def draft(
    context: Context, found: Found, made: Sequence[DatasetVersion], erasure: str, *, with_models: bool
) -> Drafted:
    """All that holds the subject's rows now, by what becomes of it."""
    with context.again() as look:
        spared = {digest for each in made for digest in (each.version, each.contract, each.profile)}
        unread: list[UnsearchedObject] = []
        log = list(rewritings(look, found.subject, found.needles, _models(look, found), unread))
        sealed = {each.sealed.content for each in log}
        held = _held(look, found, spared, sealed, with_models=with_models)
        rewritten = [] if erasure == PREVIEW else [each.make(look, erasure) for each in log]
        plan = Plan(
            erasure=erasure,
            what="rows",
            scope=_scope(found),
            payloads=_payloads(look, found),
            objects=held.objects,
            answers=answers_with(look.read, found.needles),
            versions=[each.version.shown for each in found.affected],
            replaced_by=[each.shown for each in made],
            rewritten=[each.says for each in log],
            models=derived_of(look, {each.version.reference for each in found.affected}),
            remains=[*held.remains, *_in_records(look, found)],
            unreached=[
                *found.unreached,
                *reached_by_hand(look, found.needles),
                *_open_runs(look, found),
                *copies_elsewhere(look),
            ],
            unsearched=[*unread, *held.unsearched],
        )
    return Drafted(plan, rewritten)


def _held(
    look: Context, found: Found, spared: set[Digest], sealed: Collection[Digest], *, with_models: bool
) -> Held:
    """Every object that is known or found to hold a text of theirs, by what becomes of it.

    Raises:
        HeldFast: one of them belongs to what must stay.
    """
    needed = needed_by(look)
    why = _named(look, found, spared) | dict.fromkeys(sealed, "the log of predictions")
    remains: list[str] = []
    kept = {} if with_models else models_of(look)
    searched = objects_with(look, found.needles, but=frozenset(why))
    for digest, by in searched.holding.items():
        if digest in spared:
            remains.append(
                f"the object {digest[:12]} of a version that stays holds a text of theirs "
                "(a contract? change its file, and run this again)"
            )
        elif digest in kept:
            remains.append(
                f"the package of {kept[digest]} holds a text of theirs word by word: train it anew, "
                "or erase with --with-models, after which it answers no more"
            )
        else:
            why[digest] = "holds a text of theirs" + ("" if by else "; nothing needs it")
    refuse_held(look.read, {line.split(" ", 3)[3] for digest in why for line in needed.get(digest, [])})
    objects = [
        ErasedObject(
            digest=digest,
            size_bytes=look.store.size(digest),
            why=reason,
            needed_by=needed.get(digest, []),
        )
        for digest, reason in sorted(why.items())
        if look.store.has(digest)
    ]
    return Held(objects, remains, searched.unsearched)


def new_erasure() -> str:
    """An id for a certificate."""
    return new_id("erasure")


def _look_into(
    context: Context,
    version: DatasetVersion,
    subject: Subject,
    affected: list[Affected],
    unreached: list[str],
) -> None:
    """A version of the dataset, or of one made of it: by the column."""
    if subject.column not in version.columns or context.store.erased.certificate(version.version):
        return
    try:
        frame = load(context, version)
    except RopewayError as error:
        unreached.append(f"{version.shown} cannot be read, so nobody knows whether it holds it: {error.what}")
        return
    rows = subject.rows(frame)
    if not rows.any():
        return
    if version.is_kept:
        affected.append(Affected(version, frame, rows))
    else:
        unreached.append(
            f"{version.shown} is not kept here but referred to, and has {rows.sum()} such rows: "
            "change the source"
        )


def _look_for(context: Context, version: DatasetVersion, needles: Needles, affected: list[Affected]) -> None:
    """A version of a dataset that has nothing to do with it: by the texts that are the subject's alone."""
    is_gone = context.store.erased.certificate(version.version) is not None
    if not needles or is_gone or not version.is_kept or version.format == FOLDER:
        return
    try:
        if needles.are_in(context.store.read(version.version)):
            frame = load(context, version)
            lines = frame.write_ndjson().splitlines()
            rows = pl.Series(values=[needles.are_in(line.encode()) for line in lines], dtype=pl.Boolean)
            if rows.any():
                affected.append(Affected(version, frame, rows))
    except Damaged:
        return


def _made_of(context: Context, versions: Iterable[DatasetVersion]) -> set[str]:
    """The datasets that were made of these versions: labelled ones."""
    refs = all_downstream(context.read, [each.reference for each in versions])
    return {ref.removeprefix("dataset:").partition("@")[0] for ref in refs if ref.startswith("dataset:")}


def _named(context: Context, found: Found, spared: set[Digest]) -> dict[Digest, str]:
    """What is known to hold it without a look: versions, profiles, ratings, splits, recorded rows."""
    why: dict[Digest, str] = {}
    for each in found.affected:
        version = each.version
        why[version.version] = f"the rows of {version.shown}"
        why[version.profile] = f"the profile of {version.shown}"
        if version.format == FOLDER:
            why |= {Digest(one): f"a file of {version.shown}" for one in each.theirs["digest"]}
    names = {each.version.name for each in found.affected}
    for row in context.read.execute(select(ratings_import).where(ratings_import.c.dataset.in_(names))):
        items = _items(context, found, row.labels, row.dataset)
        if row.ratings not in why and _holds(context, row.ratings, "item", items):
            why[Digest(row.ratings)] = f"the ratings '{row.labels}'"
    for row in context.read.execute(select(split_assignment).where(split_assignment.c.dataset.in_(names))):
        keys = found.keys(row.settings["key"], row.dataset)
        if row.record not in why and _holds(context, row.record, "key", keys):
            why[Digest(row.record)] = f"the parts of the rows of '{row.dataset}'"
    why |= {digest: f"recorded rows of {name}" for name, digest in _replays(context, found)}
    kept = {each.profile for name in names for each in list_versions.function(context, name=name)
            if each.version not in why}  # fmt: skip
    return {digest: reason for digest, reason in why.items() if digest not in spared | kept}


def _replays(context: Context, found: Found) -> Iterable[tuple[str, Digest]]:
    """The rows that runs recorded to be replayed, where one of them is the subject's and nobody else's."""
    runs = all_downstream(context.read, {each.version.reference for each in found.affected})
    for fact in context.ledger.facts(context.read):
        if not isinstance(fact.event, PipelineRan) or fact.event.subject() not in runs:
            continue
        try:
            rows, _ = read_replay(context.store.read(fact.event.slice.replay))
        except Damaged:
            continue
        if any(_is_among(rows, each) for each in found.affected if {*rows.columns} <= {*each.frame.columns}):
            yield fact.event.subject(), fact.event.slice.replay


def _is_among(rows: pl.DataFrame, each: Affected) -> bool:
    """Whether a row is the subject's, by all that was recorded of it."""
    columns = [name for name in rows.columns if not rows.schema[name].is_nested()]
    mine, others = (set(frame.select(columns).iter_rows()) for frame in (each.theirs, each.others))
    return bool(columns) and not (mine - others).isdisjoint(rows.select(columns).iter_rows())


def _holds(context: Context, digest: str, column: str, keys: frozenset[str]) -> bool:
    try:
        frame = pl.read_parquet(context.store.open_path(Digest(digest)), memory_map=False)
    except Damaged:
        return False
    return bool(frame[column].is_in(sorted(keys)).any())


def _items(context: Context, found: Found, labels: str, dataset: str) -> frozenset[str]:
    """The subject's items in the ratings of a label set."""
    settings = context.project.labels.get(labels)
    column = settings.item if settings is not None else found.subject.column
    return found.keys(column, dataset)


def _ratings(context: Context, found: Found, last: RatingsVersion) -> tuple[pl.DataFrame, bool]:
    """The ratings that stay, and whether some go."""
    frame = pl.read_parquet(context.store.open_path(last.ratings), memory_map=False)
    goes = frame["item"].is_in(sorted(_items(context, found, last.labels, last.dataset)))
    return frame.filter(~goes), bool(goes.any())


def _split_column(context: Context, dataset: str) -> str | None:
    with context.again() as look:
        query = select(split_assignment.c.settings).where(split_assignment.c.dataset == dataset)
        row = look.read.execute(query.order_by(split_assignment.c.seq.desc()).limit(1)).first()
    return None if row is None else str(row.settings["key"])


def _payloads(context: Context, found: Found) -> list[ErasedPayload]:
    """Events whose values hold a text of theirs, or examples of what was wrong with their rows."""
    refs = {each.version.reference for each in found.affected}
    chosen = []
    for record, values in with_values(context.read):
        is_about = record.verb in ABOUT_DATA and record.subject in refs
        has_examples = is_about and bool(values.get("violations") or values.get("examples"))
        if has_examples or any(found.needles.are_in(text.encode()) for text in leaf_texts(values)):
            chosen.append(told(record, values))
    return chosen


def _in_records(context: Context, found: Found) -> list[str]:
    """Events that name it in what is never changed."""
    query = select(event.c.seq, event.c.verb, event.c.record).order_by(event.c.seq)
    return [
        f"event {row.seq} ({row.verb}) names it in its own record, which is never changed"
        for row in context.read.execute(query)
        if found.needles.are_in(bytes(row.record))
    ]


def _models(context: Context, found: Found) -> frozenset[str]:
    refs = all_downstream(context.read, {each.version.reference for each in found.affected})
    return frozenset(ref.removeprefix("model:") for ref in refs if ref.startswith("model:"))


def _open_runs(context: Context, found: Found) -> list[str]:
    refs = {each.version.reference for each in found.affected}
    query = (
        select(run.c.id)
        .join(run_input, run_input.c.run == run.c.id)
        .where(run.c.ended_at.is_(None), run_input.c.ref.in_(refs))
        .distinct()
    )
    return [
        f"the run {name} is at work with these rows: repeat this when it has ended"
        for name in context.read.execute(query).scalars()
    ]


def _scope(found: Found) -> str:
    names = sorted({each.version.name for each in found.affected})
    count = len(found.subject.values)
    values = "1 value" if count == 1 else f"{count} values"
    return f"rows of {', '.join(names)} by '{found.subject.column}' ({values}, not repeated here)"
