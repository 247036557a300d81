"""What can be erased, and what can be asked of erasures."""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Row, Select, select

from ropeway.core.clock import from_text
from ropeway.core.ids import Digest
from ropeway.keeping.erase.complete import begin, complete, drop_copies, unfinished
from ropeway.keeping.erase.errors import NoSuchErasure, NothingErasable
from ropeway.keeping.erase.known import read_plan
from ropeway.keeping.erase.projections import erasure
from ropeway.keeping.erase.records import Certificate, Erasure, Plan, RemotePurge
from ropeway.ledger import person
from ropeway.predictions.draft import remove_recorded
from ropeway.predictions.operations import seal_batch
from ropeway.workspace import Context, operation


@operation("erase.events", kind="job", permission="workspace:erase")
def erase_events(context: Context, *, events: list[str], request: str = "", dry_run: bool = False) -> Erasure:
    """Erase the values of events (names, notes, params, tags); the events and their proofs stay.

    Args:
        context: the call.
        events: by number or id.
        request: under which request, for those who read it later; no names.
        dry_run: only say what would go.
    """
    from ropeway.keeping.erase.values import plan_events

    return _erase(context, lambda look: plan_events(look, events), request, dry_run=dry_run)


@operation("erase.person", kind="job", permission="workspace:erase")
def erase_person(
    context: Context, *, name: str, mentions: bool = False, request: str = "", dry_run: bool = False
) -> Erasure:
    """Erase a person's name wherever it stands by itself; what they did stays, under an id.

    Args:
        context: the call.
        name: of the person, or their id.
        mentions: erase the texts that hold the name, too.
        request: under which request, for those who read it later; no names.
        dry_run: only say what would go.
    """
    from ropeway.keeping.erase.values import plan_person

    return _erase(context, lambda look: plan_person(look, name, mentions=mentions), request, dry_run=dry_run)


@operation("erase.rows", kind="job", permission="workspace:erase")
def erase_rows(
    context: Context,
    *,
    dataset: str,
    keys: list[str] = [],  # noqa: B006  copied for each call by `Operation.arguments`
    where: dict[str, str] = {},  # noqa: B006
    with_models: bool = False,
    request: str = "",
    dry_run: bool = False,
) -> Erasure:
    """Erase somebody's rows from every version of a dataset, and all that holds them in what was made of it.

    The rows that stay become a new version where the newest one had theirs; models that learnt from them are
    named.

    Args:
        context: the call.
        dataset: its name.
        keys: of its key column, whose rows are to go; or
        where: one column with its value.
        with_models: erase also what a model holds word by word; such a version answers no more.
        request: under which request, for those who read it later; no names.
        dry_run: only say what would go.
    """
    from ropeway.keeping.erase.rows import PREVIEW, draft, find_rows, new_erasure, replace

    before = [] if dry_run else _finish_others(context)
    if not dry_run:
        _seal_log(context)
    try:
        found = find_rows(context, dataset, keys, where)
    except NothingErasable as nothing:
        return _last_of(context, before, nothing)
    if dry_run:
        said = draft(context, found, [], PREVIEW, with_models=with_models)
        return _only_said(said.plan, context.actor_name, request)
    name = new_erasure()
    made = replace(context, found, name)
    drafted = draft(context, found, made, name, with_models=with_models)
    with context.again() as writing:
        begin(writing, drafted.plan, request)
        for each in drafted.rewritten:
            writing.append(each)
    complete(context, name)
    with context.again() as look:
        return _show(look, name)


@operation("erase.finish", kind="job", permission="workspace:erase")
def finish_erasures(context: Context) -> list[Erasure]:
    """Bring every erasure to its end that was cut off; delete copies here of what was erased elsewhere."""
    names = _finish_others(context)
    drop_copies(context)
    with context.again() as look:
        return [_show(look, name) for name in names]


