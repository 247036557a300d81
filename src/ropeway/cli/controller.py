"""`ropeway controller`, `policy` and `retrain`: training and releasing anew, by rule or by hand."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.continuous.action import Action
    from ropeway.continuous.outlook import Outlook
    from ropeway.continuous.policy import Problem
    from ropeway.continuous.retraining.operations import PolicyState, Retraining
    from ropeway.workspace import LocalWorkspace

NAME = "controller"
"""Under which the controller acts unless it is told another one."""
BUSY_EXIT = 3
REFUSED_EXIT = 3

LOOKS = {
    "error": "error",
    "not-told": "warn",
    "alert": "warn",
    "paused": "warn",
    "failed": "failed",
    "refused-by-gate": "refused",
    "data-refused": "refused",
    "rejected": "refused",
    "released": "ok",
    "held": "skipped",
    "waiting": "skipped",
}


@click.command()
@click.option("--once", is_flag=True, help="One round, for cron; exits with 3, quietly, when one is at work.")
@click.option(
    "--every",
    type=click.FloatRange(0.1, 3600),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait between rounds.",
)
@face_options
def controller(face: Face, every: float, *, once: bool) -> None:
    """Do what the policy says, as things come: watch, retrain, release, take back.

    Each round holds what is against what should be, and does what is missing; killed at any point, the next
    one carries on. One at a time: a second one is refused. Acts under the name `controller` unless --as says
    another.

    Ctrl-C or SIGTERM ends it after the round at hand.
    """
    with _acting(face) as workspace, contextlib.chdir(workspace.root):
        if once:
            _one_round(face, workspace)
        else:
            _rounds(face, workspace, every)


@click.group(invoke_without_command=True)
@click.pass_context
@face_options
def policy(face: Face, context: click.Context) -> None:
    """Show, check, pause or resume the policy; alone: what it says, and what it waits for."""
    if context.invoked_subcommand is not None:
        return
    from ropeway.continuous.outlook import show_outlook

    with face.workspace() as workspace:
        found = show_outlook(workspace)
    face.emit(found, lambda out: _draw_outlook(out, found))


@policy.command()
@face_options
def check(face: Face) -> None:
    """Name what in the policy contradicts itself, the project or the calendar. Exits with 2 if it does."""
    from ropeway.continuous.policy import check_policy

    with face.workspace() as workspace, contextlib.chdir(workspace.root), face.user_code():
        found = check_policy(workspace, with_code=True)
    face.emit(found, lambda out: _draw_problems(out, found) if found else out.print("the policy is sound"))
    if any(not each.is_warning for each in found):
        raise SystemExit(2)


@policy.command()
@click.argument("reason")
@face_options
def pause(face: Face, reason: str) -> None:
    """Begin nothing any more until somebody resumes it. Rollouts that are on their way go on, and go back."""
    from ropeway.continuous.policy import model_of, require_policy
    from ropeway.continuous.retraining.operations import pause_policy
    from ropeway.core.ids import ModelName

    with face.workspace() as workspace:
        environment = require_policy(workspace.project).environment
        name = ModelName(model_of(workspace))
        state = pause_policy(workspace, name=name, environment=environment, reason=reason)
    face.emit(state, lambda out: _draw_state(out, state))


@policy.command()
@click.option("--note", help="What was found; it is kept.")
@face_options
def resume(face: Face, note: str | None) -> None:
    """Go on by the policy, after somebody has looked at it."""
    from ropeway.continuous.policy import model_of, require_policy
    from ropeway.continuous.retraining.operations import resume_policy
    from ropeway.core.ids import ModelName

    with face.workspace() as workspace:
        environment = require_policy(workspace.project).environment
        name = ModelName(model_of(workspace))
        state = resume_policy(workspace, name=name, environment=environment, reason=note)
    face.emit(state, lambda out: _draw_state(out, state))


@click.command()
@click.option("--why", help="What for; it is kept.")
@face_options
def retrain(face: Face, why: str | None) -> None:
    """Train anew and release, as the policy says, though nothing asked for it.

    Quiet hours, cool-down and budget do not hold it back; an open retraining or rollout does. Where a
    controller is at work, that one does it.
    """
    from ropeway.continuous.controller import ask, take_on
    from ropeway.continuous.retraining.operations import show_retraining
    from ropeway.workspace import LocalWorkspace
    from ropeway.workspace.errors import LeaseHeld

    with face.workspace() as workspace, contextlib.chdir(workspace.root):
        asked = ask(workspace, why)
        actions: Sequence[Action] = []
        try:
            if isinstance(workspace, LocalWorkspace):
                with face.progress(f"retraining {asked.name}"), face.user_code():
                    actions = take_on(workspace)
            else:
                click.echo(f"{asked.id} is recorded; the server's controller takes it on", err=True)
        except LeaseHeld:
            click.echo(f"{asked.id} is recorded; the controller that is at work takes it on", err=True)
        found = show_retraining(workspace, retraining=asked.id)
    face.emit(found, lambda out: _draw_retrained(out, found, actions))
    if found.outcome in ("refused-by-gate", "rejected"):
        raise SystemExit(REFUSED_EXIT)
    if found.outcome in ("failed", "data-refused"):
        raise SystemExit(1)


@contextlib.contextmanager
def _acting(face: Face) -> "Iterator[LocalWorkspace]":
    """The workspace as the controller opens it."""
    with face.local_workspace("controller", actor=NAME) as workspace:
        yield workspace


def _one_round(face: Face, workspace: "LocalWorkspace") -> None:
    from ropeway.continuous.controller import reconcile
    from ropeway.workspace.errors import LeaseHeld, LeaseLost

    try:
        with face.user_code():
            actions = reconcile(workspace)
    except (LeaseHeld, LeaseLost):
        # Cron calls often: that the one before is not done yet is nothing to write a mail about.
        raise SystemExit(BUSY_EXIT) from None
    face.emit(actions, lambda out: _draw_actions(out, actions))


def _rounds(face: Face, workspace: "LocalWorkspace", every: float) -> None:
    from ropeway.continuous.controller import run

    stop = threading.Event()

    def tell(actions: "Sequence[Action]") -> None:
        face.emit(
            list(actions), lambda out: _draw_actions(out, actions, at=workspace.clock.now().isoformat())
        )

    with _signals(stop), face.user_code():
        click.echo(f"controller {os.getpid()}: a round every {every:g} s; Ctrl-C stops", err=True)
        run(workspace, every_s=every, stop=stop, tell=tell)


@contextlib.contextmanager
def _signals(stop: threading.Event) -> "Iterator[None]":
    """The first SIGTERM or SIGINT ends the loop after its round; a second one ends the process."""

    def end(number: int, _frame: object) -> None:
        # The main thread may be inside stop.wait(), holding what stop.set() needs.
        threading.Thread(target=stop.set).start()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _draw_actions(out: "Console", actions: "Sequence[Action]", *, at: str = "") -> None:
    from ropeway.cli.draw import badge

    if not actions and not at:
        out.print("nothing to do")
    for action in actions:
        stamp = f"{at[:19]}  " if at else ""
        line = badge(LOOKS.get(action.kind, "ran"), action.kind.ljust(9))
        out.print(stamp, line, f"  {action.says}", sep="")


def _draw_outlook(out: "Console", found: "Outlook") -> None:
    from ropeway.cli.draw import badge, facts, heading, next_step, when

    where = f"{found.model} in {found.environment}"
    out.print(f"{where}: {found.live or 'nothing'} is live")
    shown = ", ".join(f"{moment:%a %Y-%m-%d %H:%M %Z}" for moment in found.next_times)
    used = f"{found.begun} of {found.max_runs} used"
    cool = f"; the next not before {when(found.cool_until)} UTC" if found.cool_until else ""
    facts(out, [*found.words.items(), ("due next", shown or None), ("now", used + cool)])
    if found.state.paused_at is not None:
        out.print(badge("warn", f"paused since {when(found.state.paused_at)}: {found.state.reason}"))
    if found.problems:
        heading(out, "Contradictions and remarks")
        _draw_problems(out, found.problems)
    if found.pending:
        heading(out, "Asked for")
    for each in found.pending:
        out.print(f"  {each.trigger}: {each.says}")
        for held in each.held or ["begins at the controller's next round"]:
            out.print(f"      {held}")
    if found.retrainings:
        heading(out, "Retrainings")
        _draw_retrainings(out, found.retrainings)
    waiting = next((each for each in found.retrainings if not each.outcome), None)
    if found.state.paused_at is not None:
        next_step(out, "ropeway policy resume")
    elif waiting is not None and waiting.stage == "gated":
        next_step(out, f"ropeway model approve {waiting.version} --as SOMEONE-ELSE")


def _draw_retrainings(out: "Console", found: "Sequence[Retraining]") -> None:
    from ropeway.cli.draw import Column, table

    columns = [Column("began"), Column("after"), Column("stands"), Column("version"), Column("", grow=True)]
    rows = [
        (
            each.triggered_at,
            each.trigger,
            each.outcome or each.stage,
            each.version or None,
            each.ended_says or each.stage_says or each.says or "",
        )
        for each in found
    ]
    table(out, columns, rows)


def _draw_problems(out: "Console", problems: "Sequence[Problem]") -> None:
    from ropeway.cli.draw import badge

    for each in problems:
        head = badge("warn" if each.is_warning else "error", f"[policy] {each.setting}")
        out.print(head, f"  {each.what}", sep="")
        if each.expected:
            out.print(f"    expected {each.expected}")


def _draw_state(out: "Console", state: "PolicyState") -> None:
    from ropeway.cli.draw import next_step

    if state.paused_at is None:
        out.print(f"the policy of {state.name} in {state.environment} goes on")
    else:
        out.print(f"the policy of {state.name} in {state.environment} is paused: {state.reason}")
        next_step(out, "ropeway policy resume")


def _draw_retrained(out: "Console", found: "Retraining", actions: "Sequence[Action]") -> None:
    from ropeway.cli.draw import next_step

    _draw_actions(out, actions, at=" ") if actions else out.print(f"{found.id} stands at {found.stage}")
    if found.outcome is None and found.version:
        next_step(
            out, f"ropeway model approve {found.version} --as SOMEONE-ELSE", "ropeway controller --once"
        )
    elif found.rollout:
        next_step(out, f"ropeway rollout {found.name}", "ropeway controller")
