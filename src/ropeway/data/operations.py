"""The operations of the data room. Light: frames are read and written by `add`, `recheck` and `assign`."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from ropeway.core.clock import from_text
from ropeway.core.ids import DatasetName, Digest
from ropeway.data.diff_records import Diff
from ropeway.data.errors import DatasetNotFound, NotComparable, SplitMoved
from ropeway.data.events import ContractChecked, DatasetArrived, SourcePulled, SplitAssigned
from ropeway.data.file_errors import ListingTooLarge
from ropeway.data.naming import check_name
from ropeway.data.profile_records import FullProfile
from ropeway.data.projections import (
    dataset_version,
    source_pull,
    split_assignment,
    split_of,
    version_of,
    versions_query,
)
from ropeway.data.records import (
    FOLDER,
    MANY_OBJECTS,
    REFERRED,
    CheckResult,
    DatasetSummary,
    DatasetVersion,
    LastPull,
    Profile,
    SplitRecord,
    SplitSettings,
    Violation,
)
from ropeway.data.sources.errors import SourceMoved
from ropeway.data.standing import was_edited
from ropeway.workspace import Context, operation

SHORTEST_PREFIX = 4


LARGEST_LISTING_BYTES = 128 << 20
"""Of a folder that a guest brings: it is listed in memory where it is profiled or compared."""


class NewVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about data before it is put on record; its bytes are in the store already."""

    name: DatasetName
    version: Digest
    format: str
    rows: int
    size_bytes: int
    columns: dict[str, str]
    label_columns: list[str] = []
    contract: Digest
    profile: Digest
    violations: list[Violation] = []
    checks: list[CheckResult] = []
    source: str | None = None
    bringer: str | None = None


@operation("data.list", kind="query", permission="data:read")
def list_datasets(context: Context) -> list[DatasetSummary]:
    """Every dataset, with its latest version."""
    by_name: dict[str, list[DatasetVersion]] = {}
    for row in context.read.execute(versions_query()):
        by_name.setdefault(row.name, []).append(_version(context, row))
    return [DatasetSummary(versions=len(versions), latest=versions[-1]) for versions in by_name.values()]


@operation("data.versions", kind="query", permission="data:read")
def list_versions(context: Context, *, name: str) -> list[DatasetVersion]:
    """The versions of one dataset, oldest first."""
    rows = context.read.execute(versions_query().where(dataset_version.c.name == name)).all()
    if not rows:
        raise DatasetNotFound(name, _names(context.read))
    return [_version(context, row) for row in rows]


@operation("data.resolve", kind="query", permission="data:read")
def resolve_version(context: Context, *, reference: str) -> DatasetVersion:
    """The version that a reference names: `name`, `name@latest`, `name@v3` or `name@<digest prefix>`."""
    name, _, wanted = reference.removeprefix("dataset:").partition("@")
    rows = context.read.execute(versions_query().where(dataset_version.c.name == name)).all()
    if not rows:
        raise DatasetNotFound(name, _names(context.read))
    versions = [_version(context, row) for row in rows]
    if wanted in ("", "latest"):
        return versions[-1]
    ordinal = re.fullmatch(r"v?(\d{1,9})", wanted)
    matching = [version for version in versions if ordinal and version.ordinal == int(ordinal[1])]
    if not matching and len(wanted) >= SHORTEST_PREFIX:
        matching = [version for version in versions if version.version.startswith(wanted)]
    if len(matching) != 1:
        raise DatasetNotFound(reference, [version.shown for version in versions])
    return matching[0]


@operation("data.find", kind="query", permission="data:read")
def find_version(context: Context, *, name: str, version: Digest) -> DatasetVersion | None:
    """The version of exactly this digest, if there is one."""
    return _find(context, name, version)


@operation("data.profile", kind="query", permission="data:read")
def profile(context: Context, *, reference: str) -> Profile:
    """The profile of a version, taken when it arrived."""
    version = resolve_version.function(context, reference=reference)
    return msgspec.json.decode(context.store.read(version.profile), type=Profile)


