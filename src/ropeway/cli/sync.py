"""`ropeway sync`: runs that waited here reach the server that keeps their workspace."""

import sys
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.tracking.sync import Synced

REFUSED_EXIT, WAITS_EXIT = 3, 6
WORDS = {"brought": "brought", "alive": "still runs", "waits": "waits", "refused": "refused"}


@click.command()
@face_options
def sync(face: Face) -> None:
    """Bring runs that wait here to the server that keeps their workspace.

    A script's run is recorded here first and never waits for a server; what the script itself could not bring
    waits in the project's folder. Repeated, nothing is stored twice; what a server refuses stays here. With
    --workspace URL, only what is for that server. Exit 6: something waits still; 3: something was refused.
    """
    from ropeway.tracking.sync import sync as bring
    from ropeway.workspace.opening import LOCAL, folder_of

    server = None if face.server in (None, LOCAL) else face.server
    with face.progress("bringing") as tick:
        count = 0

        def tell(_one: "Synced") -> None:
            nonlocal count
            count += 1
            tick(count, 0)

        done = bring(folder_of(face.project), server=server, insecure=face.insecure, tell=tell)
    face.emit(done, lambda out: _draw(out, done))
    states = {each.state for each in done}
    if "refused" in states or "waits" in states:
        sys.exit(REFUSED_EXIT if "refused" in states else WAITS_EXIT)


def _draw(out: "Console", done: "list[Synced]") -> None:
    from ropeway.cli import draw

    if not done:
        out.print("Nothing waits here.")
        return
    columns = [
        draw.Column("run"), draw.Column("server", grow=True), draw.Column(""),
        draw.Column("points", right=True),
    ]  # fmt: skip
    draw.table(
        out, columns, [[each.run, each.address, WORDS[each.state], f"{each.points:,}"] for each in done]
    )
    for why, next_step in dict.fromkeys((each.why, each.next_step) for each in done if each.why):
        out.print(f"\n{why}")
        if next_step:
            draw.next_step(out, next_step)
