"""`ropeway reproduce`: a run or a model version, done again from what is on record."""

from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.keeping.reproduce.records import Place, Reproduction

EXITS = {"identical": 0, "equal": 0, "differs": 3, "cannot": 6}
BADGES = {"identical": "passed", "equal": "passed", "differs": "failed", "cannot": "open"}
SHOWN_PACKAGES = 8
TOLERANCE = 1e-6


@click.command()
@click.argument("ref", metavar="RUN|MODEL@NUMBER")
@click.option("--clean", is_flag=True, help="In a new virtual environment with the packages on record.")
@click.option("--trust", is_flag=True, help="Run code that somebody else put on record: you have read it.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0.0),
    default=TOLERANCE,
    show_default=True,
    help="How far numbers may be apart, relative and absolute, to count as equal.",
)
@face_options
def reproduce(face: Face, ref: str, tolerance: float, *, clean: bool, trust: bool) -> None:
    """Do a run again from what is on record, and say whether it comes out the same.

    RUN is an id, the beginning of one, latest, or a name; a model version stands for the run that made it.
    The run's code, data and parameters are laid out in an empty folder, and every step runs in a new process.
    With --clean, in a new virtual environment with the packages in their versions on record, from the package
    index that pip is configured for. Code that somebody else put on record through a server runs only with
    --trust.

    The verdict is on record afterwards: identical, equal (within the tolerance), differs, or cannot. It exits
    with 0, 0, 3 and 6.
    """
    from ropeway.keeping.reproduce.reproduce import reproduce as do_again

    place: Place = "clean" if clean else "here"
    with face.workspace() as workspace, face.user_code():
        found = do_again(
            workspace,
            ref,
            place=place,
            tolerance=tolerance,
            trust=trust,
            tell=lambda what: face.note(f"{what} …"),
        )
    face.emit(found, lambda out: _draw(out, found))
    if EXITS[found.verdict]:
        raise click.exceptions.Exit(EXITS[found.verdict])


def _draw(out: "Console", found: "Reproduction") -> None:
    from ropeway.cli import draw

    subject = f"{found.model} (run {found.run})" if found.model else f"run {found.run}"
    draw.heading(out, subject)
    out.print(draw.badge(BADGES[found.verdict], found.verdict), found.says)
    if found.metrics:
        rows = [
            (each.name, draw.number(each.recorded, 6), draw.number(each.now, 6)) for each in found.metrics
        ]
        columns: list[draw.Column | str] = [
            "metric",
            draw.Column("on record", right=True),
            draw.Column("now", right=True),
        ]
        draw.table(out, columns, rows)
    if found.farthest:
        out.print(f"farthest answer on the recorded rows: {found.farthest:.3g} apart")
    where = "in a clean environment" if found.place == "clean" else "with the packages installed here"
    out.print(f"done {where}, Python {found.python}, in {draw.duration(found.took_s)}")
    if found.packages:
        out.print("packages that are not in the version on record:")
        rows = [(each.name, each.recorded, each.now or "missing") for each in found.packages]
        draw.table(out, ["package", "on record", "here"], rows[:SHOWN_PACKAGES])
    if found.verdict in ("differs", "cannot") and found.place == "here" and found.packages:
        ref = found.model or found.run
        draw.next_step(out, f"ropeway reproduce {ref} --clean", why="takes the versions on record")