@operation("data.full-profile", kind="job", permission="data:read")
def full_profile(context: Context, *, reference: str) -> FullProfile:
    """Every column of a version from every row, in one pass and constant memory."""
    from ropeway.data.full_profile import profile_pieces
    from ropeway.data.load import walked

    version = resolve_version.function(context, reference=reference)
    with walked(context, version) as pieces:
        rows, columns = profile_pieces(pieces())
    return FullProfile(version=version, rows=rows, columns=columns)


@operation("data.diff", kind="job", permission="data:read")
def diff(
    context: Context,
    *,
    before: str,
    after: str | None = None,
    key: list[str] = [],  # noqa: B006  copied for each call by `Operation.arguments`
    whole_rows: bool = False,
) -> Diff:
    """What changed between two versions; of one alone, since the version before it."""
    from ropeway.data.diff import diff as diff_versions

    if after is None:
        now = resolve_version.function(context, reference=before)
        earlier = [
            each for each in list_versions.function(context, name=now.name) if each.ordinal < now.ordinal
        ]
        if not earlier:
            raise NotComparable(
                "nothing", now.shown, "it is the first version", f"ropeway data show {now.shown}"
            )
        old = earlier[-1]
    else:
        old = resolve_version.function(context, reference=before)
        now = resolve_version.function(context, reference=after)
    return diff_versions(context, old, now, key=key, whole_rows=whole_rows)


@operation("data.arrive", kind="command", permission="data:write")
def arrive(context: Context, *, found: NewVersion) -> DatasetVersion:
    """Put a version on record. One that is already there stays as it is."""
    return record_arrival(context, found)


@operation("data.last-pull", kind="query", permission="data:read")
def last_pull(context: Context, *, source: str) -> LastPull | None:
    """The latest pull from a source that brought something."""
    return _last_pull(context.read, source)


@operation("data.record-pull", kind="command", permission="data:write")
def record_pull(
    context: Context,
    *,
    source: str,
    kind: str,
    mode: str,
    dataset: DatasetName,
    version: Digest,
    rows: int,
    state: Digest,
    previous: Digest | None,
    found: NewVersion | None = None,
) -> DatasetVersion:
    """Put a pull on record with the version that it made, in one transaction: both or neither.

    Raises:
        SourceMoved: another pull from the source was recorded since `previous`.
    """
    context.begin()
    last = _last_pull(context.read, source)
    # Two that fetched the same rows would both append them.
    if (last.state if last else None) != previous:
        raise SourceMoved(source)
    recorded = record_arrival(context, found) if found is not None else _find(context, dataset, version)
    if recorded is None:
        raise DatasetNotFound(f"{dataset}@{version}", _names(context.read))
    context.append(
        SourcePulled(
            source=source,
            kind=kind,
            mode=mode,
            dataset=dataset,
            version=version,
            rows=rows,
            state=state,
            previous=previous,
        )
    )
    return recorded


@operation("data.record-check", kind="command", permission="data:write")
def record_check(
    context: Context,
    *,
    name: DatasetName,
    version: Digest,
    contract: Digest,
    columns: dict[str, str],
    violations: list[Violation],
    checks: list[CheckResult],
) -> DatasetVersion:
    """Put on record what holding a version against its contract and checks again gave."""
    context.begin()
    if _find(context, name, version) is None:
        raise DatasetNotFound(f"{name}@{version}", _names(context.read))
    context.append(
        ContractChecked(
            name=name,
            version=version,
            contract=contract,
            columns=list(columns.items()),
            broken=len(violations),
            checks=_without_examples(checks),
            violations=violations or None,
            examples=_examples(checks),
        )
    )
    found = _find(context, name, version)
    assert found is not None
    return found


@operation("data.split", kind="query", permission="data:read")
def find_split(context: Context, *, dataset: str, version: Digest | None = None) -> SplitRecord | None:
    """The latest assignment of a dataset's rows to parts, or of one version's."""
    return _last_split(context.read, dataset, version)


