"""Runs: what was tried, with which code, data and settings, and how it went.

A run's points, params, tags and artifacts go first to its spool, one `write` each, so that `log()` never
waits for the database and survives `kill -9`. The run's end folds the spool into one event and one sealed
segment; a run whose process died is closed by whoever comes next (`tracking.recover`).

Not here: pipelines, which open a run for each execution; models, which are registered from runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ropeway.tracking.compare import compare_runs
    from ropeway.tracking.join import join_run
    from ropeway.tracking.records import RunSummary
    from ropeway.tracking.recover import recover_runs
    from ropeway.tracking.resolve import resolve_run
    from ropeway.tracking.run import Run, current_run
    from ropeway.tracking.start import start_run

__all__ = [
    "Run",
    "RunSummary",
    "compare_runs",
    "current_run",
    "join_run",
    "recover_runs",
    "resolve_run",
    "start_run",
]

_HOMES = {
    "Run": "run",
    "RunSummary": "records",
    "compare_runs": "compare",
    "current_run": "run",
    "join_run": "join",
    "recover_runs": "recover",
    "resolve_run": "resolve",
    "start_run": "start",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ropeway.tracking.{_HOMES[name]}"), name)
