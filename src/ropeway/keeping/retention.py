"""Which of the things on record a project's `[retention]` gives up, and which no policy may touch.

Given up are bytes, never history: the events, the figures, the evidence of gates stay. A thing is protected
while it is live, approved or on its way there, or held, or while anything protected was made from it.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from ropeway.core.clock import to_text
from ropeway.core.duration import duration_text
from ropeway.data.projections import dataset_version
from ropeway.keeping.lineage import all_upstream
from ropeway.keeping.projections import hold
from ropeway.keeping.settings import Retention
from ropeway.models.projections import model_move, model_version, stay
from ropeway.models.states import State
from ropeway.tracking.projections import run

GIVING_UP = frozenset(
    {
        "dataset-arrived",
        "contract-checked",
        "split-assigned",
        "feedback-collected",
        "labels-snapshotted",
        "run-finished",
        "run-interrupted",
        "pipeline-ran",
        "model-registered",
    }
)
"""The events whose objects go with their subject. Code, environments, evidence and profiles stay."""

NEVER_PROMOTED = (State.CANDIDATE, State.VALIDATED, State.REJECTED)
PROTECTING = (State.CANDIDATE, State.VALIDATED, State.APPROVED, State.LIVE, State.RECALLED)
"""What a version in these states came from stays, unless the version itself is given up."""


def given_up(read: Connection, settings: Retention, now: datetime) -> dict[str, str]:
    """The subjects whose bytes may go, each with the policy that says so.

    Args:
        read: the ledger.
        settings: the policies.
        now: when.
    """
    if settings.gives_up_nothing:
        return {}
    held = all_upstream(read, held_subjects(read))
    lost = {subject: policy for subject, policy in _models(read, settings, now) if subject not in held}
    safe = held | all_upstream(read, (ref for ref in _protecting(read) if ref not in lost))
    others = [*_datasets(read, settings), *_runs(read, settings, now)]
    lost |= {subject: policy for subject, policy in others if subject not in safe}
    # A version that another one in use was made from is in use.
    return {subject: policy for subject, policy in lost.items() if subject not in safe}


def held_subjects(read: Connection) -> list[str]:
    """What a hold that is not released names."""
    return list(read.execute(select(hold.c.held).where(hold.c.released_at.is_(None)).distinct()).scalars())


def _protecting(read: Connection) -> list[str]:
    states = [str(state) for state in PROTECTING]
    rows = read.execute(select(model_version).where(model_version.c.state.in_(states)))
    busy = read.execute(select(stay.c.name, stay.c.number))
    return [f"model:{row.name}@{row.number}" for row in (*rows, *busy)]


def _models(read: Connection, settings: Retention, now: datetime) -> Iterator[tuple[str, str]]:
    busy = {(row.name, row.number) for row in read.execute(select(stay.c.name, stay.c.number))}
    for name, states in (("candidates", NEVER_PROMOTED), ("retired", (State.RETIRED,))):
        length = settings.length(name)
        if length is None:
            continue
        last = (
            select(model_move.c.name, model_move.c.number, func.max(model_move.c.at).label("at"))
            .group_by(model_move.c.name, model_move.c.number)
            .subquery()
        )
        query = select(model_version, last.c.at).outerjoin(
            last, (last.c.name == model_version.c.name) & (last.c.number == model_version.c.number)
        )
        for row in read.execute(query.where(model_version.c.state.in_([str(state) for state in states]))):
            moved_at = row.at or row.registered_at
            if moved_at < to_text(now - length) and (row.name, row.number) not in busy:
                yield f"model:{row.name}@{row.number}", _policy(name, length)


def _datasets(read: Connection, settings: Retention) -> Iterator[tuple[str, str]]:
    keep = settings.dataset_versions
    if keep is None:
        return
    versions: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in read.execute(select(dataset_version)):
        versions[row.name].append((row.ordinal, row.version))
    for name, numbered in versions.items():
        for _, version in sorted(numbered)[:-keep]:
            yield f"dataset:{name}@{version}", f"dataset_versions = {keep}"


def _runs(read: Connection, settings: Retention, now: datetime) -> Iterator[tuple[str, str]]:
    failed, superseded = settings.length("failed_runs"), settings.length("superseded_runs")
    newest: dict[tuple[str, str | None], str] = {}
    ended = list(read.execute(select(run).where(run.c.ended_at.is_not(None)).order_by(run.c.seq)))
    for row in ended:
        if row.status == "finished":
            newest[row.kind, row.name] = row.id
    for row in ended:
        is_last = row.status == "finished" and newest[row.kind, row.name] == row.id
        name, length = (
            ("superseded_runs", superseded) if row.status == "finished" else ("failed_runs", failed)
        )
        if length is not None and not is_last and row.ended_at < to_text(now - length):
            yield f"run:{row.id}", _policy(name, length)


def _policy(name: str, length: timedelta) -> str:
    return f'{name} = "{duration_text(length)}"'
