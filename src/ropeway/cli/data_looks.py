"""`ropeway data diff` and `ropeway data profile`: what changed, and what is there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ropeway.data.diff_records import Diff, Moved, Row, RowsDiff, SchemaDiff
    from ropeway.data.profile_records import Figures, FullColumn, FullProfile

SPARKS = " ▁▂▃▄▅▆▇█"
SHOWN_CELLS = 30
"""Of a value in an example."""
SHOWN_VALUES = 6
"""Of a row in an example."""
COUNTED_EXACTLY = 300
"""Of more different values their number is an estimate."""
SHOWN_QUANTILES = ("1 %", "5 %", "25 %", "median", "75 %", "95 %", "99 %")


@click.command()
@click.argument("before", metavar="REF")
@click.argument("after", required=False, metavar="[REF]")
@click.option(
    "--key", multiple=True, help="The column that tells rows apart (default: the contract's); repeat it."
)
@click.option("--whole-rows", is_flag=True, help="Count whole rows, even where there is a key.")
@face_options
def diff(
    face: Face,
    before: str,
    after: str | None,
    key: tuple[str, ...],
    whole_rows: bool,  # noqa: FBT001  click passes by name
) -> None:
    """Show what changed between two versions: columns, rows by their key, distributions.

    REF is NAME, NAME@v2 or NAME@<digest>. With one REF: what it changed since the version before it.
    """
    from ropeway.data.operations import diff as ask

    with face.workspace() as workspace, face.progress("comparing"):
        found = ask(workspace, before=before, after=after, key=list(key), whole_rows=whole_rows)
    face.emit(found, lambda out: _draw_diff(out, found))


@click.command()
@click.argument("ref")
@face_options
def profile(face: Face, ref: str) -> None:
    """Look at every row of a version: each column's range, quantiles, frequent values, lengths.

    REF is NAME, NAME@v2 or NAME@<digest>. One pass in constant memory; `data show` has the short form.
    """
    from ropeway.data.operations import full_profile

    with face.workspace() as workspace, face.progress(f"reading {ref}"):
        found = full_profile(workspace, reference=ref)
    face.emit(found, lambda out: _draw_profile(out, found))


def spark(shares: Sequence[float], top: float | None = None) -> str:
    """Shares as a row of small bars, the highest as high as can be; what is over 0 is never invisible.

    Example:
        >>> spark([0.0, 0.01, 0.5, 1.0])
        ' ▁▄█'
    """
    most = top if top is not None else max(shares, default=0)
    steps = len(SPARKS) - 1
    return "".join(
        SPARKS[max(1, min(steps, round(share / most * steps))) if share > 0 and most else 0]
        for share in shares
    )


def _draw_diff(out: "Console", found: "Diff") -> None:
    from rich.text import Text

    from ropeway.cli import draw

    out.print(Text(f"{found.before.shown} → {found.after.shown}", style="bold"))
    if found.is_same:
        draw.facts(out, [("rows", draw.badge("ok", f"the same {draw.count(found.rows.same, 'row')}"))])
        return
    rows = found.rows
    by = f"matched by {' + '.join(rows.key)}" if rows.key else "whole rows, without a key"
    draw.facts(
        out,
        [
            ("columns", _schema_words(found.columns)),
            ("rows", f"{found.before.rows:,} → {found.after.rows:,}, {by}"),
            ("", _tally("+", rows.added, "added", "green")),
            ("", _tally("-", rows.removed, "removed", "red")),
            ("", _tally("~", rows.changed, "changed", "yellow") if rows.key else None),
            ("", _tally("=", rows.same, "as they were", "dim")),
        ],
    )
    if rows.columns:
        draw.heading(out, "changed in")
        draw.table(
            out,
            ["column", draw.Column("rows", right=True), ""],
            [
                (name, count, draw.meter(count / rows.changed, cells=16))
                for name, count in rows.columns.items()
            ],
        )
    _draw_examples(out, rows)
    if found.distributions:
        draw.heading(out, "distributions, before → after")
        _draw_moves(out, found.distributions)
    draw.next_step(out, f"ropeway data profile {found.after.shown}")


def _schema_words(columns: "SchemaDiff") -> str:
    words = [f"+ {name} ({kind})" for name, kind in columns.added.items()]
    words += [f"- {name} ({kind})" for name, kind in columns.removed.items()]
    words += [f"~ {each.column} ({each.before} → {each.after})" for each in columns.retyped]
    words += ["in another order"] if columns.reordered else []
    return ", ".join(words) or "the same"


def _tally(sign: str, count: int, word: str, style: str) -> "Text":
    from rich.text import Text

    return Text(f"{sign} {count:,} {word}", style=style if count else "dim")


def _draw_examples(out: "Console", rows: "RowsDiff") -> None:
    from rich.text import Text

    from ropeway.cli import draw

    lines = [("+", "green", _row_words(row, rows.key)) for row in rows.added_rows]
    lines += [("-", "red", _row_words(row, rows.key)) for row in rows.removed_rows]
    for each in rows.changed_rows:
        key = ", ".join(f"{name} {_value(value)}" for name, value in each.key.items())
        moves = [f"{name}: {_value(old)} → {_value(each.after[name])}" for name, old in each.before.items()]
        lines.append(("~", "yellow", f"{key}   {'; '.join(moves[:SHOWN_VALUES])}"))
    if lines:
        draw.heading(out, "such as")
    for sign, style, words in lines:
        line = Text.assemble((f"  {sign} ", style), words)
        if out.is_terminal:
            line.truncate(out.width, overflow="ellipsis")
        out.print(line)


def _row_words(row: "Row", key: Sequence[str]) -> str:
    names = [*key, *(name for name in row if name not in key)]
    more = " …" if len(names) > SHOWN_VALUES else ""
    return ", ".join(f"{name} {_value(row[name])}" for name in names[:SHOWN_VALUES]) + more


def _value(value: object) -> str:
    from ropeway.cli import draw

    if isinstance(value, str):
        return f"'{draw.clip(value, SHOWN_CELLS)}'"
    if isinstance(value, float):
        return f"{value:.7g}"
    return draw.DASH if value is None else draw.clip(str(value), SHOWN_CELLS)


def _draw_moves(out: "Console", moves: "list[Moved]") -> None:
    from rich.text import Text

    from ropeway.cli import draw

    told = [each for each in moves if each.effect > 0]
    width = max((len(draw.clip(each.column, 20)) for each in told), default=0)
    for each in told:
        top = max([*each.before, *each.after, 0.0])
        before, after = spark(each.before, top), spark(each.after, top)
        state = draw.badge("warn" if each.drifted else "ok", f"effect {each.effect:.2f}")
        name = draw.clip(each.column, 20).ljust(width)
        out.print(Text.assemble(f"  {name}  ", (before, "cyan"), " → ", (after, "cyan"), "  ", state))
        for line in (
            Text(each.says, style="dim").wrap(out, max(out.width - width - 4, 20))
            if out.is_terminal
            else [Text(each.says)]
        ):
            out.print(Text(" " * (width + 4)) + line)
    still = [each.column for each in moves if not each.effect > 0]
    if still:
        draw.facts(out, [("as before", ", ".join(still))])


def _draw_profile(out: "Console", found: "FullProfile") -> None:
    from rich.text import Text

    from ropeway.cli import draw

    out.print(
        f"{found.version}: {draw.count(found.rows, 'row')}, {draw.count(len(found.columns), 'column')}, "
        "every row read"
    )
    for column in found.columns:
        out.print()
        out.print(Text.assemble((column.name, "bold"), "  ", (_column_words(column, found.rows), "dim")))
        if column.values is not None:
            of = "items" if column.kind.startswith("list[") else ""
            _draw_figures(out, column.values, of)
        if column.lengths is not None:
            _draw_figures(out, column.lengths, "characters" if column.kind == "text" else "items a row")
        if column.first is not None:
            out.print(f"  {column.first}  to  {column.last}   median {column.middle}")
        _draw_top(out, column, found.rows)


def _column_words(column: "FullColumn", rows: int) -> str:
    words = [column.kind]
    if column.distinct is not None:
        about = "about " if column.distinct > COUNTED_EXACTLY else ""
        words.append(f"{about}{column.distinct:,} different")
    if column.nulls:
        words.append(f"{column.nulls:,} missing ({column.nulls / max(rows, 1):.1%})")
    if column.nans:
        words.append(f"{column.nans:,} NaN")
    if column.infinite:
        words.append(f"{column.infinite:,} infinite")
    return ", ".join(words)


def _draw_figures(out: "Console", figures: "Figures", of: str) -> None:
    from rich.text import Text

    low, high = number(figures.min), number(figures.max)
    middle = f"mean {number(figures.mean)}  sd {number(figures.sd)}"
    if figures.min == figures.max:
        out.print(f"  always {low}" + (f" {of}" if of else ""))
        return
    shown = f"  {of}" if of else ""
    out.print(Text.assemble(f"  {low} ", (spark(figures.bins), "cyan"), f" {high}  {middle}{shown}"))
    pairs = zip(SHOWN_QUANTILES, figures.quantiles, strict=True)
    line = Text("  ") + Text("  ").join(
        Text.assemble((f"{name} ", "dim"), number(value)) for name, value in pairs
    )
    for each in line.wrap(out, out.width) if out.is_terminal else [line]:
        out.print(each)


def _draw_top(out: "Console", column: "FullColumn", rows: int) -> None:
    from rich.text import Text

    from ropeway.cli import draw

    present = max(rows - column.nulls, 1)
    # Where most values are different, those that came twice say nothing of the column.
    if not column.top or (column.distinct or 0) * 2 > present:
        return
    names = [draw.clip(each.value, SHOWN_CELLS) or "(empty)" for each in column.top]
    width = max(map(len, names))
    for name, each in zip(names, column.top, strict=True):
        share = each.count / present
        out.print(
            Text.assemble(
                f"  {name.ljust(width)}  ", draw.meter(share, cells=16), f"  {each.count:,}  {share:.1%}"
            )
        )


def number(value: float) -> str:
    """A figure short enough for a line of them.

    Example:
        >>> number(1234.0), number(0.123456), number(1e12)
        ('1,234', '0.1235', '1e+12')
    """
    whole = float(value).is_integer() and abs(value) < 1e9
    return f"{value:,.0f}" if whole else f"{value:,.4g}" if abs(value) < 1e5 else f"{value:.4g}"
