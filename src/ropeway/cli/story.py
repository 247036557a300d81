"""`ropeway why` and `ropeway status`: where something came from, and where the project stands."""

from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ropeway.cli.draw import Node
    from ropeway.story.account import Account, Link, Told
    from ropeway.story.status import Bar, Status

SHOWN_BOXES = 4


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


@click.command()
@face_options
def status(face: Face) -> None:
    """Where the project stands against its charter, on one screen."""
    from ropeway.story.operations import status as find_status

    with face.workspace() as workspace:
        found = find_status(workspace)
    face.emit(found, lambda out: draw_status(out, found))


def draw_status(out: "Console", found: "Status") -> None:
    """The project on one screen."""
    from rich.text import Text

    from ropeway.cli import draw

    out.print(Text(found.name, style="bold"))
    total = len(found.filled) + len(found.empty)
    boxes = f"{len(found.filled)} of {total} boxes filled"
    if found.empty:
        more = f" and {len(found.empty) - SHOWN_BOXES} more" if len(found.empty) > SHOWN_BOXES else ""
        boxes += f"; empty: {', '.join(found.empty[:SHOWN_BOXES])}{more}"
    draw.facts(
        out,
        [
            ("charter", boxes),
            ("deadline", found.deadline.isoformat() if found.deadline else None),
            ("budget", f"{found.budget:,g}" if found.budget is not None else None),
            ("bar", _bar_line(found.bar)),
            ("tuning", _best_line(found.bar)),
            ("gate", _gate_line(found.bar)),
            *[("data" if not index else "", line) for index, line in enumerate(_dataset_lines(found))],
            *[("labels" if not index else "", line) for index, line in enumerate(found.agreement)],
            ("runs", found.runs),
            ("models", _models_line(found)),
            *[("live" if not index else "", line) for index, line in enumerate(_live_lines(found))],
            ("asked", _use_line(found)),
            *[
                ("alerts" if not index else "", draw.badge("warn", line))
                for index, line in enumerate(found.alerts)
            ],
            *[("rollout" if not index else "", line) for index, line in enumerate(found.rollouts)],
            ("retrained", found.retraining or None),
            *[
                ("paused" if not index else "", draw.badge("warn", line))
                for index, line in enumerate(found.paused)
            ],
        ],
    )
    draw.next_step(out, *found.next_steps)


def _bar_line(bar: "Bar") -> str:
    if bar.limit is None:
        return f"{bar.metric}; the charter names no bar yet"
    return f"{bar.metric} {bar.limit:g}, at {bar.confidence:.0%} confidence"


def _best_line(bar: "Bar") -> "Text | str":
    from ropeway.cli import draw

    if bar.best is None:
        return "no run has measured it yet"
    figure = f"{bar.metric} {bar.best:.3f} on the tune part, best so far ({bar.best_run})"
    if 0 <= bar.best <= 1 and bar.limit is not None and 0 <= bar.limit <= 1:
        return draw.meter(bar.best, bar.limit, cells=20) + f" {figure}"
    return figure


def _gate_line(bar: "Bar") -> "Text | str":
    from ropeway.cli import draw

    if bar.passed is None:
        return "no version has been judged yet"
    verdict = draw.badge("passed") if bar.passed else draw.badge("refused")
    judged = f"  {bar.judged}" + (f" ({bar.since} since)" if bar.since else "")
    return verdict + (f"{judged}: {bar.says}" if bar.says else judged)


def _dataset_lines(found: "Status") -> list[str]:
    from ropeway.cli import draw

    return [
        f"{line.name}@v{line.versions}  {draw.count(line.rows, 'row')}, {draw.when(line.newest_at)}, "
        f"{line.by}{'' if line.contract_ok else '  ! breaks its contract'}"
        for line in found.datasets
    ] or ["none yet"]


def _models_line(found: "Status") -> "Text | str":
    from rich.text import Text

    from ropeway.cli import draw

    if not found.models:
        return "none yet"
    return Text("   ").join(draw.badge(state, f"{many} {state}") for state, many in found.models.items())


def _live_lines(found: "Status") -> list["Text | str"]:
    from ropeway.cli import draw

    return [
        draw.badge("live", line.environment)
        + f"  {line.ref} since {draw.when(line.since)}, by {line.by}; "
        + draw.count(line.usage.predictions, "answer")
        for line in found.live
    ] or ["nothing yet"]


def _use_line(found: "Status") -> str:
    from ropeway.cli import draw

    if not found.predictions:
        return "never yet"
    return f"{draw.count(found.predictions, 'prediction')}, {found.feedback}"
