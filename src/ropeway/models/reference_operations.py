"""The operations on reference profiles: which one a version has, and making it."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.clock import from_text
from ropeway.core.ids import Digest
from ropeway.models import registry
from ropeway.models.events import ReferenceProfiled
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


@operation("models.profile-reference", kind="job", permission="models:write")
def profile_reference(context: Context, *, ref: str) -> ReferenceRecord:
    """Profile the rows that a version learnt from, and its answers on those it was tuned on, once.

    Raises:
        PackageDiffers: the version is not what its run made, or its run is not of this workspace.
        ModelDamaged, SourceNotApproved: it cannot be loaded.
    """
    version = registry.resolve(context.read, context.project, ref)
    known = _recorded(context.read, version.name, version.number)
    if known is not None:
        return known
    from ropeway.models.reference import measure

    measured = measure(context, version)
    digest = context.store.put(measured.reference.to_bytes())
    context.begin()
    # Another process may have been faster. Its profile is as good, and one is enough.
    known = _recorded(context.read, version.name, version.number)
    if known is None:
        context.append(
            ReferenceProfiled(
                name=version.name,
                number=version.number,
                profile=digest,
                rows=measured.reference.inputs.rows,
                judged_rows=measured.reference.answers.rows,
                learnt_part=measured.learnt_part,
                judged_part=measured.judged_part,
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
