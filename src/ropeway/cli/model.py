"""`ropeway model` and `ropeway gate`: from a run to a version in production, each move on record."""

from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options
from ropeway.cli.model_screen import (
    draw_card,
    draw_detail,
    draw_gate,
    draw_history,
    draw_list,
    draw_moved,
    draw_registered,
    draw_trusted,
)
from ropeway.cli.routing import route

if TYPE_CHECKING:
    from ropeway.models.gate import GateReport
    from ropeway.models.operations import ModelDetail
    from ropeway.models.registry import ModelVersion
    from ropeway.workspace import Workspace

LATEST = "latest"
REFUSED_EXIT = 3


@click.command()
@click.argument("ref")
@face_options
def gate(face: Face, ref: str) -> None:
    """Hold a model version against the charter, on rows that it has never learnt from.

    REF is NAME@NUMBER, or NAME for the newest. Exits with 3 when a check refuses it. Every gate is a recorded
    look at the test rows.
    """
    from ropeway.models.errors import IllegalTransition
    from ropeway.models.operations import gate_model
    from ropeway.models.states import State

    with face.workspace() as workspace:
        try:
            with face.progress(f"judging {ref}"), face.user_code():
                _adopt_first(workspace, ref)
                report = gate_model(workspace, ref=ref)
        except IllegalTransition as error:
            if error.facts["state"] == State.LIVE:  # to promote it once more would lead nowhere
                error.next_step = f"ropeway model card {error.facts['ref']}   holds what its gate found"
            raise
        steps = _after_gate(workspace, report)
    face.emit(report, lambda out: draw_gate(out, report, steps))
    if not report.passed:
        raise SystemExit(REFUSED_EXIT)


@click.group()
def model() -> None:
    """Register, approve, promote, recall model versions."""


model.add_command(route)


@model.command()
@click.argument("run", default="latest")
@click.option("--name", help="The model's name (default: that of the live or newest, else the project's).")
@face_options
def register(face: Face, run: str, name: str | None) -> None:
    """Package a run's served slice as a model version, and replay recorded rows through it.

    RUN is a run's id, or `latest`: here the newest run of the pipeline that finished, since nothing else can
    be packaged. The same content again is the version that it already was.
    """
    from ropeway.models.register import register as register_run

    with face.workspace() as workspace:
        with face.progress(f"packaging {run}"), face.user_code():
            version = register_run(workspace, run, name=name)
        passed_over = _passed_over(workspace) if run == LATEST else ""
    face.emit(version, lambda out: draw_registered(out, version, passed_over))


@model.command()
@click.argument("ref")
@click.option(
    "--columns", help="The columns that it takes, in its order, where its signature names none: A,B,C."
)
@face_options
def adopt(face: Face, ref: str, columns: str | None) -> None:
    """Translate a version that MLflow packaged, so that the gate can judge it.

    `ropeway gate` does it by itself. Its rows are those of [inputs.rows]. What can only be loaded by running
    what is in it (a pickle) is in quarantine until somebody trusts exactly its files: ropeway model trust.
    """
    from ropeway.models.adopting.adopt import adopt as adopt_version

    named = [each.strip() for each in (columns or "").split(",") if each.strip()]
    with face.workspace() as workspace, face.progress(f"adopting {ref}"), face.user_code():
        version = adopt_version(workspace, ref, columns=named)
    said = "can be judged"
    face.emit(version, lambda out: draw_moved(out, version, said, f"ropeway gate {version.ref}"))


@model.command("list")
@click.argument("name", required=False)
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most."
)
@click.option("--prompts", is_flag=True, help="The versions of prompts, which are left out otherwise.")
@face_options
def list_versions(face: Face, name: str | None, limit: int, prompts: bool) -> None:  # noqa: FBT001  click passes by name
    """List model versions, newest first."""
    from ropeway.models.operations import list_models

    with face.workspace() as workspace:
        versions = list_models(workspace, name=name, limit=limit, prompts=prompts)
    face.emit(versions, lambda out: draw_list(out, versions))


