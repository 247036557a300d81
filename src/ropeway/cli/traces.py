"""`ropeway traces` and `ropeway trace`: find traces, and look at one span by span."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ropeway.tracking.traces.records import TraceInfo, WholeTrace
    from ropeway.tracking.traces.spans import Span

DEFAULT_LIMIT = 20
SHOWN_SPANS = 200
SHOWN_CELLS = 100
NAME_CELLS = 48
DEEPEST = 12
BAR_CELLS = 24
OWN_WORDS = "mlflow."
"""Tags and metadata that a client sets by itself; `--json` has them."""


@click.command()
@click.option("--where", default="", metavar="FILTER", help="Only traces that the filter lets through.")
@click.option("--sort", multiple=True, metavar="FIELD [DESC]", help="Order by fields.")
@click.option("--experiment", multiple=True, metavar="ID", help="Only of this experiment.")
@click.option("--run", "run", metavar="RUN", help="Only those that belong to this run.")
@click.option("--limit", type=click.IntRange(1), default=DEFAULT_LIMIT, show_default=True, help="How many.")
@face_options
def traces(
    face: Face,
    where: str,
    sort: tuple[str, ...],
    experiment: tuple[str, ...],
    run: str | None,
    limit: int,
) -> None:
    r"""Find traces, the one that began last first.

    \b
      ropeway traces --where "status = 'ERROR' AND execution_time_ms > 500"
      ropeway traces --where "span.type = 'LLM' AND trace.text LIKE '%refund%'"
      ropeway traces --sort "execution_time_ms DESC" --limit 5
    """
    from ropeway.tracking.projections import run_hex
    from ropeway.tracking.resolve import resolve_run
    from ropeway.tracking.traces.finding import find_traces

    with face.workspace() as workspace:
        if run is not None:
            of_run = f"run_id = '{run_hex(resolve_run(workspace, run).id)}'"
            where = f"{where} AND {of_run}" if where.strip() else of_run
        page = find_traces(workspace, experiments=list(experiment), where=where, sort=list(sort), limit=limit)
    face.emit(page.traces, lambda out: _render(out, page.traces, is_asked=bool(where), after=page.after))


@click.command()
@click.argument("trace")
@face_options
def trace(face: Face, trace: str) -> None:
    """Show one trace: what it is, and its spans as a tree.

    A TRACE is an id or the beginning of one, or `latest`.
    """
    from ropeway.tracking.traces.reading import get_trace, resolve_trace

    with face.workspace() as workspace:
        found = get_trace(workspace, trace=resolve_trace(workspace, ref=trace))
    face.emit(found, lambda out: _render_one(out, found))


def _render(out: "Console", found: Sequence["TraceInfo"], *, is_asked: bool, after: int | None) -> None:
    from datetime import timedelta

    from ropeway.cli import draw
    from ropeway.tracking.afar.moments import EPOCH

    if not found:
        _render_none(out, is_asked=is_asked)
        return
    draw.table(
        out,
        [
            "trace",
            draw.Column("name", grow=True),
            "state",
            draw.Column("began", rank=2),
            draw.Column("took", right=True),
            draw.Column("spans", right=True, rank=1),
            draw.Column("request", grow=True, rank=3),
        ],
        [
            [
                each.id,
                draw.clip(each.name or "", NAME_CELLS),
                _state(each.state),
                EPOCH + timedelta(milliseconds=each.began_ms),
                None if each.duration_ms is None else took(each.duration_ms * 1_000_000),
                each.spans,
                draw.clip(each.request or "", NAME_CELLS),
            ]
            for each in found
        ],
    )
    if after is not None:
        out.print(f"{draw.INDENT}and more: --limit {2 * len(found)}")
    draw.next_step(out, f"ropeway trace {found[0].id}")


def _render_none(out: "Console", *, is_asked: bool) -> None:
    from ropeway.cli import draw

    if is_asked:
        out.print("No trace passes the filter.")
        return
    out.print("There are no traces yet.")
    out.print("A program that is traced by MLflow's client or by OpenTelemetry sends them to a server:")
    draw.next_step(out, "ropeway server", why="then point OTEL_EXPORTER_OTLP_ENDPOINT at it")


def _render_one(out: "Console", found: "WholeTrace") -> None:
    from datetime import timedelta

    from ropeway.cli import draw
    from ropeway.tracking.afar.moments import EPOCH

    info = found.info
    draw.heading(out, f"{info.id}  {info.name or ''}".rstrip())
    draw.facts(
        out,
        [
            ("state", _state(info.state)),
            ("began", EPOCH + timedelta(milliseconds=info.began_ms)),
            ("took", None if info.duration_ms is None else took(info.duration_ms * 1_000_000)),
            ("experiment", info.experiment),
            ("runs", ", ".join(info.runs) or None),
            ("request", None if info.request is None else draw.clip(info.request, SHOWN_CELLS)),
            ("response", None if info.response is None else draw.clip(info.response, SHOWN_CELLS)),
            *_own(info.tags),
            *_own(info.metadata),
        ],
    )
    if not found.spans:
        out.print(f"{draw.INDENT}None of its spans has come.")
        return
    out.print()
    _draw_spans(out, found.spans)
    if info.runs:
        draw.next_step(out, f"ropeway why run:{info.runs[0]}")


def _draw_spans(out: "Console", spans: Sequence["Span"]) -> None:
    from ropeway.cli import draw

    first = min(span.began_ns for span in spans)
    last = max(max(span.ended_ns, span.began_ns) for span in spans)
    rows = list(as_tree(spans))
    draw.table(
        out,
        [
            draw.Column("span", grow=True),
            draw.Column("type", rank=2),
            "status",
            draw.Column("took", right=True),
            draw.Column("", rank=1),
        ],
        [
            [
                prefix + draw.clip(span.name, NAME_CELLS),
                "" if span.type == "UNKNOWN" else span.type,
                _status(span),
                took(span.ended_ns - span.began_ns) if span.ended_ns else None,
                _bar(span, first, last),
            ]
            for prefix, span in rows[:SHOWN_SPANS]
        ],
    )
    if len(rows) > SHOWN_SPANS:
        out.print(f"{draw.INDENT}and {len(rows) - SHOWN_SPANS:,} more spans (--json shows all)")
    failed = [span for span in spans if span.status == "error"]
    for span in failed[:3]:
        out.print(f"{draw.INDENT}{draw.clip(f'{span.name}: {_said(span)}', SHOWN_CELLS)}")


def as_tree(spans: Sequence["Span"]) -> Iterator[tuple[str, "Span"]]:
    """Each span with the lines that lead to it; one whose parent did not come stands as a root.

    Example:
        >>> list(as_tree([]))
        []
    """
    ids = {span.id for span in spans}
    below: dict[str | None, list[Span]] = {}
    for span in spans:
        below.setdefault(span.parent if span.parent in ids else None, []).append(span)
    told: set[str] = set()
    # Spans may name each other as parents, and then have no root: they are told after all others.
    for start in [*below.get(None, []), *spans]:
        todo = [("", "", start)]
        while todo:
            lead, branch, span = todo.pop()
            if span.id in told:
                continue
            told.add(span.id)
            yield lead + branch, span
            inner = lead + ("│  " if branch == "├─ " else "   " if branch else "")
            inner = inner if len(inner) <= 3 * DEEPEST else inner[: 3 * DEEPEST]
            children = below.get(span.id, [])
            marks = ["├─ "] * (len(children) - 1) + ["└─ "]
            todo += [
                (inner, mark, child) for mark, child in reversed(list(zip(marks, children, strict=False)))
            ]


def took(nanoseconds: int) -> str:
    """A length of time, in microseconds where it is short.

    Example:
        >>> took(412_000), took(99_000_000)
        ('412 µs', '99 ms')
    """
    from ropeway.cli import draw

    if 0 <= nanoseconds < 1_000_000:
        return f"{nanoseconds / 1000:.0f} µs"
    return draw.duration(max(0, nanoseconds) / 1e9)


def _bar(span: "Span", first: int, last: int) -> "Text":
    """Where in the trace a span stands."""
    from rich.text import Text

    whole = max(1, last - first)
    begin = min(BAR_CELLS - 1, (span.began_ns - first) * BAR_CELLS // whole)
    end = (max(span.ended_ns, span.began_ns) - first) * BAR_CELLS // whole
    length = max(1, min(BAR_CELLS, end) - begin)
    style = "red" if span.status == "error" else "cyan"
    return Text(" " * begin) + Text("█" * length, style=style)


def _state(state: str) -> "Text":
    from ropeway.cli import draw

    return draw.badge({"in-progress": "running", "unknown": "open"}.get(state, state), state)


def _status(span: "Span") -> "Text":
    from rich.text import Text

    from ropeway.cli import draw

    if span.status == "unset":
        return Text("" if span.ended_ns else "not ended", style="dim")
    return draw.badge(span.status)


def _said(span: "Span") -> str:
    """Why a span failed: what is said of its status, or the exception that it saw."""
    for event in span.events:
        kind, message = (event.attributes.get(f"exception.{name}") for name in ("type", "message"))
        if kind or message:
            return ": ".join(str(each) for each in (kind, message) if each)
    return span.message or "no reason said"


def _own(words: dict[str, str]) -> list[tuple[str, str]]:
    from ropeway.cli import draw

    return [
        (key, draw.clip(value, SHOWN_CELLS)) for key, value in words.items() if not key.startswith(OWN_WORDS)
    ]
