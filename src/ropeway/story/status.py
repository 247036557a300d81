"""`status`: where the project stands against its charter, on one screen."""

import math
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from ropeway.data.operations import list_datasets
from ropeway.models.registry import ModelVersion, list_all, standing_at
from ropeway.models.states import State
from ropeway.story.advise import Standpoint, advise
from ropeway.story.happenings import ERASED, Happening, last, of_verbs
from ropeway.story.loop import loop_of
from ropeway.story.tell import agreement_line
from ropeway.story.usage import Usage, in_all, usage_by_version
from ropeway.tracking.projections import run, run_metric
from ropeway.workspace import Context, Project, operation
from ropeway.workspace.tables.charter import CANVAS

MANY = 10_000
TAKEN_BACK = frozenset({State.RECALLED, State.REJECTED, State.RETIRED})
LOWER_IS_BETTER = frozenset({"brier", "log_loss", "mae", "rmse"})


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """How good is good enough, and how far the project has come.

    Attributes:
        metric: what it is measured in.
        limit: the charter's bar; None while it has none.
        confidence: of the bound that must reach it.
        best: the best figure that a run reached on the tune part.
        best_run: that run.
        judged: the newest version that a gate looked at.
        bound: its confidence bound on the test part.
        passed: whether that gate passed.
        says: the gate's own words: those of the checks that refused, else those on the bar.
        refused_by: the checks that refused, by name, each with its code.
        since: what became of that version since, where it was taken back: `recalled`, `rejected`, `retired`.
    """

    metric: str
    limit: float | None
    confidence: float
    best: float | None = None
    best_run: str = ""
    judged: str = ""
    bound: float | None = None
    passed: bool | None = None
    says: str = ""
    refused_by: dict[str, str] = {}
    since: str = ""


