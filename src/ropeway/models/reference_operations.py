"""The operations on reference profiles: which one a version has, what it is made of, and recording it."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.clock import from_text
from ropeway.core.ids import Digest
from ropeway.data.records import SplitRecord
from ropeway.models import registry
from ropeway.models.events import ReferenceProfiled
from ropeway.models.manifest import read_manifest
from ropeway.models.provenance import require_split
from ropeway.models.reference_projection import model_reference
from ropeway.workspace import Context, operation


class ReferenceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which object holds a version's reference profile, and of how many rows it is."""

    ref: str
    profile: Digest
    rows: int
    judged_rows: int
    at: datetime


@operation("models.reference", kind="query", permission="models:read")
def find_reference(context: Context, *, ref: str) -> ReferenceRecord | None:
    """The profile of the rows that a version learnt from; None while there is none."""
    version = registry.resolve(context.read, context.project, ref)
    return _recorded(context.read, version.name, version.number)


@operation("models.learnt-split", kind="query", permission="models:read")
def learnt_split(context: Context, *, ref: str) -> SplitRecord:
    """How the rows that a version learnt from were divided, as it was recorded before its run.

    Raises:
        PackageDiffers: the version is not what its run made, or its run is not of this workspace.
    """
    version = registry.resolve(context.read, context.project, ref)
    manifest = read_manifest(context.store, version.package, version.ref)
    return require_split(context.read, context.store, version.ref, manifest)


@operation("models.record-reference", kind="command", permission="models:write")
def record_reference(
    context: Context,
    *,
    ref: str,
    profile: Digest,
    rows: int,
    judged_rows: int,
    learnt_part: Digest,
    judged_part: Digest,
) -> ReferenceRecord:
    """Record the profile of the rows that a version learnt from; it is in the store. The first one stays.

    Args:
        context: the call.
        ref: the version.
        profile: the object that holds it.
        rows: how many rows the version learnt from.
        judged_rows: how many of them it was tuned on.
        learnt_part: the digest of the keys of all of them.
        judged_part: the digest of the keys of those it was tuned on.

    Raises:
        ObjectMissing: the object is not in the store.
    """
    context.store.size(profile)
    context.begin()
    version = registry.resolve(context.read, context.project, ref)
    if _recorded(context.read, version.name, version.number) is None:
        context.append(
            ReferenceProfiled(
                name=version.name,
                number=version.number,
                profile=profile,
                rows=rows,
                judged_rows=judged_rows,
                learnt_part=learnt_part,
                judged_part=judged_part,
            )
        )
    known = _recorded(context.read, version.name, version.number)
    assert known is not None, "what was appended is projected"
    return known


def _recorded(read: Connection, name: str, number: int) -> ReferenceRecord | None:
    where = (model_reference.c.name == name) & (model_reference.c.number == number)
    row = read.execute(select(model_reference).where(where)).first()
    if row is None:
        return None
    return ReferenceRecord(
        ref=f"{name}@{number}",
        profile=row.profile,
        rows=row.rows,
        judged_rows=row.judged_rows,
        at=from_text(row.at),
    )
