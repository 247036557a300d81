"""`ropeway monitor` and `ropeway alerts`: how each deployment is, and what somebody should look at."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from ropeway.cli.face import Face, face_options
from ropeway.cli.groups import ShownByDefault

if TYPE_CHECKING:
    from ropeway.continuous.rollouts.reading import RolloutState
    from ropeway.monitoring.records import DeploymentHealth, Observation, WindowLine
    from ropeway.stats.drift.report import DriftReport
    from ropeway.story.alerts import AlertTold
    from ropeway.workspace import Workspace

SHOWN_WINDOWS = 28
MOST_ROLLOUTS = 20


class DriftedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column in the latest judged window: how far it moved, and whether that is called drift."""

    name: str
    effect: float
    drifted: bool
    says: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment with its latest windows, oldest first, and its columns, the furthest moved first.

    `alerts` are those of `health`, each with its figure as it stands now.
    """

    health: "DeploymentHealth"
    windows: "list[WindowLine]"
    columns: list[DriftedColumn]
    alerts: "list[AlertTold]" = []


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """How production is: each deployment, and what is on its way there.

    `observed` is what looking anew has done; None where nobody looked.
    """

    at: datetime
    min_effect: float
    deployments: list[Seen]
    rollouts: "list[RolloutState]"
    observed: "Observation | None" = None


@click.group(cls=ShownByDefault)
def monitor() -> None:
    """How each deployment is: drift, quality, errors, performance, cost, alerts, rollouts.

    `ropeway monitor` alone, or with a MODEL, shows it on one screen.
    """


@monitor.command()
@click.argument("model", required=False)
@click.option("--no-observe", is_flag=True, help="Show what is on record; do not look at production anew.")
@face_options
def show(face: Face, model: str | None, no_observe: bool) -> None:  # noqa: FBT001  click's shape
    """Look at production, and show how each deployment is.

    MODEL is a name, or one version of it (sentiment@2).
    """
    from ropeway.cli.monitor_screen import draw_screen
    from ropeway.models.operations import resolve_version

    with face.workspace() as workspace:
        if model is not None:
            resolve_version(workspace, ref=model)
        observed = None if no_observe else _observe(face, workspace)
        screen = look(workspace, model, observed)
    face.emit(screen, lambda out: draw_screen(out, screen))


@monitor.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    default=Path("monitor.html"),
    show_default=True,
    help="Where to.",
)
@click.option("--model", help="Only this model (default: all).")
@click.option("--no-observe", is_flag=True, help="Draw what is on record; do not look at production anew.")
@face_options
def report(face: Face, out: Path, model: str | None, no_observe: bool) -> None:  # noqa: FBT001
    """Write one page that shows it all: open it in a browser, mail it, print it.

    The page is one file: it loads nothing, links nowhere and runs no script.
    """
    from ropeway.cli.monitor_screen import draw_written
    from ropeway.story.errors import ReportNotWritten
    from ropeway.story.operations import report_data
    from ropeway.story.report.page import page

    with face.workspace() as workspace:
        if not no_observe:
            _observe(face, workspace)
        data = report_data(workspace, model=model)
    content = page(data).encode()
    try:
        out.write_bytes(content)
    except OSError as error:
        raise ReportNotWritten(str(out), (error.strerror or "it failed").lower()) from error
    written = {"path": str(out), "bytes": len(content), "at": data.at}
    face.emit(written, lambda console: draw_written(console, out, len(content), data))


@click.command()
@click.option("--all", "every", is_flag=True, help="Those that are over too.")
@face_options
def alerts(face: Face, every: bool) -> None:  # noqa: FBT001  click's shape
    """What somebody should look at: figure, limit, window, version, the words that drifted, the next step."""
    from ropeway.cli.monitor_screen import draw_alerts
    from ropeway.story.operations import tell_alerts

    with face.workspace() as workspace:
        found = tell_alerts(workspace, open_only=not every)
    face.emit(found, lambda out: draw_alerts(out, found, every=every))


def look(workspace: "Workspace", model: str | None, observed: "Observation | None") -> Screen:
    """How each deployment is, as it is on record."""
    from ropeway.continuous.rollouts.operations import list_rollouts
    from ropeway.monitoring.operations import get_health

    found = [each for each in get_health(workspace) if model is None or model in (each.ref, each.name)]
    name = None if model is None else model.partition("@")[0]
    return Screen(
        at=workspace.clock.now(),
        min_effect=workspace.project.monitor.min_effect,
        deployments=[_seen(workspace, each) for each in found],
        rollouts=list_rollouts(workspace, name=name, active=True, limit=MOST_ROLLOUTS),
        observed=observed,
    )


def _seen(workspace: "Workspace", health: "DeploymentHealth") -> Seen:
    from ropeway.monitoring.operations import list_windows
    from ropeway.story.operations import tell_alerts

    lines = list_windows(workspace, model=health.ref, environment=health.environment, last=SHOWN_WINDOWS)
    drift = None if health.judged is None else _drift_of(workspace, health.judged)
    columns = [
        DriftedColumn(name=each.name, effect=each.effect, drifted=each.drifted, says=each.says)
        for each in (drift.columns if drift else [])
    ]
    alerts = tell_alerts(workspace, model=health.ref) if health.alerts else []
    here = [each for each in alerts if each.environment == health.environment]
    return Seen(health=health, windows=lines, columns=columns, alerts=here)


def _drift_of(workspace: "Workspace", line: "WindowLine") -> "DriftReport | None":
    from ropeway.stats.drift.report import DriftReport

    if line.drift is None:
        return None
    return msgspec.json.decode(workspace.store.read(line.drift), type=DriftReport)


def _observe(face: Face, workspace: "Workspace") -> "Observation":
    from ropeway.monitoring.operations import observe_production

    with face.progress("looking at production"):
        return observe_production(workspace)
