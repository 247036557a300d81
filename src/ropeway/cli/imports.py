"""`ropeway import`: what another tool keeps, brought over."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.bringing.report import Report

DIFFERENT_EXIT = 3
SHOWN = 20


@click.group("import")
def imports() -> None:
    """Bring over what another tool keeps."""


@imports.command()
@click.argument("store")
@click.option(
    "--artifacts",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where its files lie, where that is not beside it. Nothing outside of it is read.",
)
@face_options
def mlflow(face: Face, store: str, artifacts: Path | None) -> None:
    """Bring a store of MLflow over: experiments, runs, points, files, registered models, with ids and times.

    STORE is a tracking server (http://host:5000; MLFLOW_TRACKING_TOKEN goes with it), a folder (./mlruns) or
    sqlite:///mlflow.db. It is only read. Interrupted, repeat it: nothing comes twice. At the end both sides
    are compared by count and digest; exits with 3 when something that came is not the same.
    """
    from ropeway.bringing.mlflow import bring, open_source

    source = open_source(store, artifacts)
    try:
        with face.workspace() as workspace, face.progress("runs and models") as tick:
            report = bring(workspace, source, tell=tick)
    finally:
        source.close()
    face.emit(report, lambda out: _draw(out, report))
    if not report.is_whole:
        raise SystemExit(DIFFERENT_EXIT)


def _draw(out: "Console", report: "Report") -> None:
    from ropeway.bringing.verify import KINDS
    from ropeway.cli import draw

    rows = [
        (kind.replace("_", " "), f"{getattr(report, kind).there:,}", f"{getattr(report, kind).here:,}")
        for kind in KINDS
    ]
    draw.table(out, ["what", draw.Column("there", right=True), draw.Column("here", right=True)], rows)
    out.print()
    how = "by digest" if report.by_digest else "by name and size, as they came over the network"
    if report.is_whole:
        out.print(f"{draw.badge('passed')}: both sides say the same of every run; files were compared {how}.")
    for said in report.differences[:SHOWN]:
        out.print(f"  different: {said}")
    if report.left_out:
        draw.heading(out, "Not brought over")
        for each in report.left_out[:SHOWN]:
            out.print(f"  {each.what}: {each.why}")
        if len(report.left_out) > SHOWN:
            out.print(f"  and {len(report.left_out) - SHOWN:,} more: --json names all of them")
    draw.next_step(out, "ropeway runs", "ropeway model list")
