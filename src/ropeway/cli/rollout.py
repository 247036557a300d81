"""`ropeway release`, `rollout` and `rollback`: a version proves itself on real traffic, or goes back."""

from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options
from ropeway.cli.groups import ShownByDefault

if TYPE_CHECKING:
    from ropeway.workspace import Workspace


@click.command()
@click.argument("ref", metavar="MODEL@VERSION")
@click.option("--to", "environment", default="production", show_default=True, help="The environment.")
@click.option("--steps", metavar="LIST", help="Such as shadow,0.1,0.5 (default: those of [rollout]).")
@click.option("--note", help="What should be remembered of the decision.")
@face_options
def release(face: Face, ref: str, environment: str, steps: str | None, note: str | None) -> None:
    """Let an approved version prove itself beside the live one, step by step.

    It is asked in shadow, then answers a share of the traffic, and is live once a test on production's own
    truth has shown it to be better; `ropeway controller` takes the steps. Where nothing is live it is live at
    once.
    """
    from ropeway.cli.rollout_screen import draw_released
    from ropeway.continuous.rollouts.operations import release as release_version

    with face.workspace() as workspace:
        released = release_version(
            workspace, ref=ref, environment=environment, steps=_steps(steps), note=note
        )
    face.emit(released, lambda out: draw_released(out, released))


@click.group(cls=ShownByDefault)
def rollout() -> None:
    """Show, advance, hold, resume or end a rollout.

    `ropeway rollout [MODEL]` shows the one that is on its way, or else the newest.
    """


@rollout.command()
@click.argument("model", required=False)
@face_options
def show(face: Face, model: str | None) -> None:
    """Show a rollout: its step, what was heard, the test, the guards, what comes next.

    MODEL may also be a rollout's id. What is shown of an active one is as of now; nothing is decided by it.
    """
    from ropeway.cli.rollout_screen import draw_none, draw_rollout
    from ropeway.continuous.rollouts.evidence import read_evidence
    from ropeway.continuous.rollouts.operations import get_budget, get_rollout, hear, list_rollouts

    with face.workspace() as workspace:
        if model is None:
            newest = list_rollouts(workspace, limit=1)
            if not newest:
                face.emit(None, draw_none)
                return
            model = newest[0].id
        found = get_rollout(workspace, rollout=model)
        summary, guarded = found.summary, None
        if found.is_active:
            with face.progress("reading what production says"):
                heard = hear(workspace, rollout=found.id)
            summary, guarded = heard.summary, heard.guarded
        elif found.evidence is not None:
            guarded = read_evidence(workspace.store, found.evidence).guarded
        budget = get_budget(workspace, name=found.name, year=found.year)
    shown = {"rollout": found, "now": summary, "guards": guarded, "budget": budget}
    face.emit(shown, lambda out: draw_rollout(out, found, summary, guarded, budget))


@rollout.command("list")
@click.argument("model", required=False)
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most."
)
@face_options
def list_all(face: Face, model: str | None, limit: int) -> None:
    """List rollouts with how they ended and on which evidence, active ones first."""
    from ropeway.cli.rollout_screen import draw_none, draw_rollouts
    from ropeway.continuous.rollouts.operations import list_rollouts

    with face.workspace() as workspace:
        found = list_rollouts(workspace, name=model, limit=limit)
    face.emit(found, lambda out: draw_rollouts(out, found) if found else draw_none(out))


@rollout.command()
@click.argument("model", required=False)
@click.option("--note", help="Why; it is kept.")
@face_options
def advance(face: Face, model: str | None, note: str | None) -> None:
    """Take the next step now, whatever the test says; behind the last step the version is live."""
    from ropeway.cli.rollout_screen import draw_moved
    from ropeway.continuous.rollouts.operations import advance_rollout

    with face.workspace() as workspace:
        found = advance_rollout(workspace, rollout=_which(workspace, model), note=note)
    face.emit(found, lambda out: draw_moved(out, found))


@rollout.command()
@click.argument("model", required=False)
@click.option("--note", help="Why; it is kept.")
@face_options
def hold(face: Face, model: str | None, note: str | None) -> None:
    """Keep it at its step until somebody lets it go on. Harm and broken guards still end it."""
    from ropeway.cli.rollout_screen import draw_moved
    from ropeway.continuous.rollouts.operations import hold_rollout

    with face.workspace() as workspace:
        found = hold_rollout(workspace, rollout=_which(workspace, model), note=note)
    face.emit(found, lambda out: draw_moved(out, found))


@rollout.command()
@click.argument("model", required=False)
@click.option("--note", help="Why; it is kept.")
@face_options
def resume(face: Face, model: str | None, note: str | None) -> None:
    """Let a held one go on by itself; its deadline begins anew."""
    from ropeway.cli.rollout_screen import draw_moved
    from ropeway.continuous.rollouts.operations import resume_rollout

    with face.workspace() as workspace:
        found = resume_rollout(workspace, rollout=_which(workspace, model), note=note)
    face.emit(found, lambda out: draw_moved(out, found))


@rollout.command()
@click.argument("model", required=False)
@click.option("--note", help="Why; it is kept.")
@face_options
def end(face: Face, model: str | None, note: str | None) -> None:
    """End it: all traffic is the live version's again."""
    from ropeway.cli.rollout_screen import draw_moved
    from ropeway.continuous.rollouts.operations import end_rollout

    with face.workspace() as workspace:
        found = end_rollout(workspace, rollout=_which(workspace, model), note=note)
    face.emit(found, lambda out: draw_moved(out, found))


@click.command()
@click.argument("model", required=False)
@click.option(
    "--environment", "--to", "environment", default="production", show_default=True, help="The environment."
)
@click.option("--note", help="Why; it is kept.")
@face_options
def rollback(face: Face, model: str | None, environment: str, note: str | None) -> None:
    """Go back at once: end the rollout that is on its way, else bring back what was live before.

    It asks for no fresh gate. Once more goes back further.
    """
    from ropeway.cli.rollout_screen import draw_back
    from ropeway.continuous.rollouts.operations import rollback as go_back
    from ropeway.models.operations import list_models
    from ropeway.models.registry import usual_name

    with face.workspace() as workspace:
        name = model or usual_name(list_models(workspace), workspace.project)
        back = go_back(workspace, name=name, environment=environment, note=note)
    face.emit(back, lambda out: draw_back(out, back))


def _steps(text: str | None) -> list[str | float] | None:
    """Steps as typed: words as they are, numbers as shares (`10%` is 0.1)."""
    if text is None:
        return None
    steps: list[str | float] = []
    for word in text.replace(" ", "").split(","):
        try:
            steps.append(float(word[:-1]) / 100 if word.endswith("%") else float(word))
        except ValueError:
            steps.append(word)
    return steps


def _which(workspace: "Workspace", model: str | None) -> str:
    """The rollout that is meant: the one named, else the only one that is on its way."""
    from ropeway.continuous.rollouts.errors import NoRolloutActive
    from ropeway.continuous.rollouts.operations import list_rollouts

    if model is not None:
        return model
    active = list_rollouts(workspace, active=True)
    if len(active) == 1:
        return active[0].id
    if not active:
        raise NoRolloutActive
    named = ", ".join(each.name for each in active)
    raise click.UsageError(f"Name the model whose rollout is meant: {named}.")
