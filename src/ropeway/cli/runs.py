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

    from ropeway.tracking.expression import Expression, Field
    from ropeway.tracking.records import RunComparison, RunSummary
    from ropeway.workspace import Workspace

SHOWN_METRICS = 4
NOT_TOLD = "not told by its client"
"""Of a run that was recorded from afar."""
SHOWN_PARAMS = 4
DEFAULT_LIMIT = 20
PAGE = 1_000
SHOWN_DIGITS = 8
SHOWN_CELLS = 100
IN_A_TABLE = 32
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
@click.option("--parquet", "parquet_path", metavar="FILE", help="Write every column as a Parquet file.")
@click.option("--group-by", "group", metavar="FIELDS", help="One line for all runs that share these.")
@click.option(
    "--pareto", metavar="FIELDS", help="Only runs that no other beats in all these; - as in --sort."
)
@face_options
def runs(
    face: Face,
    run: str | None,
    where: str,
    sort: tuple[str, ...],
    limit: int | None,
    csv_path: str | None,
    parquet_path: str | None,
    group: str | None,
    pareto: str | None,
) -> None:
    r"""Search, sort and export runs; with RUN, all about one.

    \b
      ropeway runs --where "metrics.macro_f1 > 0.6 and params.c = 1" --sort -metrics.macro_f1
      ropeway runs --where "status = 'finished' and name like 'base%'" --csv runs.csv
      ropeway runs --where "started_at > now - 7d" --group-by params.model
      ropeway runs --pareto=-metrics.macro_f1,duration
      ropeway runs latest
    """
    from ropeway.cli import runs_together
    from ropeway.tracking.recover import recover_runs
    from ropeway.tracking.resolve import resolve_run
    from ropeway.tracking.traces.reading import count_traces

    _check_one_output(face, csv_path)
    if runs_together.is_asked(run, csv_path, parquet_path, group, pareto):
        runs_together.show(
            face, where=where, sort=sort, limit=limit, parquet_path=parquet_path, group=group, pareto=pareto
        )
        return
    with face.workspace() as workspace:
        recover_runs(workspace)
        if run is not None:
            one = resolve_run(workspace, run)
            traces = count_traces(workspace, run=one.id)
            face.emit(one, lambda out: _render_one(out, one, traces))
            return
        wanted = limit if limit is not None or csv_path is not None else DEFAULT_LIMIT
        found = list(_search(workspace, where=where, sort=sort, limit=wanted))
        unknown = [] if found and not sort else _unknown_fields(workspace, where, sort)
        first = workspace.project.charter.metric
    for line in unknown if found else []:
        face.note(line)
    if csv_path is not None:
        _write_csv(face, found, csv_path)
        return
    asked = [*sort, where]
    face.emit(found, lambda out: _render(out, found, asked, unknown, limit=wanted, first=first))


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
    from ropeway.tracking.resolve import resolve_run

    _check_one_output(face, csv_path)
    with face.workspace() as workspace:
        recover_runs(workspace)
        if len({resolve_run(workspace, run).id for run in runs}) == 1:
            said = f"'{runs[0]}' is one run" if len(runs) == 1 else f"{' and '.join(runs)} are the same run"
            raise click.UsageError(
                f"{said}: there is nothing to compare it with.", click.get_current_context()
            )
        found = compare_runs(workspace, runs)
    if csv_path is not None:
        header = ["what", "key", *(run.id for run in found.runs)]
        _write_text(face, csv_path, _csv_text([header, *_comparison_rows(found)]), f"{len(found.runs)} runs")
        return
    face.emit(found, lambda out: _render_comparison(out, found))


def _check_one_output(face: Face, csv_path: str | None) -> None:
    if face.as_json and csv_path is not None:
        raise click.UsageError(
            "--csv and --json are two forms of one answer: name one.", click.get_current_context()
        )


def _unknown_fields(workspace: "Workspace", where: str, sort: Sequence[str]) -> list[str]:
    """A sentence for each metric, param or tag of the question that none of the newest runs has."""
    from ropeway.core.errors import did_you_mean
    from ropeway.tracking.filter import KEYED, parse_filter, parse_sort
    from ropeway.tracking.search import search_runs

    asked = [field for text in sort for field, _ in parse_sort(text)]
    asked += _fields(parse_filter(where)) if where.strip() else []
    wanted = [field for field in dict.fromkeys(asked) if field.family in KEYED]
    if not wanted:
        return []
    known = [
        f"{family}.{key}"
        for run in search_runs(workspace, limit=PAGE)
        for family in KEYED
        for key in getattr(run, family)
    ]
    return [
        f"No run has {field}.{did_you_mean(str(field), set(known))}"
        for field in wanted
        if str(field) not in known
    ]


def _fields(expression: "Expression") -> "list[Field]":
    """The fields that a filter names."""
    from ropeway.tracking.expression import And, Not, Or

    match expression:
        case And(parts) | Or(parts):
            return [field for part in parts for field in _fields(part)]
        case Not(part):
            return _fields(part)
    return [expression.field]


