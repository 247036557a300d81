"""`ropeway store`: where the objects are, and which copies of them are here."""

from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.keeping.in_bucket import Offloaded
    from ropeway.keeping.store_move import MovedStore


@click.group()
def store() -> None:
    """Where the objects are kept: here, in a bucket, or in a folder that several machines see."""


@store.command()
@click.option(
    "--to",
    default="",
    metavar="ADDRESS",
    help="'s3://BUCKET/PREFIX', a folder, or 'local' for the workspace's own (default: as the settings say).",
)
@face_options
def move(face: Face, to: str) -> None:
    """Bring every object to another place, and keep them there from now on.

    Others that use the same bucket must be stopped. Interrupted, it leaves the objects where they were:
    repeat the command.
    """
    from ropeway.keeping.operations import move_store
    from ropeway.store.errors import LOCAL
    from ropeway.workspace.place import HOME, store_address

    with face.workspace_as_kept("store move") as workspace, face.progress("bringing"):
        said = store_address(workspace.root / HOME)
        moved = move_store(workspace, to=to or said or LOCAL)
    face.emit(moved, lambda out: _draw_move(out, moved, is_said=(said or LOCAL) == moved.to))


@store.command()
@face_options
def offload(face: Face) -> None:
    """Delete the copies here of what the bucket has; the next read brings them again."""
    from ropeway.keeping.operations import offload as drop

    with face.workspace() as workspace:
        dropped = drop(workspace)
    face.emit(dropped, lambda out: _draw_offload(out, dropped))


def _draw_move(out: "Console", moved: "MovedStore", *, is_said: bool) -> None:
    from ropeway.cli import draw

    out.print(f"{draw.count(moved.objects, 'object')} {'are' if moved.objects != 1 else 'is'} in {moved.to}")
    if is_said:
        draw.next_step(out, "ropeway doctor")
    else:
        draw.next_step(out, f'in ropeway.toml, under [workspace]: store = "{moved.to}"', "ropeway doctor")


def _draw_offload(out: "Console", dropped: "Offloaded") -> None:
    from ropeway.cli import draw

    if not dropped.store:
        out.print("the objects are here and nowhere else: nothing was deleted")
        draw.next_step(out, "ropeway store move --to s3://BUCKET/PREFIX")
        return
    out.print(
        f"{draw.count(dropped.objects, 'copy', 'copies')} deleted, {draw.size(dropped.freed_bytes)} freed"
    )
