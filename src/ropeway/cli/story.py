"""`ropeway why` and `ropeway status`: where something came from, and where the project stands."""

from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ropeway.cli.draw import Node
    from ropeway.story.account import Account, Link, Told


@click.command()
@click.argument("ref")
@face_options
def why(face: Face, ref: str) -> None:
    """Where REF came from, and what came of it.

    REF is a prediction's id, a model version (sentiment@2, sentiment@production), a run's id or its beginning
    (latest is the newest), or a dataset (tweets, tweets@v2).
    """
    from ropeway.story.operations import why as tell_why

    with face.workspace() as workspace:
        account = tell_why(workspace, ref=ref)
    face.emit(account, lambda out: draw_account(out, account))


def draw_account(out: "Console", account: "Account") -> None:
    """An account as a tree: the thing, what it came from, what came of it."""
    from ropeway.cli import draw

    children = []
    if account.back:
        children.append(draw.Node(draw.title("came from"), children=[_node(link) for link in account.back]))
    if account.forward or account.left_out:
        more = [f"and {account.left_out:,} more"] if account.left_out else []
        ahead = [_node(link) for link in account.forward]
        children.append(draw.Node(draw.title("led to"), more, ahead))
    draw.tree(out, draw.Node(_label(account.thing), account.thing.lines, children))


def _node(link: "Link") -> "Node":
    from ropeway.cli import draw

    if link.is_repeated:
        return draw.Node(f"{link.thing.title}   (as above)")
    return draw.Node(_label(link.thing), link.thing.lines, [_node(below) for below in link.links])


def _label(thing: "Told") -> "Text":
    from rich.text import Text

    from ropeway.cli import draw

    people = [part for part in (thing.by, draw.when(thing.at) if thing.at else "") if part]
    return Text(thing.title, style="bold") + Text(f"   {', '.join(people)}" if people else "", style="dim")
