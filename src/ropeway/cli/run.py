"""`ropeway run` and `ropeway explain`: the pipeline, run or looked at."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ropeway.pipelines.records import Explanation, PipelineResult, StepEvent
    from ropeway.workspace import Workspace

REFRESH_PER_SECOND = 8
MANY = 10_000

_set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter for this run: c=0.5, or step.c=0.5.",
)


@click.command()
@_set_option
@click.option("--only", multiple=True, metavar="STEP", help="Stop after this step (and what it needs).")
@click.option("--jobs", type=click.IntRange(1), help="How many steps may run at once (default: one a core).")
@click.option("--force", is_flag=True, help="Run every step, cached or not.")
@face_options
def run(
    face: Face, settings: tuple[str, ...], only: tuple[str, ...], jobs: int | None, *, force: bool
) -> None:
    """Run the pipeline; steps whose code, data and parameters did not change come from the cache.

    The result is evaluated on the tune part of the data, and can then be registered as a model version.
    """
    from ropeway.pipelines.parameters import parse_overrides
    from ropeway.pipelines.run import run_pipeline

    overrides = parse_overrides(settings)
    # Relative names in the project's code mean the project's folder, wherever the command was typed.
    with face.workspace() as workspace, contextlib.chdir(workspace.root):
        with face.user_code(), _progress(face) as progress:
            result = run_pipeline(
                workspace,
                overrides=overrides,
                only=list(only) or None,
                jobs=jobs,
                force=force,
                progress=progress,
            )
        register = "" if only else _register_command(workspace, result)
        took = _recorded_duration(workspace, result)
    face.emit(result, lambda out: _draw_result(out, result, register, took))


@click.command()
@_set_option
@face_options
def explain(face: Face, settings: tuple[str, ...]) -> None:
    """Say for each step whether it would run, and why. Runs nothing."""
    from ropeway.pipelines.parameters import parse_overrides
    from ropeway.pipelines.run import explain_pipeline

    overrides = parse_overrides(settings)
    with face.workspace() as workspace, contextlib.chdir(workspace.root), face.user_code():
        found = explain_pipeline(workspace, overrides)
    face.emit(found, lambda out: _draw_explanations(out, found, settings))


def _register_command(workspace: "Workspace", result: "PipelineResult") -> str:
    """What makes a version of the run, under the name that the project's model has already."""
    from ropeway.models.operations import list_models
    from ropeway.story.advise import register_command

    return register_command(result.run, list_models(workspace, limit=MANY), workspace.project)


def _recorded_duration(workspace: "Workspace", result: "PipelineResult") -> float:
    """How long the run took as the record has it, so that every command says the same."""
    from ropeway.tracking.resolve import resolve_run

    recorded = resolve_run(workspace, result.run).duration_s
    return result.seconds if recorded is None else recorded


@contextlib.contextmanager
def _progress(face: Face) -> "Iterator[Callable[[StepEvent], None] | None]":
    """Steps as they go: a moving table on a terminal, plain lines elsewhere, nothing under `--json`."""
    if face.as_json:
        yield None
    elif sys.stderr.isatty():
        with _moving_table() as show:
            yield show
    else:
        yield _say


def _say(event: "StepEvent") -> None:
    from ropeway.cli import draw

    if event.state == "started":
        click.echo(f"running {event.step} …", err=True)
    elif event.state == "failed":
        click.echo(f"failed  {event.step} after {draw.duration(event.seconds)}", err=True)


@contextlib.contextmanager
def _moving_table() -> "Iterator[Callable[[StepEvent], None]]":
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from ropeway.cli import draw

    began: dict[str, float] = {}

    def lines() -> "Text":
        now = time.perf_counter()
        return Text("\n").join(
            Text("  ") + draw.badge("running", f"{step}  {draw.duration(now - since)}")
            for step, since in list(began.items())
        )

    live = Live(
        console=Console(stderr=True, highlight=False),
        get_renderable=lines,
        refresh_per_second=REFRESH_PER_SECOND,
        transient=True,
    )

    def show(event: "StepEvent") -> None:
        if event.state == "started":
            began[event.step] = time.perf_counter()
        else:
            began.pop(event.step, None)

    with live:
        yield show


def _draw_result(out: "Console", result: "PipelineResult", register: str, took: float) -> None:
    from ropeway.cli import draw

    rows = [
        (outcome.step, draw.badge(outcome.state), _seconds(outcome.state, outcome.seconds), outcome.reason)
        for outcome in result.steps
    ]
    draw.table(out, ["step", "", draw.Column("took", right=True), draw.Column("why", grow=True)], rows)
    for outcome in result.steps:
        if outcome.uncached:
            out.print(f"  ! {outcome.step} is not cached: {outcome.uncached}")
    if result.metrics:
        draw.heading(out, f"on the {result.part} part")
        first = sorted(result.metrics, key=lambda metric: metric != result.metric)
        draw.facts(out, [(metric, draw.number(result.metrics[metric])) for metric in first])
    out.print()
    out.print(f"run {result.run} finished in {draw.duration(took)}")
    if register:
        draw.next_step(out, register, why="makes a model version of it")


def _seconds(state: str, seconds: float) -> str:
    from ropeway.cli import draw

    return draw.duration(seconds) if state in ("ran", "failed") else ""


def _draw_explanations(out: "Console", found: "list[Explanation]", settings: tuple[str, ...]) -> None:
    from ropeway.cli import draw

    looks = {"cached": "cached", "will run": "running", "may run": "open"}
    rows = [(each.step, draw.badge(looks[each.state], each.state), each.reason) for each in found]
    draw.table(out, ["step", "", draw.Column("why", grow=True)], rows)
    draw.next_step(out, " ".join(["ropeway run", *(f"--set {setting}" for setting in settings)]))