class DatasetLine(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset: how many versions, and the newest arrival."""

    name: str
    versions: int
    rows: int
    contract_ok: bool
    newest_at: datetime
    by: str


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment points to, since when, by whom, and how it is used."""

    environment: str
    ref: str
    since: datetime
    by: str
    usage: Usage


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The project against its charter."""

    name: str
    filled: list[str]
    empty: list[str]
    deadline: date | None
    budget: float | None
    bar: Bar
    datasets: list[DatasetLine]
    agreement: list[str]
    runs: int
    models: dict[str, int]
    live: list[Live]
    predictions: int
    judged: int
    right: int
    mean_error: float | None
    """Of the judged answers that are numbers: how far they were off, on average."""
    feedback: str
    next_steps: list[str]
    alerts: list[str] = []
    """Those that are open, in words, pages first."""
    rollouts: list[str] = []
    """Those under way or held, in words."""
    retraining: str = ""
    """The latest, in words; empty when there was none."""
    paused: list[str] = []
    """Policies that wait for a person, with their reason."""


@operation("story.status", kind="query", permission="story:read")
def status(context: Context) -> Status:
    """Where the project stands: charter, bar, data, labels, runs, models, use; and what to do next."""
    project, read = context.project, context.read
    charter = project.charter
    usage = usage_by_version(context.home)
    versions = list_all(read, None, MANY)
    runs = read.execute(select(func.count()).where(run.c.status == "finished")).scalar_one()
    live = _live(context, versions, usage)
    datasets = _datasets(context)
    look = last(of_verbs(read, ["gate-evaluated"]), "gate-evaluated")
    bar = _bar(project, _figures(read, project.charter.metric), look, versions)
    total = in_all(usage.values())
    loop = loop_of(read)
    stands = Standpoint(
        datasets=[line.name for line in datasets],
        labelled=_labelled(read),
        runs=runs,
        versions=versions,
        live=[f"{line.ref.partition('@')[0]}@{line.environment}" for line in live],
        predictions=total.predictions,
        judged=total.judged,
        # Advice on the newest version: what the gate said of another one is no help.
        refused_by=bar.refused_by if versions and bar.judged == versions[0].ref else {},
        judged_on=look.body["dataset"].partition("@")[0] if look else "",
        urgent=loop.urgent,
    )
    return Status(
        name=project.project.name,
        filled=[box for box in CANVAS if getattr(charter, box).strip()],
        empty=[box for box in CANVAS if not getattr(charter, box).strip()],
        deadline=charter.deadline,
        budget=charter.budget,
        bar=bar,
        datasets=datasets,
        agreement=_agreement(read),
        runs=runs,
        models=_by_state(versions),
        live=live,
        predictions=total.predictions,
        judged=total.judged,
        right=total.right,
        mean_error=total.mean_error,
        feedback=total.in_words,
        next_steps=advise(project, stands),
        alerts=loop.alerts,
        rollouts=loop.rollouts,
        retraining=loop.retraining,
        paused=loop.paused,
    )


def _figures(read: Connection, metric: str) -> list[tuple[float, str]]:
    """What finished runs measured last of a metric, with the run, wherever it was logged."""
    query = (
        select(run_metric.c.last, run.c.id)
        .join(run, run.c.id == run_metric.c.run)
        .where(run_metric.c.key == metric, run.c.status == "finished")
    )
    return [
        (row.last, row.id) for row in read.execute(query) if row.last is not None and math.isfinite(row.last)
    ]


def _bar(
    project: Project,
    figures: list[tuple[float, str]],
    look: Happening | None,
    versions: list[ModelVersion],
) -> Bar:
    charter = project.charter
    pick = min if charter.metric in LOWER_IS_BETTER else max
    best, best_run = pick(figures) if figures else (None, "")
    checks: list[dict[str, Any]] = look.body["checks"] if look else []
    quality: dict[str, Any] = next((check for check in checks if check["name"] == "bar"), {})
    refused = [check for check in checks if not check["passed"] and not check["skipped"]]
    judged = f"{look.body['name']}@{look.body['number']}" if look else ""
    state = next((version.state for version in versions if version.ref == judged), None)
    return Bar(
        metric=charter.metric,
        limit=charter.bar,
        confidence=charter.confidence,
        best=best,
        best_run=best_run,
        judged=judged,
        bound=quality.get("figure"),
        passed=look.body["passed"] if look else None,
        says="; ".join(check["says"] for check in refused) or quality.get("says", ""),
        refused_by={check["name"]: check.get("code", "") for check in refused},
        since=state.value if state in TAKEN_BACK else "",
    )


def _datasets(context: Context) -> list[DatasetLine]:
    return [
        DatasetLine(
            name=found.latest.name,
            versions=found.versions,
            rows=found.latest.rows,
            contract_ok=found.latest.contract_ok,
            newest_at=found.latest.arrived_at,
            by=found.latest.by or ERASED,
        )
        for found in list_datasets.function(context)
    ]


def _agreement(read: Connection) -> list[str]:
    """The newest measurement of each label set, in words."""
    newest = {
        happening.body["labels"]: happening.body for happening in of_verbs(read, ["agreement-measured"])
    }
    return [f"{name}: {agreement_line(body)}" for name, body in newest.items()]


def _labelled(read: Connection) -> list[str]:
    """The label sets whose ratings have been imported."""
    return [happening.body["labels"] for happening in of_verbs(read, ["ratings-imported"])]


def _by_state(versions: list[ModelVersion]) -> dict[str, int]:
    counts = {state.value: 0 for state in State}
    for version in versions:
        counts[version.state.value] += 1
    return {state: count for state, count in counts.items() if count}


def _live(context: Context, versions: list[ModelVersion], usage: dict[str, Usage]) -> list[Live]:
    now = context.clock.now()
    return [
        Live(
            environment=standing.environment,
            ref=standing.ref,
            since=standing.since,
            by=standing.by,
            usage=usage.get(standing.ref, Usage()),
        )
        for name in dict.fromkeys(version.name for version in versions)
        for standing in standing_at(context.read, name, now)
        if standing.ref is not None
    ]