@operation("erase.purge", kind="job", permission="workspace:erase")
def purge_remote(context: Context, *, remote: str | None = None) -> RemotePurge:
    """Take from a remote what was erased here: every object, and what tells of versions that had them.

    Args:
        context: the call.
        remote: which; the only one by default, or `origin`.
    """
    from ropeway.keeping.erase.purge import purge

    return purge(context, remote)


@operation("erase.list", kind="query", permission="ledger:read")
def list_erasures(context: Context) -> list[Erasure]:
    """Every erasure, oldest first."""
    return [_erasure(row) for row in context.read.execute(_query().order_by(erasure.c.seq)).all()]


@operation("erase.show", kind="query", permission="ledger:read")
def show_erasure(context: Context, *, name: str) -> Erasure:
    """One erasure with its plan, and its certificate once it is finished.

    Args:
        context: the call.
        name: its id, or the beginning of it.
    """
    return _show(context, name)


def _erase(context: Context, find: Callable[[Context], Plan], request: str, *, dry_run: bool) -> Erasure:
    """Finish what was cut off, find what is to go, say so or do it.

    Every view of the ledger is closed before the log is emptied: an open one would keep it full.
    """
    before = [] if dry_run else _finish_others(context)
    try:
        with context.again() as look:
            plan = find(look)
    except NothingErasable as nothing:
        return _last_of(context, before, nothing)
    if dry_run:
        return _only_said(plan, context.actor_name, request)
    with context.again() as writing:
        begin(writing, plan, request)
    complete(context, plan.erasure)
    with context.again() as look:
        return _show(look, plan.erasure)


def _finish_others(context: Context) -> list[str]:
    """End what was cut off before; gives which."""
    names = unfinished(context)
    for name in names:
        complete(context, name)
    return names


def _last_of(context: Context, finished: list[str], nothing: NothingErasable) -> Erasure:
    """Where this very command was cut off before, it is at its end now; else there is nothing to erase."""
    if not finished:
        raise nothing
    with context.again() as look:
        return _show(look, finished[-1])


def _seal_log(context: Context) -> None:
    """Bring the log of predictions into its last form where nobody writes it: it can be rewritten there."""
    while True:
        with context.again() as writing:
            sealed = seal_batch.function(writing)
        if sealed.is_done:
            remove_recorded(context.home)
            return


def _only_said(plan: Plan, by: str, request: str) -> Erasure:
    return Erasure(
        id="",
        seq=0,
        what=plan.what,
        begun_at=None,
        by=by,
        request=request or None,
        payloads=len(plan.payloads),
        objects=len(plan.objects),
        size_bytes=sum(each.size_bytes for each in plan.objects),
        is_dry_run=True,
        plan=plan,
    )


def _query() -> Select[tuple[Any, ...]]:
    return select(erasure, person.c.name).outerjoin(person, person.c.id == erasure.c.by)


def _show(context: Context, name: str) -> Erasure:
    rows = context.read.execute(_query().order_by(erasure.c.seq)).all()
    found = [row for row in rows if row.id == name] or [row for row in rows if row.id.startswith(name)]
    if len(found) != 1:
        raise NoSuchErasure(name, (row.id for row in rows))
    row = found[0]
    certificate = None
    if row.certificate is not None:
        certificate = msgspec.json.decode(context.store.read(Digest(row.certificate)), type=Certificate)
    plan = certificate.plan if certificate is not None else read_plan(context, row.listed)
    return msgspec.structs.replace(_erasure(row), plan=plan, certificate=certificate)


def _erasure(row: Row[Any]) -> Erasure:
    return Erasure(
        id=row.id,
        seq=row.seq,
        what=row.what,
        begun_at=from_text(row.begun_at),
        by=row.name or row.by,
        request=row.request,
        payloads=row.payloads,
        objects=row.objects,
        size_bytes=row.size_bytes,
        finished_at=from_text(row.finished_at) if row.finished_at else None,
    )