@model.command()
@click.argument("ref")
@click.option(
    "--code", "with_code", is_flag=True, help="Print the packaged source, to be read before trusting it."
)
@face_options
def show(face: Face, ref: str, with_code: bool) -> None:  # noqa: FBT001  click passes by name
    """Show one version: where it stands, what it takes and gives, what it came from."""
    from ropeway.models.operations import get_model, resolve_version
    from ropeway.models.projections import OWN_FORMAT

    with face.workspace() as workspace:
        if resolve_version(workspace, ref=ref).format != OWN_FORMAT:
            _show_foreign(face, workspace, ref)
            return
        detail = get_model(workspace, ref=ref)
        code = _read_code(workspace, detail) if with_code else {}
    face.emit(
        {"detail": detail, "code": code} if with_code else detail, lambda out: draw_detail(out, detail, code)
    )


@model.command()
@click.argument("ref")
@click.option("--note", help="What should be remembered of the decision.")
@face_options
def approve(face: Face, ref: str, note: str | None) -> None:
    """Answer for a version that has passed the gate. Who proposed it may not."""
    from ropeway.models.operations import approve_model

    with face.workspace() as workspace:
        version = approve_model(workspace, ref=ref, note=note)
        step = _after_approval(workspace, version)
    said = "approved by who proposed it, as the project allows" if version.self_approved else ""
    face.emit(version, lambda out: draw_moved(out, version, said, step))


@model.command()
@click.argument("ref")
@click.option("--to", "environment", default="production", show_default=True, help="The environment.")
@click.option("--note", help="What should be remembered of the decision.")
@face_options
def promote(face: Face, ref: str, environment: str, note: str | None) -> None:
    """Point an environment to an approved version. To roll back, promote an earlier one."""
    from ropeway.models.operations import promote_model

    with face.workspace() as workspace:
        version = promote_model(workspace, ref=ref, environment=environment, note=note)
    said = f"in {', '.join(version.environments)}"
    face.emit(
        version, lambda out: draw_moved(out, version, said, f"ropeway serve {version.name}@{environment}")
    )


@model.command()
@click.argument("ref")
@click.option("--reason", required=True, help="Why; it is kept.")
@face_options
def reject(face: Face, ref: str, reason: str) -> None:
    """Say that a candidate shall not be used. Final."""
    from ropeway.models.operations import reject_model

    with face.workspace() as workspace:
        version = reject_model(workspace, ref=ref, reason=reason)
    face.emit(version, lambda out: draw_moved(out, version, reason, ""))


@model.command()
@click.argument("ref")
@click.option("--reason", required=True, help="Why; it is kept.")
@face_options
def retire(face: Face, ref: str, reason: str) -> None:
    """Put a version away that no environment points to."""
    from ropeway.models.operations import retire_model

    with face.workspace() as workspace:
        version = retire_model(workspace, ref=ref, reason=reason)
    face.emit(version, lambda out: draw_moved(out, version, reason, ""))


@model.command()
@click.argument("ref")
@click.option("--reason", required=True, help="Why; it is kept.")
@face_options
def recall(face: Face, ref: str, reason: str) -> None:
    """Take a version out of use everywhere, at once. Final; its environments are left empty."""
    from ropeway.models.operations import recall_model

    with face.workspace() as workspace:
        version = recall_model(workspace, ref=ref, reason=reason)
    face.emit(version, lambda out: draw_moved(out, version, reason, f"ropeway model list {version.name}"))


@model.command()
@click.argument("name")
@click.option("--at", metavar="DATE", help="Which version was where at this date (its end, UTC) or time.")
@face_options
def history(face: Face, name: str, at: str | None) -> None:
    """Every move of a model's versions and every rollout: when, by whom or which rule, on which evidence."""
    import msgspec

    from ropeway.continuous.rollouts.operations import list_rollouts
    from ropeway.models.operations import model_history

    with face.workspace() as workspace:
        found = model_history(workspace, name=name, at=at)
        rollouts = list_rollouts(workspace, name=found.name)
    shown = {**msgspec.structs.asdict(found), "rollouts": rollouts}
    face.emit(shown, lambda out: draw_history(out, found, rollouts))


