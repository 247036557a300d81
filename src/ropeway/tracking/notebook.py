"""How runs and comparisons look in a notebook."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ropeway.core.page import section, table, titled

if TYPE_CHECKING:
    from ropeway.tracking.records import RunComparison, RunSummary

MARKS = {"finished": "✓", "failed": "✗", "interrupted": "!", "running": "…"}
MOST_COLUMNS = 6


def run_html(run: "RunSummary") -> str:
    """One run, whole."""
    return titled(
        _title(run),
        section(
            "",
            [
                ("status", _status(run)),
                ("by", run.person),
                ("started", f"{run.started_at:%Y-%m-%d %H:%M}"),
                ("took", _took(run)),
                ("error", f"{run.error_type}: {run.error or ''}" if run.error_type else None),
                ("inputs", ", ".join(run.inputs) or None),
            ],
        ),
        section("metrics", sorted(run.metrics.items())),
        section("params", sorted(run.params.items())),
        section("tags", sorted(run.tags.items())),
        section("files", [(name, f"{each.size_bytes:,} bytes") for name, each in run.artifacts.items()]),
    )


def runs_html(runs: "Sequence[RunSummary]") -> str:
    """A list of runs, with the metrics and params that most of them have."""
    metrics = _columns([run.metrics for run in runs])
    params = _columns([run.params for run in runs])
    heads = ["run", "name", "status", "started", "took", *metrics, *params]
    rows = [
        [
            run.id,
            run.name,
            _status(run),
            f"{run.started_at:%Y-%m-%d %H:%M}",
            _took(run),
            *(run.metrics.get(name) for name in metrics),
            *(run.params.get(name) for name in params),
        ]
        for run in runs
    ]
    return titled(f"{len(runs):,} runs", table(heads, rows) if runs else "")


def comparison_html(found: "RunComparison") -> str:
    """Runs side by side: what differs."""
    heads = ["", *(_title(run) for run in found.runs)]
    rows: list[Sequence[object]] = [["status", *(_status(run) for run in found.runs)]]
    rows += [[each.key, *each.values] for each in found.metrics]
    rows += [[each.key, *each.values] for each in found.params]
    rows += [[each.key, *("used" if used else None for used in each.values)] for each in found.inputs]
    rows += [[each.path, *(digest and digest[:8] for digest in each.digests)] for each in found.code]
    rows += [[each.key, *each.values] for each in found.environment]
    return titled(f"{len(found.runs)} runs, what differs", table(heads, rows))


def _columns(maps: "Sequence[dict[str, float]] | Sequence[dict[str, bool | int | float | str]]") -> list[str]:
    counts: dict[str, int] = {}
    for each in maps:
        for key in each:
            counts[key] = counts.get(key, 0) + 1
    ranked = sorted(counts, key=lambda key: (key.startswith("system/"), -counts[key], key))
    return ranked[:MOST_COLUMNS]


def _title(run: "RunSummary") -> str:
    return f"{run.name} ({run.id})" if run.name else run.id


def _status(run: "RunSummary") -> str:
    return f"{MARKS.get(run.status, '')} {run.status}".strip()


def _took(run: "RunSummary") -> str | None:
    return None if run.duration_s is None else f"{run.duration_s:,.1f} s"