@operation("data.record-split", kind="command", permission="data:write")
def record_split(
    context: Context,
    *,
    dataset: DatasetName,
    version: Digest,
    record: Digest,
    previous: Digest | None,
    settings: SplitSettings,
    rows: int,
    parts: dict[str, int],
    clusters: int,
    followed: int,
    bridged: int,
) -> SplitRecord:
    """Put an assignment on record, if it was made from the latest one."""
    context.begin()
    same = _last_split(context.read, dataset, version)
    if same is not None and same.settings == settings:
        return same
    last = _last_split(context.read, dataset, None)
    # Two processes that extend the same assignment differently would give new keys two parts.
    if (last.digest if last else None) != previous:
        raise SplitMoved(dataset)
    context.append(
        SplitAssigned(
            dataset=dataset,
            version=version,
            record=record,
            previous=previous,
            settings=settings,
            rows=rows,
            parts=parts,
            clusters=clusters,
            followed=followed,
            bridged=bridged,
        )
    )
    made = _last_split(context.read, dataset, version)
    assert made is not None
    return made


def record_arrival(context: Context, found: NewVersion) -> DatasetVersion:
    """Record a version within the caller's own transaction; for rooms whose data becomes a dataset."""
    check_name(found.name)
    if found.format == REFERRED and not context.opens_addresses:
        from ropeway.data.pins import read_pin_of
        from ropeway.data.referred import require_shared

        require_shared(context.project, read_pin_of(context.store, found.version))
    if found.format == FOLDER and not context.opens_addresses:
        size = context.store.size(found.version)
        if size > LARGEST_LISTING_BYTES:
            raise ListingTooLarge(found.name, size, LARGEST_LISTING_BYTES)
    for digest in (found.version, found.contract, found.profile):
        context.store.size(digest)  # raises where the bytes were not put first
    context.begin()
    known = _find(context, found.name, found.version)
    if known is not None:
        return known
    last = context.read.execute(
        select(func.max(dataset_version.c.ordinal)).where(dataset_version.c.name == found.name)
    ).scalar()
    context.append(
        DatasetArrived(
            name=found.name,
            version=found.version,
            ordinal=(last or 0) + 1,
            format=found.format,
            rows=found.rows,
            size_bytes=found.size_bytes
            if found.format in MANY_OBJECTS
            else context.store.size(found.version),
            columns=list(found.columns.items()),
            label_columns=found.label_columns,
            contract=found.contract,
            profile=found.profile,
            broken=len(found.violations),
            checks=_without_examples(found.checks),
            source=found.source,
            bringer=found.bringer,
            violations=found.violations or None,
            examples=_examples(found.checks),
        )
    )
    recorded = _find(context, found.name, found.version)
    assert recorded is not None
    return recorded


def _find(context: Context, name: str, version: Digest) -> DatasetVersion | None:
    row = context.read.execute(
        versions_query().where(dataset_version.c.name == name, dataset_version.c.version == version)
    ).first()
    return _version(context, row) if row else None


def _version(context: Context, row: Row[Any]) -> DatasetVersion:
    """A version as recorded, and whether its verdict is of the contract as it now stands."""
    version = version_of(row)
    return msgspec.structs.replace(
        version, contract_edited=was_edited(context.root, version.name, version.contract)
    )


def _names(connection: Connection) -> Sequence[str]:
    return connection.execute(select(dataset_version.c.name).distinct()).scalars().all()


def _last_split(connection: Connection, dataset: str, version: Digest | None) -> SplitRecord | None:
    query = select(split_assignment).where(split_assignment.c.dataset == dataset)
    if version is not None:
        query = query.where(split_assignment.c.version == version)
    row = connection.execute(query.order_by(split_assignment.c.seq.desc()).limit(1)).first()
    return split_of(row) if row else None


def _last_pull(connection: Connection, source: str) -> LastPull | None:
    query = select(source_pull).where(source_pull.c.source == source)
    row = connection.execute(query.order_by(source_pull.c.seq.desc()).limit(1)).first()
    if row is None:
        return None
    return LastPull(
        source=row.source,
        dataset=row.dataset,
        version=row.version,
        rows=row.rows,
        state=row.state,
        at=from_text(row.at),
    )


def _without_examples(checks: list[CheckResult]) -> list[CheckResult]:
    return [msgspec.structs.replace(found, examples=[]) for found in checks]


def _examples(checks: list[CheckResult]) -> dict[str, list[str]] | None:
    return {found.name: found.examples for found in checks if found.examples} or None
