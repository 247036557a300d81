"""How model versions look: what a gate found, a version in detail, where each was live and when."""

from typing import TYPE_CHECKING

import click

from ropeway.cli.plain import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.continuous.rollouts.reading import RolloutState
    from ropeway.models.gate import GateReport
    from ropeway.models.operations import History, ModelDetail, Trusted
    from ropeway.models.registry import ModelVersion

SHORT = 10


def draw_gate(out: "Console", report: "GateReport", steps: list[str]) -> None:
    """Each check with its figure, the outcome, and what to type next."""
    from ropeway.cli import draw

    champion = f", beside {report.champion}" if report.champion else ""
    out.print(f"{report.ref} on {report.rows:,} test rows of {report.dataset}{champion}", style="bold")
    out.print()
    rows = []
    for check in report.checks:
        verdict = "skipped" if check.skipped else "passed" if check.passed else "refused"
        rows.append(
            (check.name, _figure(check.figure), _figure(check.limit), draw.badge(verdict), check.says)
        )
    columns: list[draw.Column | str] = [
        "check",
        draw.Column("figure", right=True),
        draw.Column("needed", right=True),
        "verdict",
        draw.Column("in words", grow=True),
    ]
    draw.table(out, columns, rows)
    out.print()
    # A narrow terminal cuts the table's last column; why something is refused is always told whole.
    for check in report.checks:
        if not check.passed and out.is_terminal:
            out.print(f"  {check.name}: {check.says}")
    outcome = draw.badge("passed") if report.passed else draw.badge("refused")
    out.print(outcome + f": {report.ref} is {report.state}. This was look {report.look} at this test set.")
    if report.unproven:
        out.print(f"Nothing here proves it: {report.unproven}.")
    if report.was_approved_by is not None:
        out.print(
            f"{report.was_approved_by} had approved it on what the gate found before; that no longer counts."
        )
    why = "who proposed it may not" if report.passed and steps and "--as" in steps[0] else ""
    draw.next_step(out, *steps, why=why)


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}" if value == 0 or abs(value) >= 0.001 else f"{value:.1e}"


def draw_registered(out: "Console", version: "ModelVersion", passed_over: str) -> None:
    """A version as it was registered, and where the run is that was not taken."""
    from ropeway.cli import draw

    said = "the same content is registered already" if version.known else f"from run {version.run}"
    out.print(draw.badge(version.state, f"{version.ref} is {version.state}") + f"   {said}")
    if passed_over:
        out.print(passed_over)
    if version.state == "candidate":
        draw.next_step(out, f"ropeway gate {version.ref}")


def draw_moved(out: "Console", version: "ModelVersion", said: str, command: str) -> None:
    """A version that was moved, and the command that comes after."""
    from ropeway.cli import draw

    out.print(draw.badge(version.state, f"{version.ref} is {version.state}") + (f"   {said}" if said else ""))
    if command:
        draw.next_step(out, command)


def draw_list(out: "Console", versions: "list[ModelVersion]") -> None:
    """Versions, one a line."""
    from ropeway.cli import draw

    if not versions:
        out.print("No model is registered yet.")
        draw.next_step(out, "ropeway model register latest", why="packages the newest run")
        return
    rows = [
        (each.ref, draw.badge(each.state), ", ".join(each.environments) or None, each.registered_at,
         each.registered_by, each.run)
        for each in versions
    ]  # fmt: skip
    draw.table(out, ["version", "state", "environments", "registered", "by", "run"], rows)


def draw_detail(out: "Console", detail: "ModelDetail", code: dict[str, str]) -> None:
    """One version: what it is made of, and its code where that was asked for."""
    from ropeway.cli import draw

    version, manifest = detail.version, detail.manifest
    draw.heading(out, version.ref)
    params = detail.training if detail.training is not None else manifest.params
    trusted = "approved here" if detail.source_approved else "not approved here"
    draw.facts(
        out,
        [
            ("state", draw.badge(version.state)),
            ("environments", ", ".join(version.environments) or None),
            ("registered", f"{draw.when(version.registered_at)} by {version.registered_by}"),
            ("approved by", version.approved_by),
            ("run", version.run),
            ("data", ", ".join(_shortened(each) for each in manifest.datasets)),
            ("takes", ", ".join(f"{name} ({kind})" for name, kind in manifest.signature.inputs.items())),
            ("gives", draw.clip_line(", ".join(manifest.signature.outputs))),
            (
                "parameters",
                ", ".join(f"{name} = {value}" for name, value in sorted(params.items())) or None,
            ),
            ("learnt", ", ".join(sorted(manifest.artifacts)) or None),
            ("content", manifest.content[:SHORT]),
            ("source", f"{manifest.source[:SHORT]}, {trusted}, {draw.count(len(manifest.code), 'file')}"),
        ],
    )
    for path, text in code.items():
        draw.heading(out, path)
        out.print(text)


def _shortened(ref: str) -> str:
    name, _, digest = ref.partition("@")
    return f"{name}@{digest[:SHORT]}"


def draw_history(out: "Console", found: "History", rollouts: "list[RolloutState]") -> None:
    """Where each version was live and when, with the rollouts between."""
    from ropeway.cli import draw
    from ropeway.cli.rollout_screen import draw_rollouts

    if found.at is not None:
        if not found.standing:
            out.print(f"No version of {found.name} was in any environment on {found.at}.")
        for standing in found.standing:
            held = standing.ref or "nothing (recalled)"
            out.print(
                f"{standing.environment}: {held}, since {draw.when(standing.since)} UTC, by {standing.by}"
            )
        out.print()
    rows = []
    for move in found.moves:
        where = f"to {move.environment}" if move.environment else ""
        if move.move == "gate":
            where = "passed" if move.after == "validated" else "refused"
        where += f", replacing {move.replaced}" if move.replaced else ""
        evidence = move.evidence[:SHORT] if move.evidence else ""
        words = ", ".join(
            part
            for part in (
                where,
                move.note or "",
                f"evidence {evidence}" if evidence else "",
                f"known by {move.auth}" if move.auth != "none" else "",
            )
            if part
        )
        rows.append((move.at, move.by, move.ref, move.move, draw.badge(move.after), words))
    draw.table(out, ["when (UTC)", "by", "version", "move", "state", "about"], rows)
    if rollouts:
        draw.heading(out, "Rollouts")
        draw_rollouts(out, rollouts)


def draw_card(out: "Console", text: str) -> None:
    """The card: cut at the terminal's width, whole elsewhere."""
    from ropeway.cli import draw

    lines = text.split("\n")
    shown = "\n".join(map(draw.clip_line, lines) if out.is_terminal else lines)
    click.echo(plain(shown) if out.is_terminal else shown, nl=False)


def draw_trusted(out: "Console", trusted: "Trusted") -> None:
    """Which source may run."""
    before = "was approved here already" if trusted.known else "may run here from now on"
    out.print(f"source {trusted.source[:SHORT]} {before}")
