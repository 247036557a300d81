"""`ropeway runs` and `ropeway compare`: find runs, lay them side by side, take them away as CSV."""

import csv
import io
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.tracking.records import RunComparison, RunSummary
    from ropeway.workspace import LocalWorkspace

SHOWN_METRICS = 4
SHOWN_PARAMS = 4
DEFAULT_LIMIT = 20
PAGE = 1_000
SHOWN_DIGITS = 8
CSV_COLUMNS = (
    "id", "name", "kind", "status", "person", "started_at", "ended_at", "duration_s", "cpu_s",
    "peak_memory_bytes", "code", "commit", "is_dirty", "environment", "parent", "error_type",
)  # fmt: skip


@click.command()
@click.argument("run", required=False)
@click.option("--where", default="", metavar="FILTER", help="Only runs that the filter lets through.")
@click.option("--sort", multiple=True, metavar="[-]FIELD", help="Order by fields; - for the highest first.")
@click.option("--limit", type=click.IntRange(1), help=f"How many (default {DEFAULT_LIMIT}; all with --csv).")
@click.option("--csv", "csv_path", metavar="FILE", help="Write every column as CSV to a file, or - for here.")
@face_options
def runs(
    face: Face, run: str | None, where: str, sort: tuple[str, ...], limit: int | None, csv_path: str | None
) -> None:
    r"""Search, sort and export runs; with RUN, all about one.

    \b
      ropeway runs --where "metrics.macro_f1 > 0.6 and params.c = 1" --sort -metrics.macro_f1
      ropeway runs --where "status = 'finished' and name like 'base%'" --csv runs.csv
      ropeway runs latest
    """
    from ropeway.tracking.recover import recover_runs
    from ropeway.tracking.resolve import resolve_run

    with face.workspace() as workspace:
        recover_runs(workspace)
        if run is not None:
            one = resolve_run(workspace, run)
            face.emit(one, lambda out: _render_one(out, one))
            return
        wanted = limit if limit is not None or csv_path is not None else DEFAULT_LIMIT
        found = list(_search(workspace, where=where, sort=sort, limit=wanted))
    if csv_path is not None:
        _write_csv(face, found, csv_path)
        return
    face.emit(found, lambda out: _render(out, found, where=where, sort=sort, limit=wanted))


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN…")
@click.option("--csv", "csv_path", metavar="FILE", help="Write the table as CSV to a file, or - for here.")
@face_options
def compare(face: Face, runs: tuple[str, ...], csv_path: str | None) -> None:
    """Lay runs side by side: params, metrics, inputs, code and environment that differ.

    A RUN is an id or its beginning, a name, or `latest`. Differences are from the first.
    """
    from ropeway.tracking.compare import compare_runs
    from ropeway.tracking.recover import recover_runs

    with face.workspace() as workspace:
        recover_runs(workspace)
        found = compare_runs(workspace, runs)
    if csv_path is not None:
        header = ["what", "key", *(run.id for run in found.runs)]
        _write_text(face, csv_path, _csv_text([header, *_comparison_rows(found)]), f"{len(found.runs)} runs")
        return
    face.emit(found, lambda out: _render_comparison(out, found))


def _search(
    workspace: "LocalWorkspace", *, where: str, sort: Sequence[str], limit: int | None
) -> "Iterator[RunSummary]":
    """The runs, page by page: an answer holds no more than a page."""
    from ropeway.tracking.search import search_runs

    offset = 0
    while limit is None or offset < limit:
        size = PAGE if limit is None else min(PAGE, limit - offset)
        page = search_runs(workspace, where=where, sort=list(sort), limit=size, offset=offset)
        yield from page
        if len(page) < size:
            return
        offset += size


def _render(
    out: "Console", found: "list[RunSummary]", *, where: str, sort: Sequence[str], limit: int | None
) -> None:
    from ropeway.cli import draw

    if not found:
        out.print("No run is let through." if where else "No runs yet.")
        draw.next_step(out, "ropeway runs" if where else "ropeway run")
        return
    metrics = _chosen("metrics", (run.metrics for run in found), [*sort, where], SHOWN_METRICS)
    params = _chosen("params", (run.params for run in found), [*sort, where], SHOWN_PARAMS)
    columns = [
        draw.Column("run"), draw.Column("name", grow=True), draw.Column("status"), draw.Column("started"),
        draw.Column("took", right=True),
        *(draw.Column(name, right=True) for name in metrics),
        *(draw.Column(name, right=True, grow=True) for name in params),
    ]  # fmt: skip
    rows = [
        [
            run.id,
            run.name,
            draw.badge(run.status),
            draw.when(run.started_at),
            None if run.duration_s is None else draw.duration(run.duration_s),
            *(_figure(run.metrics.get(name)) for name in metrics),
            *(_setting(run.params.get(name)) for name in params),
        ]
        for run in found
    ]
    draw.table(out, columns, rows)
    if len(found) == limit:
        out.print(f"\nThe first {limit}; there may be more (--limit N, or --csv FILE for all).")
    elif len(found) > 1:
        draw.next_step(out, f"ropeway compare {found[0].id} {found[1].id}")
    else:
        draw.next_step(out, f"ropeway runs {found[0].id}")


def _chosen(family: str, maps: "Iterable[dict[str, Any]]", mentioned: Sequence[str], many: int) -> list[str]:
    """The keys worth a column: those that the question mentions, then those that differ, then the rest."""
    rows = list(maps)
    keys = sorted({key for row in rows for key in row})
    asked = " ".join(mentioned)

    def weight(key: str) -> tuple[bool, bool]:
        is_asked = f"{family}.{key}" in asked or f"{family}.`{key}`" in asked
        return (not is_asked, len({repr(row.get(key)) for row in rows}) == 1)

    return sorted(keys, key=weight)[:many]


