"""How each deployment does now: role, latest window, performance, open alerts, in one record each."""

from datetime import datetime

from ropeway.core.duration import parse_duration
from ropeway.models import registry
from ropeway.monitoring.baseline import baseline_of
from ropeway.monitoring.look import read_look
from ropeway.monitoring.reading import Standing, alerts_of, lines_of, recent_of, standings
from ropeway.monitoring.records import Alert, DeploymentHealth, State, WindowLine
from ropeway.monitoring.windows import windows_between
from ropeway.workspace import Context

SHOWN_WINDOWS = 60


def health_of(context: Context, *, include_former: bool = False) -> list[DeploymentHealth]:
    """Every version with a role in an environment; with `include_former`, those that have left, too."""
    found = standings(context.read, context.project)
    if include_former:
        found += _former(context, found)
    looked_at = read_look(context.home).looked_at
    return [_health(context, stands, looked_at) for stands in found]


def _former(context: Context, known: list[Standing]) -> list[Standing]:
    """Versions that answered somewhere and do no more, the latest first."""
    have = {(each.name, each.number, each.environment) for each in known}
    gone: dict[tuple[str, int, str], Standing] = {}
    for line in reversed(lines_of(context.read)):
        key = (line.name, line.number, line.environment)
        if key not in have and key not in gone:
            gone[key] = Standing(
                name=line.name, number=line.number, environment=line.environment, role="former", share=0.0
            )
    return list(gone.values())


def _health(context: Context, stands: Standing, looked_at: datetime | None) -> DeploymentHealth:
    lines = lines_of(
        context.read,
        name=stands.name,
        number=stands.number,
        environment=stands.environment,
        last=SHOWN_WINDOWS,
    )
    alerts = alerts_of(context.read, name=stands.name, number=stands.number, environment=stands.environment)
    version = registry.get(context.read, stands.name, stands.number)
    silent = _silent_windows(context, stands, lines, looked_at)
    state, says = _state(stands, lines, alerts, silent)
    return DeploymentHealth(
        ref=stands.ref,
        name=stands.name,
        number=stands.number,
        environment=stands.environment,
        role=stands.role,
        share=stands.share,
        is_mirrored=stands.is_mirrored,
        state=state,
        says=says,
        next_step=alerts[0].next_step if alerts else "",
        windows=len(lines),
        rows=sum(line.rows for line in lines),
        window=lines[-1] if lines else None,
        judged=next((line for line in reversed(lines) if line.judged), None),
        performance=recent_of(context.read, stands.name, stands.number, stands.environment),
        baseline=baseline_of(context.store, context.project, version),
        alerts=alerts,
    )


def _silent_windows(
    context: Context, stands: Standing, lines: list[WindowLine], looked_at: datetime | None
) -> int:
    """Whole windows without a row before the last look; nobody knows of those after it."""
    length = parse_duration(context.project.monitor.window)
    last = lines[-1].start if lines else stands.since
    if looked_at is None or last is None or stands.role == "shadow":
        return 0
    return windows_between(last, looked_at, length)


def _state(stands: Standing, lines: list[WindowLine], alerts: list[Alert], silent: int) -> tuple[State, str]:
    if stands.role == "former":
        return "former", lines[-1].says if lines else "answers there no more"
    if alerts:
        return "alert", alerts[0].says
    if stands.role == "shadow":
        return "unjudged", "answers nobody: its rollout tells how it does"
    if silent:
        return "silent", f"no request in {silent:,} whole window{'s' if silent != 1 else ''}"
    if not lines:
        return "unjudged", "no window has been over yet"
    newest = lines[-1]
    return ("well" if newest.judged else "unjudged"), newest.says
