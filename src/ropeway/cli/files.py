"""`ropeway files`: the files of a run, listed, and brought out of the store."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.tracking.events import ArtifactRecord

SHOWN_DIGITS = 8


@click.command()
@click.argument("run")
@click.argument("names", nargs=-1)
@click.option("--to", metavar="FOLDER", type=click.Path(path_type=Path), help="Write the files below it.")
@face_options
def files(face: Face, run: str, names: tuple[str, ...], to: Path | None) -> None:
    """List the files that a RUN kept, or those of these NAMES; with --to, write them to a folder.

    A RUN is an id or its beginning, a name, or `latest`. A file that is there already is not written over.
    """
    from ropeway.tracking.afar.errors import FileNotThere
    from ropeway.tracking.afar.files import check_path
    from ropeway.tracking.recover import recover_runs
    from ropeway.tracking.resolve import resolve_run

    with face.workspace() as workspace:
        recover_runs(workspace)
        found = resolve_run(workspace, run)
        for name in names:
            if name not in found.artifacts:
                raise FileNotThere(f"run {found.id}", name)
        chosen = {name: found.artifacts[name] for name in names or sorted(found.artifacts)}
        for name, each in chosen.items() if to is not None else ():
            assert to is not None
            target = to / check_path(name)
            if target.exists():
                raise click.FileError(str(target), "it is there already")
            target.parent.mkdir(parents=True, exist_ok=True)
            workspace.store.restore_file(each.digest, target)
    face.emit(chosen, lambda out: _draw(out, found.id, chosen, to))


def _draw(out: "Console", run: str, chosen: "dict[str, ArtifactRecord]", to: Path | None) -> None:
    from ropeway.cli import draw

    if not chosen:
        out.print("The run kept no files.")
        return
    columns = [draw.Column("file", grow=True), draw.Column("size", right=True), draw.Column("digest")]
    rows = [[name, draw.size(each.size_bytes), each.digest[:SHOWN_DIGITS]] for name, each in chosen.items()]
    draw.table(out, columns, rows)
    if to is None:
        draw.next_step(out, f"ropeway files {run} --to FOLDER")
    else:
        out.print(f"\nWritten below {to}.")
