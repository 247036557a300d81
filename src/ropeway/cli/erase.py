"""`ropeway erase`: values of the ledger and rows of a subject, gone for good, with a certificate."""

from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ropeway.keeping.erase.records import Erasure, Plan, RemotePurge, UnsearchedObject

SHOWN = 12

request_option = click.option(
    "--request", default="", help="Under which request (a number, no names), for those who read it later."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would go.")


@click.group()
def erase() -> None:
    """Erase for good: names, notes and params of the ledger, or somebody's rows in the data.

    The events stay, and so do all proofs; a certificate says what went and what could not be reached.
    """


@erase.command("event")
@click.argument("events", nargs=-1, required=True, metavar="EVENT...")
@request_option
@dry_run_option
@face_options
def erase_event(face: Face, events: tuple[str, ...], request: str, dry_run: bool) -> None:  # noqa: FBT001  click passes by name
    """Erase the values of events, by the numbers that `ropeway log` shows, or ids."""
    from ropeway.keeping.erase.operations import erase_events

    with face.workspace() as workspace, face.progress("erasing"):
        done = erase_events(workspace, events=list(events), request=request, dry_run=dry_run)
    face.emit(done, lambda out: _draw(out, done))


@erase.command("person")
@click.argument("name")
@click.option("--mentions", is_flag=True, help="Erase the texts that hold the name, too.")
@request_option
@dry_run_option
@face_options
def erase_person(face: Face, name: str, mentions: bool, request: str, dry_run: bool) -> None:  # noqa: FBT001  click passes by name
    """Erase the name of a person, given by it or by their id; what they did stays, under the id."""
    from ropeway.keeping.erase.operations import erase_person as go

    with face.workspace() as workspace, face.progress("erasing"):
        done = go(workspace, name=name, mentions=mentions, request=request, dry_run=dry_run)
    face.emit(done, lambda out: _draw(out, done))


@erase.command("rows")
@click.argument("dataset")
@click.option("--key", "keys", multiple=True, help="A key whose rows are to go; repeatable.")
@click.option("--where", metavar="COLUMN=VALUE", help="Instead of keys: a column and its value.")
@click.option(
    "--with-models", is_flag=True, help="Also what a model holds word by word; it then answers no more."
)
@request_option
@dry_run_option
@face_options
def erase_rows(
    face: Face,
    dataset: str,
    keys: tuple[str, ...],
    where: str | None,
    with_models: bool,  # noqa: FBT001  click passes by name
    request: str,
    dry_run: bool,  # noqa: FBT001  click passes by name
) -> None:
    """Erase somebody's rows from every version of DATASET, and from all that was made of them.

    The rows of others become a new version; models that learnt from what goes are named.
    """
    from ropeway.keeping.erase.operations import erase_rows as go

    column, equals, value = (where or "").partition("=")
    if where is not None and not (column and equals):
        raise click.BadParameter("COLUMN=VALUE is expected", param_hint="--where")
    with face.workspace() as workspace, face.progress("erasing"):
        done = go(
            workspace,
            dataset=dataset,
            keys=list(keys),
            where={column: value} if where is not None else {},
            with_models=with_models,
            request=request,
            dry_run=dry_run,
        )
    face.emit(done, lambda out: _draw(out, done))


@erase.command("finish")
@face_options
def erase_finish(face: Face) -> None:
    """Bring to its end what was cut off."""
    from ropeway.keeping.erase.operations import finish_erasures

    with face.workspace() as workspace, face.progress("erasing"):
        done = finish_erasures(workspace)
    face.emit(done, lambda out: _draw_list(out, done))


@erase.command("purge")
@click.argument("remote", required=False)
@face_options
def erase_purge(face: Face, remote: str | None) -> None:
    """Take from REMOTE what was erased here; the only one by default, or `origin`."""
    from ropeway.keeping.erase.operations import purge_remote

    with face.workspace() as workspace, face.progress("purging"):
        done = purge_remote(workspace, remote=remote)
    face.emit(done, lambda out: _draw_purge(out, done))


@erase.command("list")
@face_options
def erase_list(face: Face) -> None:
    """What was erased, oldest first."""
    from ropeway.keeping.erase.operations import list_erasures

    with face.workspace() as workspace:
        found = list_erasures(workspace)
    face.emit(found, lambda out: _draw_list(out, found))


@erase.command("show")
@click.argument("certificate")
@face_options
def erase_show(face: Face, certificate: str) -> None:
    """The certificate of an erasure; `--json` gives all of it, to be handed on."""
    from ropeway.keeping.erase.operations import show_erasure

    with face.workspace() as workspace:
        found = show_erasure(workspace, name=certificate)
    face.emit(found, lambda out: _draw(out, found))


def _draw(out: "Console", done: "Erasure") -> None:
    from ropeway.cli import draw

    plan = done.plan
    assert plan is not None, "what is drawn whole has its plan"
    proven = None
    if done.certificate is not None:
        made = done.certificate
        proven = f"{made.tree_size:,} events under the root {made.tree_root}"
    draw.facts(
        out,
        [
            ("certificate", done.id or None),
            ("erased", plan.scope),
            ("request", done.request),
            ("by", done.by),
            ("values", f"of {draw.count(len(plan.payloads), 'event')}" if plan.payloads else None),
            ("objects", f"{len(plan.objects):,}, {draw.size(done.size_bytes)}" if plan.objects else None),
            ("versions", ", ".join(plan.versions) or None),
            ("in their place", ", ".join(plan.replaced_by) or None),
            ("proven by", proven),
            ("verdict", _verdict(done)),
        ],
    )
    _draw_plan(out, plan)
    if done.is_dry_run:
        draw.next_step(out, "the same without --dry-run", why="does it; nothing brings it back")
    else:
        draw.next_step(out, "ropeway audit verify", f"ropeway erase show {done.id}")


def _draw_purge(out: "Console", done: "RemotePurge") -> None:
    from ropeway.cli import draw

    draw.facts(
        out,
        [
            ("remote", done.remote),
            ("certificates", ", ".join(done.erasures) or "none: nothing was erased here"),
            ("taken away", f"{draw.count(done.objects, 'object')}, {draw.size(done.freed_bytes)}"),
        ],
    )


def _draw_plan(out: "Console", plan: "Plan") -> None:
    from ropeway.cli import draw

    if plan.models:
        draw.heading(out, "models that learnt from it")
        draw.table(
            out,
            ["model", "state", "in", draw.Column("next", grow=True)],
            [(each.ref, each.state, ", ".join(each.environments), each.next_step) for each in plan.models],
        )
    _draw_lines(out, "values", [f"event {each.seq} {each.verb}: {', '.join(each.fields)}"
                                for each in plan.payloads])  # fmt: skip
    _draw_lines(out, "objects", [f"{each.digest[:12]} {each.why}" for each in plan.objects])
    _draw_lines(out, "log of predictions, written anew", plan.rewritten)
    _draw_lines(out, "stays, though it holds something of it", plan.remains)
    _draw_lines(out, "could not be searched, and stays", [_said_of(each) for each in plan.unsearched])
    _draw_lines(out, "out of reach", plan.unreached)


def _said_of(each: "UnsearchedObject") -> str:
    """One object that could not be searched: which, whose, and why."""
    whose = f"needed by {each.needed_by[0]}" if each.needed_by else "nothing on record needs it"
    more = f" and {len(each.needed_by) - 1:,} more" if len(each.needed_by) > 1 else ""
    return f"{each.digest[:12]} ({whose}{more}): {each.why}"


def _draw_lines(out: "Console", title: str, lines: "Sequence[str]") -> None:
    from ropeway.cli import draw

    if not lines:
        return
    draw.heading(out, title)
    for line in lines[:SHOWN]:
        out.print(f"  {line}")
    if len(lines) > SHOWN:
        out.print(f"  and {len(lines) - SHOWN:,} more (--json shows all)")


def _verdict(done: "Erasure"):  # type: ignore[no-untyped-def]  # a badge of draw's
    from ropeway.cli import draw

    if done.is_dry_run:
        return draw.badge("warn", "nothing was changed")
    if done.finished_at is None:
        return draw.badge("failed", "cut off: ropeway erase finish")
    return draw.badge("ok", f"gone since {draw.when(done.finished_at)}")


def _draw_list(out: "Console", found: "Sequence[Erasure]") -> None:
    from ropeway.cli import draw

    if not found:
        out.print("nothing was erased")
        return
    draw.table(
        out,
        ["certificate", "begun", "by", "what", draw.Column("values of", right=True),
         draw.Column("objects", right=True), "finished", draw.Column("request", grow=True)],
        [
            (each.id, each.begun_at, each.by, each.what, each.payloads, each.objects,
             each.finished_at or "not yet", each.request)
            for each in found
        ],
    )  # fmt: skip
