"""Runs side by side: what differs between them."""

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from ropeway.core.ids import RunId
from ropeway.store import Store
from ropeway.tracking.environment import read_environment
from ropeway.tracking.errors import TooFewRuns
from ropeway.tracking.events import Scalar
from ropeway.tracking.records import (
    FileDifference,
    MetricDifference,
    RunComparison,
    RunSummary,
    SettingDifference,
)
from ropeway.tracking.resolve import find_run
from ropeway.workspace import Context, Workspace, operation

COMPARE_LIMIT = 20

V = TypeVar("V")


@operation("runs.compare", kind="query", permission="runs:read")
def compare(context: Context, *, runs: list[str]) -> RunComparison:
    """What differs between runs: params, metrics, inputs, code, environment.

    Args:
        context: the call.
        runs: two or more, as in `runs.get`; distances are from the first.

    Raises:
        TooFewRuns: fewer than two different ones, or too many.
        RunNotFound: one of them is not here.
    """
    if len(runs) > COMPARE_LIMIT:
        raise TooFewRuns(len(runs), COMPARE_LIMIT)
    found = list({run.id: run for run in (find_run(context, ref) for ref in runs)}.values())
    if len(found) < 2:
        raise TooFewRuns(len(found), COMPARE_LIMIT)
    params = _rows([run.params for run in found])
    differing = {key: values for key, values in params.items() if not _all_same(values)}
    return RunComparison(
        runs=found,
        params=[SettingDifference(key=key, values=values) for key, values in differing.items()],
        same_params=len(params) - len(differing),
        metrics=_compare_metrics(found),
        inputs=_compare_inputs(found),
        code=_compare_code(found, context.store),
        environment=_compare_environments(found, context.store),
    )


def compare_runs(workspace: Workspace, refs: Sequence[str]) -> RunComparison:
    """What differs between runs; see `compare`."""
    return compare(workspace, runs=[RunId(ref) for ref in refs])


def _compare_metrics(runs: Sequence[RunSummary]) -> list[MetricDifference]:
    rows = _rows([run.metrics for run in runs])
    return [
        MetricDifference(
            key=key, values=values, differences=[_difference(values[0], value) for value in values]
        )
        for key, values in rows.items()
    ]


def _difference(first: float | None, value: float | None) -> float | None:
    if first is None or value is None:
        return None
    difference = value - first
    return None if math.isnan(difference) else difference


def _compare_inputs(runs: Sequence[RunSummary]) -> list[SettingDifference]:
    rows = _rows([dict.fromkeys(run.inputs, True) for run in runs])
    return [
        SettingDifference(key=ref, values=[bool(value) for value in values])
        for ref, values in rows.items()
        if not _all_same(values)
    ]


def _compare_code(runs: Sequence[RunSummary], store: Store) -> list[FileDifference]:
    # Of a run from afar no code is known, nor where it ran.
    if len({run.code for run in runs if run.code}) <= 1:
        return []
    rows = _rows([store.read_tree(run.code) if run.code else {} for run in runs])
    return [
        FileDifference(path=path, digests=digests) for path, digests in rows.items() if not _all_same(digests)
    ]


def _compare_environments(runs: Sequence[RunSummary], store: Store) -> list[SettingDifference]:
    if len({run.environment for run in runs if run.environment}) <= 1:
        return []
    listed: list[dict[str, Scalar]] = []
    for run in runs:
        if not run.environment:
            listed.append({})
            continue
        found = read_environment(store, run.environment)
        head = {"python": f"{found.implementation} {found.python}", "platform": found.platform}
        listed.append({**head, **found.packages})
    return [
        SettingDifference(key=key, values=values)
        for key, values in _rows(listed).items()
        if not _all_same(values)
    ]


def _rows(maps: Sequence[Mapping[str, V]]) -> dict[str, list[V | None]]:
    """For each key, in alphabetical order, its value in each map."""
    keys = sorted({key for each in maps for key in each})
    return {key: [each.get(key) for each in maps] for key in keys}


def _all_same(values: Sequence[object]) -> bool:
    # True and 1 are equal to Python, and two settings to a person.
    return all(
        value == values[0] and isinstance(value, bool) == isinstance(values[0], bool) for value in values
    )
