"""Legal holds: what must stay with all that it came from, whatever `[retention]` says."""

from datetime import datetime

import msgspec
from sqlalchemy import select

from ropeway.core.clock import from_text
from ropeway.core.errors import NotFound
from ropeway.core.ids import new_id
from ropeway.data.operations import resolve_version as resolve_dataset
from ropeway.keeping.errors import NoSuchHold, NothingToHold
from ropeway.keeping.events import HoldPlaced, HoldReleased
from ropeway.keeping.lineage import all_upstream
from ropeway.keeping.projections import hold
from ropeway.ledger import person
from ropeway.ledger.tables import event
from ropeway.models.operations import resolve_version as resolve_model
from ropeway.tracking.resolve import find_run
from ropeway.workspace import Context


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """One hold.

    Attributes:
        id: of the hold.
        held: what it names, as the log says it.
        reason: why; None once erased.
        placed_at: since when.
        placed_by: who placed it.
        released_at: until when; None while it holds.
        released_by: who released it.
        covers: how many things it keeps: itself and all that it came from.
    """

    id: str
    held: str
    reason: str | None
    placed_at: datetime
    placed_by: str
    released_at: datetime | None = None
    released_by: str | None = None
    covers: int


def place(context: Context, subject: str, reason: str) -> Hold:
    """Hold a thing from now on.

    Raises:
        NothingToHold: nothing that has happened here has this name.
    """
    name = new_id("hold")
    context.begin()
    held = subject_of(context, subject)
    context.append(HoldPlaced(hold=name, held=held, reason=reason))
    return next(each for each in list_all(context, released=False) if each.id == name)


def release(context: Context, name: str, reason: str) -> list[Hold]:
    """End a hold by its id, or every open hold on a subject.

    Raises:
        NoSuchHold: there is no such hold, or it was released before.
    """
    context.begin()
    open_holds = list_all(context, released=False)
    wanted = {name}
    if not any(each.id == name for each in open_holds):
        try:
            wanted |= {subject_of(context, name)}
        except NothingToHold:
            wanted |= set()
    ending = [each for each in open_holds if {each.id, each.held} & wanted]
    if not ending:
        raise NoSuchHold(name, [each.id for each in open_holds])
    for each in ending:
        context.append(HoldReleased(hold=each.id, held=each.held, reason=reason or None))
    ids = {each.id for each in ending}
    return [each for each in list_all(context, released=True) if each.id in ids]


def list_all(context: Context, *, released: bool) -> list[Hold]:
    """The holds, oldest first; those that are over only if asked for."""
    placer, releaser = person.alias(), person.alias()
    query = (
        select(hold, placer.c.name.label("placer"), releaser.c.name.label("releaser"))
        .outerjoin(placer, placer.c.id == hold.c.placed_by)
        .outerjoin(releaser, releaser.c.id == hold.c.released_by)
        .order_by(hold.c.seq)
    )
    if not released:
        query = query.where(hold.c.released_at.is_(None))
    return [
        Hold(
            id=row.id,
            held=row.held,
            reason=row.reason,
            placed_at=from_text(row.placed_at),
            placed_by=row.placer or row.placed_by,
            released_at=from_text(row.released_at) if row.released_at else None,
            released_by=row.releaser or row.released_by,
            covers=len(all_upstream(context.read, [row.held])),
        )
        for row in context.read.execute(query).all()
    ]


def subject_of(context: Context, given: str) -> str:
    """The subject that people mean: `mood@2`, `dataset:rows@v1`, `run:…`, or one as the log says it.

    Raises:
        NothingToHold: nothing here has that name.
    """
    query = select(event.c.subject).where(event.c.subject == given).limit(1)
    if context.read.execute(query).first() is not None:
        return given
    kind, colon, rest = given.partition(":")
    for known, look in (("model", _model), ("dataset", _dataset), ("run", _run)):
        if not colon or kind == known:
            try:
                return look(context, rest if colon else given)
            except NotFound:
                continue
    raise NothingToHold(given)


def _model(context: Context, name: str) -> str:
    return f"model:{resolve_model.function(context, ref=name).ref}"


def _dataset(context: Context, name: str) -> str:
    found = resolve_dataset.function(context, reference=name)
    return f"dataset:{found.name}@{found.version}"


def _run(context: Context, name: str) -> str:
    return f"run:{find_run(context, name).id}"
