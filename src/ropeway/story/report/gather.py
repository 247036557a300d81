"""Putting the report's data together: from the ledger, and from the objects that its events name."""

from ropeway.models import registry
from ropeway.monitoring.health import health_of
from ropeway.monitoring.reading import alerts_of, lines_of
from ropeway.monitoring.records import DeploymentHealth, WindowLine
from ropeway.story.report.drift import compared_in, read_report, strip_of
from ropeway.story.report.records import Place, Release, ReportData
from ropeway.story.report.releases import releases_of
from ropeway.story.report.retrainings import paused_policies, retrainings_of
from ropeway.story.report.rollouts import budgets_of, rollouts_of
from ropeway.story.status import LOWER_IS_BETTER
from ropeway.workspace import Context, operation

MOST_WINDOWS = 60
"""So many of the latest windows of a model in an environment are drawn."""
MOST_ALERTS = 60
MOST_ROLLOUTS = 8
MOST_RETRAININGS = 8


@operation("story.report-data", kind="query", permission="story:read")
def report_data(context: Context, *, model: str | None = None) -> ReportData:
    """How production was and is: performance, drift, quality, rollouts, alerts, retrainings, over time.

    Args:
        context: the call.
        model: only this model; all when absent.

    Raises:
        UnknownModel: there is no such model.
    """
    project, read = context.project, context.read
    name = None if model is None else registry.resolve(read, project, model.partition("@")[0]).name
    rollouts = rollouts_of(read, context.store, model=name)
    return ReportData(
        at=context.clock.now(),
        project=project.project.name,
        metric=project.charter.metric,
        higher_is_better=project.charter.metric not in LOWER_IS_BETTER,
        bar=project.charter.bar,
        min_effect=project.monitor.min_effect,
        window=project.monitor.window,
        places=_places(context, name),
        rollouts=rollouts[:MOST_ROLLOUTS],
        budgets=budgets_of(rollouts, project.rollout.alpha),
        alerts=alerts_of(read, open_only=False, name=name, limit=MOST_ALERTS),
        retrainings=retrainings_of(read, model=name)[:MOST_RETRAININGS],
        paused=paused_policies(read, model=name),
    )


def _places(context: Context, model: str | None) -> list[Place]:
    healths = [each for each in health_of(context) if model in (None, each.name)]
    releases = [each for each in releases_of(context.read) if model in (None, each.model)]
    named = [(each.name, each.environment) for each in healths]
    named += [(each.model, each.environment) for each in releases]
    return [_place(context, *of, healths, releases) for of in dict.fromkeys(named)]


def _place(
    context: Context, model: str, environment: str, healths: list[DeploymentHealth], releases: list[Release]
) -> Place:
    here = [each for each in releases if (each.model, each.environment) == (model, environment)]
    number = registry.number_in(context.read, model, environment)
    live = f"{model}@{number}"
    windows = lines_of(context.read, name=model, environment=environment, last=MOST_WINDOWS)
    judged = [(line, report) for line in windows if (report := read_report(context.store, line)) is not None]
    of_live: list[WindowLine] = [line for line, _ in judged if line.ref == live]
    latest = next((pair for pair in reversed(judged) if not of_live or pair[0].ref == live), None)
    return Place(
        model=model,
        environment=environment,
        live=next((each for each in reversed(here) if each.ref == live), None),
        deployments=[each for each in healths if (each.name, each.environment) == (model, environment)],
        windows=windows,
        releases=here,
        strip=strip_of(judged),
        compared=None if latest is None else compared_in(*latest),
    )