def _search(
    workspace: "Workspace", *, where: str, sort: Sequence[str], limit: int | None
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
    out: "Console",
    found: "list[RunSummary]",
    asked: Sequence[str],
    unknown: Sequence[str],
    *,
    limit: int | None,
    first: str,
) -> None:
    from ropeway.cli import draw

    if not found:
        filtered = bool(asked[-1])
        out.print("No run is let through." if filtered else "No runs yet.")
        for line in unknown if filtered else []:
            out.print(line)
        draw.next_step(out, "ropeway runs" if filtered else "ropeway run")
        return
    metrics = _chosen("metrics", (run.metrics for run in found), asked, SHOWN_METRICS, first)
    params = _chosen("params", (run.params for run in found), asked, SHOWN_PARAMS)
    columns = [
        draw.Column("run"), draw.Column("name", grow=True, rank=0 if any(run.name for run in found) else 7),
        draw.Column("status"), draw.Column("started", rank=2), draw.Column("took", right=True, rank=6),
        # The figure that the charter asks for stays longest; the last params go first.
        *(draw.Column(name, right=True, rank=5 if index else 1) for index, name in enumerate(metrics)),
        *(draw.Column(name, right=True, grow=True, rank=3 if index == 0 else 5)
          for index, name in enumerate(params)),
    ]  # fmt: skip
    rows = [
        [
            run.id,
            run.name,
            draw.badge(run.status),
            draw.when(run.started_at),
            None if run.duration_s is None else draw.duration(run.duration_s),
            *(figure(run.metrics.get(name)) for name in metrics),
            *(_clipped(run.params.get(name), IN_A_TABLE) for name in params),
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


def _chosen(
    family: str, maps: "Iterable[dict[str, Any]]", mentioned: Sequence[str], many: int, first: str = ""
) -> list[str]:
    """The keys worth a column: what the question mentions, the first, those that differ, then the rest."""
    rows = list(maps)
    keys = sorted({key for row in rows for key in row})
    asked = " ".join(mentioned)

    def weight(key: str) -> tuple[bool, ...]:
        is_asked = f"{family}.{key}" in asked or f"{family}.`{key}`" in asked
        return (
            not is_asked,
            key.startswith("system/"),
            key != first,
            len({repr(row.get(key)) for row in rows}) == 1,
        )

    return sorted(keys, key=weight)[:many]


def _render_one(out: "Console", run: "RunSummary", traces: int) -> None:
    from ropeway.cli import draw

    draw.heading(out, f"{run.id}  {run.name or ''}".rstrip())
    memory = None if run.peak_memory_bytes is None else draw.size(run.peak_memory_bytes)
    draw.facts(
        out,
        [
            ("status", draw.badge(run.status)),
            ("error", _error(run)),
            ("by", run.person),
            ("started", run.started_at),
            ("took", None if run.duration_s is None else draw.duration(run.duration_s)),
            ("CPU", None if run.cpu_s is None else draw.duration(run.cpu_s)),
            ("peak memory", memory),
            ("host", _host(run)),
            ("code", run.code[:SHOWN_DIGITS] + _commit(run) if run.code else NOT_TOLD),
            ("left out", ", ".join(run.left_out) or None),
            ("command", None if run.argv is None else " ".join(run.argv)),
            ("part of", run.parent),
            ("inputs", ", ".join(run.inputs) or None),
            ("traces", traces or None),
        ],
    )
    for title, pairs in (
        ("params", [(key, _clipped(value)) for key, value in run.params.items()]),
        ("metrics", [(key, figure(value)) for key, value in run.metrics.items()]),
        ("tags", [(key, _clipped(value)) for key, value in run.tags.items()]),
        ("artifacts", [(name, draw.size(each.size_bytes)) for name, each in run.artifacts.items()]),
    ):
        if pairs:
            draw.heading(out, title)
            draw.facts(out, pairs)
    draw.next_step(out, *([f"ropeway traces --run {run.id}"] if traces else []), f"ropeway why run:{run.id}")


def _host(run: "RunSummary") -> str:
    if not run.host.cores:
        return NOT_TOLD
    return f"{run.hostname or 'erased'} ({run.host.system} {run.host.machine}, {run.host.cores} cores)"


def _error(run: "RunSummary") -> str | None:
    if not run.error_type:
        return None
    from ropeway.cli import draw
    from ropeway.story.tell import error_word

    text = "\n".join(draw.clip_line(line) for line in (run.error or "").split("\n"))
    return f"{error_word(run.error_type)}: {text}".rstrip(": ")


def _clipped(value: Any, cells: int = SHOWN_CELLS) -> str | None:
    """A setting on one line; all of it is in `--json`."""
    from ropeway.cli import draw

    text = _setting(value)
    return None if text is None else draw.clip(text, cells)


def _commit(run: "RunSummary") -> str:
    if not run.commit:
        return ""
    return f" (git {run.commit[:SHOWN_DIGITS]}{', with changes' if run.is_dirty else ''})"


def _render_comparison(out: "Console", found: "RunComparison") -> None:
    from ropeway.cli import draw

    heads = [draw.Column("")] + [draw.Column(run.name or run.id, right=True) for run in found.runs]
    about: list[list[draw.Cell]] = [
        ["status", *(run.status for run in found.runs)],
        ["started", *(draw.when(run.started_at) for run in found.runs)],
        ["took", *(None if r.duration_s is None else draw.duration(r.duration_s) for r in found.runs)],
    ]
    if any(run.name for run in found.runs):
        about.insert(0, ["run", *(run.id for run in found.runs)])
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
    untold = [run.name or run.id for run in found.runs if not run.code]
    compared = ("inputs",) if untold else ("inputs", "code", "environment")
    notes = [f"{draw.count(found.same_params, 'param')} the same"] if found.same_params else []
    notes += [f"same {title}" for title in compared if not sections[title]]
    notes += [f"code and environment of {', '.join(untold)}: {NOT_TOLD}"] if untold else []
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


def figure(value: float | None) -> str | None:
    """A metric: as many digits as tell models apart, and no more."""
    if value is None:
        return None
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e5 else f"{value:.4g}"


def _moved(value: float | None, by: float | None) -> str | None:
    shown = figure(value)
    if shown is None or not by:
        return shown
    sign = "+" if by > 0 else "-"
    return f"{shown} ({sign}{figure(abs(by))})"


def _setting(value: Any) -> str | None:
    from ropeway.tracking.settings import text_of

    return None if value is None else text_of(value)
