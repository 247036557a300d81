"""`ropeway ledger move`: the history into PostgreSQL, or back into the workspace's folder."""

from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.ledger.move import MovedLedger


@click.group()
def ledger() -> None:
    """Where the history is kept."""


@ledger.command()
@click.option(
    "--to",
    required=True,
    metavar="URL",
    help="'postgresql://host/database?schema=name', or 'sqlite' for the file in .ropeway.",
)
@face_options
def move(face: Face, to: str) -> None:
    """Move the whole history to another database; both are compared before this one is given up.

    Nothing can be written meanwhile. Interrupted, it leaves this one as it is: repeat the command.
    """
    from ropeway.keeping.operations import move_ledger

    with face.local_workspace("ledger move") as workspace:
        moved = move_ledger(workspace, to=to)
    face.emit(moved, lambda out: _draw(out, moved))


def _draw(out: "Console", moved: "MovedLedger") -> None:
    from ropeway.cli import draw

    out.print(f"moved to {moved.to}")
    draw.facts(
        out,
        [
            ("events", moved.events),
            ("compared", "every table of truth, every projection by replay, the records in their order"),
            ("digest", moved.digest),
        ],
    )
    draw.next_step(out, f'in ropeway.toml, under [workspace]: ledger = "{moved.to}"', "ropeway log")