@model.command()
@click.argument("ref")
@face_options
def card(face: Face, ref: str) -> None:
    """Print a version's model card in Markdown, written from the record.

    On a terminal very long lines are cut; in a file, a pipe and `--json` the card is whole.
    """
    from ropeway.models.operations import model_card

    with face.workspace() as workspace:
        text = model_card(workspace, ref=ref)
    face.emit(text, lambda out: draw_card(out, text))


@model.command()
@click.argument("source", metavar="DIGEST")
@face_options
def trust(face: Face, source: str) -> None:
    """Let code run here that somebody else brought; read it first with `ropeway model show REF --code`."""
    from ropeway.models.operations import trust_source

    with face.workspace() as workspace:
        trusted = trust_source(workspace, source=source)
    face.emit(trusted, lambda out: draw_trusted(out, trusted))


def _passed_over(workspace: "Workspace") -> str:
    """Why the newest run is not the one that was taken as `latest`; empty where it is."""
    from ropeway.cli import draw
    from ropeway.pipelines.operations import show as show_run
    from ropeway.tracking.resolve import resolve_run

    # A version that was known before names the run that first made it, so the run is asked for again.
    taken = resolve_run(workspace, show_run(workspace, run=LATEST).run)
    newest = resolve_run(workspace, LATEST)
    if newest.id == taken.id:
        return ""
    said = {"failed": "failed", "finished": f"is a {newest.kind} run"}.get(
        newest.status, f"is {newest.status}"
    )
    return f"The newest run, {newest.id}, {said}; this is {taken.id} of {draw.when(taken.started_at)}."


def _adopt_first(workspace: "Workspace", ref: str) -> None:
    """Translate what another tool packaged, unless it was; its newest rows may be others by now."""
    from ropeway.models.operations import resolve_version
    from ropeway.models.projections import OWN_FORMAT
    from ropeway.models.states import Move, after

    version = resolve_version(workspace, ref=ref)
    if version.format == OWN_FORMAT:
        return
    after(version.ref, version.state, Move.GATE)
    if not version.source:
        from ropeway.models.adopting.adopt import adopt as adopt_version

        adopt_version(workspace, version.ref)


def _show_foreign(face: Face, workspace: "Workspace", ref: str) -> None:
    """Print what another tool packaged, as its own files say."""
    from ropeway.cli.foreign_screen import draw_foreign
    from ropeway.models.adopting.operations import look_at_foreign
    from ropeway.models.operations import resolve_version

    version, found = resolve_version(workspace, ref=ref), look_at_foreign(workspace, ref=ref)
    face.emit({"version": version, "foreign": found}, lambda out: draw_foreign(out, version, found))


def _after_gate(workspace: "Workspace", report: "GateReport") -> list[str]:
    """The commands to type after a gate: towards production, or towards a version that passes."""
    from ropeway.story.advise import after_refusal

    project, name = workspace.project, report.ref.partition("@")[0]
    if report.passed:
        if report.state != "validated":
            return []
        other = "" if project.project.approval == "self" else " --as SOMEONE-ELSE"
        return [f"ropeway model approve {report.ref}{other}"]
    failed = {check.name: check.code for check in report.checks if not check.passed}
    again = f"ropeway model register latest --name {name}"
    return after_refusal(project, report.ref, failed, dataset=report.dataset.partition("@")[0], again=again)


def _after_approval(workspace: "Workspace", version: "ModelVersion") -> str:
    """What lets an approved version out: the retraining that waits for it, a release, or a promotion."""
    from ropeway.continuous.retraining.operations import open_retrainings
    from ropeway.models.operations import list_models
    from ropeway.models.registry import production_of

    if any(each.version == version.ref for each in open_retrainings(workspace)):
        return "ropeway controller --once"
    project = workspace.project
    environment = project.policy.environment if project.policy else production_of(project)
    is_live = any(environment in each.environments for each in list_models(workspace, name=version.name))
    to = "" if environment == "production" else f" --to {environment}"
    return f"ropeway {'release' if is_live else 'model promote'} {version.ref}{to}"


def _read_code(workspace: "Workspace", detail: "ModelDetail") -> dict[str, str]:
    return {
        path: workspace.store.read(digest).decode("utf-8", "replace")
        for path, digest in sorted(detail.manifest.code.items())
    }