def _render_one(out: "Console", run: "RunSummary") -> None:
    from ropeway.cli import draw

    draw.heading(out, f"{run.id}  {run.name or ''}".rstrip())
    memory = None if run.peak_memory_bytes is None else draw.size(run.peak_memory_bytes)
    draw.facts(
        out,
        [
            ("status", draw.badge(run.status)),
            ("error", f"{run.error_type}: {run.error or ''}" if run.error_type else None),
            ("by", run.person),
            ("started", run.started_at),
            ("took", None if run.duration_s is None else draw.duration(run.duration_s)),
            ("CPU", None if run.cpu_s is None else draw.duration(run.cpu_s)),
            ("peak memory", memory),
            (
                "host",
                f"{run.hostname or 'erased'} ({run.host.system} {run.host.machine}, {run.host.cores} cores)",
            ),
            ("code", run.code[:SHOWN_DIGITS] + _commit(run)),
            ("left out", ", ".join(run.left_out) or None),
            ("command", None if run.argv is None else " ".join(run.argv)),
            ("part of", run.parent),
            ("inputs", ", ".join(run.inputs) or None),
        ],
    )
    for title, pairs in (
        ("params", [(key, _setting(value)) for key, value in run.params.items()]),
        ("metrics", [(key, _figure(value)) for key, value in run.metrics.items()]),
        ("tags", [(key, _setting(value)) for key, value in run.tags.items()]),
        ("artifacts", [(name, draw.size(each.size_bytes)) for name, each in run.artifacts.items()]),
    ):
        if pairs:
            draw.heading(out, title)
            draw.facts(out, pairs)
    draw.next_step(out, f"ropeway why run:{run.id}")


def _commit(run: "RunSummary") -> str:
    if not run.commit:
        return ""
    return f" (git {run.commit[:SHOWN_DIGITS]}{', with changes' if run.is_dirty else ''})"


def _render_comparison(out: "Console", found: "RunComparison") -> None:
    from ropeway.cli import draw

    heads = [draw.Column("")] + [draw.Column(run.name or run.id, right=True) for run in found.runs]
    about: list[list[draw.Cell]] = [
        ["run", *(run.id for run in found.runs)],
        ["status", *(run.status for run in found.runs)],
        ["started", *(draw.when(run.started_at) for run in found.runs)],
        ["took", *(None if r.duration_s is None else draw.duration(r.duration_s) for r in found.runs)],
    ]
    draw.table(out, heads, about)
    sections: dict[str, list[list[draw.Cell]]] = {
        "metrics": [
            [row.key, *(_moved(value, by) for value, by in zip(row.values, row.differences, strict=True))]
            for row in found.metrics
        ],
        "params": [[row.key, *map(_setting, row.values)] for row in found.params],
        "inputs": [[row.key, *("used" if value else None for value in row.values)] for row in found.inputs],
        "code": [[row.path, *(each and each[:SHOWN_DIGITS] for each in row.digests)] for row in found.code],
        "environment": [[row.key, *map(_setting, row.values)] for row in found.environment],
    }
    for title, rows in sections.items():
        if rows:
            draw.heading(out, title)
            draw.table(out, heads, rows)
    same = [title for title in ("inputs", "code", "environment") if not sections[title]]
    notes = [f"{draw.count(found.same_params, 'param')} the same"] if found.same_params else []
    notes += [f"same {title}" for title in same]
    if notes:
        out.print("\n  " + " · ".join(notes))


def _comparison_rows(found: "RunComparison") -> list[list[object]]:
    rows: list[list[object]] = [["metrics", each.key, *each.values] for each in found.metrics]
    rows += [["metrics difference", each.key, *each.differences] for each in found.metrics]
    rows += [["params", each.key, *each.values] for each in found.params]
    rows += [["inputs", each.key, *each.values] for each in found.inputs]
    rows += [["code", each.path, *each.digests] for each in found.code]
    rows += [["environment", each.key, *each.values] for each in found.environment]
    return rows


def _write_csv(face: Face, found: "list[RunSummary]", path: str) -> None:
    families = ("params", "metrics", "tags")
    keys = [
        (family, key)
        for family in families
        for key in sorted({key for run in found for key in getattr(run, family)})
    ]
    header = [*CSV_COLUMNS, *(f"{family}.{key}" for family, key in keys)]
    rows = (
        [
            *(getattr(run, name) for name in CSV_COLUMNS),
            *(getattr(run, family).get(key) for family, key in keys),
        ]
        for run in found
    )
    _write_text(face, path, _csv_text([header, *rows]), f"{len(found):,} runs")


def _csv_text(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_plain(cell) for cell in row] for row in rows)
    return text.getvalue()


def _write_text(face: Face, path: str, text: str, what: str) -> None:
    if path == "-":
        sys.stdout.write(text)
        return
    try:
        with open(path, "w", encoding="utf-8", newline="") as target:  # noqa: PTH123  a name as the user typed it
            target.write(text)
    except OSError as error:
        raise click.FileError(path, error.strerror or "cannot be written") from error
    face.note(f"{what} in {path}")


def _plain(cell: object) -> object:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.isoformat() if hasattr(cell, "isoformat") else cell


def _figure(value: float | None) -> str | None:
    """A metric: as many digits as tell models apart, and no more."""
    if value is None:
        return None
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e5 else f"{value:.4g}"


def _moved(value: float | None, by: float | None) -> str | None:
    shown = _figure(value)
    if shown is None or not by:
        return shown
    sign = "+" if by > 0 else "-"
    return f"{shown} ({sign}{_figure(abs(by))})"


def _setting(value: Any) -> str | None:
    from ropeway.tracking.settings import text_of

    return None if value is None else text_of(value)
