"""By what a rollout will be decided: read from the project file and the package when it begins.

What an answer costs: for classes the charter's `cost[truth][answer]`, or 1 for a mistake where it names none;
for numbers the absolute error, cut off at `[rollout] error_cap`, or else at the range that the target has in
the data that the version learnt from. A version that fails to answer is charged the highest cost.
"""

from collections.abc import Sequence

import msgspec

from ropeway.continuous.rollouts.errors import BadSteps, NoErrorCap
from ropeway.continuous.rollouts.events import SHADOW, Limits, Terms
from ropeway.core.duration import parse_duration
from ropeway.core.errors import NotFound
from ropeway.data.operations import profile as profile_of
from ropeway.data.records import ColumnProfile
from ropeway.models.manifest import Manifest, read_manifest
from ropeway.models.registry import ModelVersion
from ropeway.models.within import Within
from ropeway.workspace import Context
from ropeway.workspace.tables.rollout import Rollout

MISTAKE = 1.0
"""What a mistake costs where the charter does not say."""
PREDICTION = "prediction"
NUMBERS = "values"
"""What a profile calls the figures of a column of numbers."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """How answers are priced: the highest price, its unit, and the cap of an error where they are numbers."""

    scale: float
    unit: str
    cap: float | None = None


def shares_of(rollout: Rollout, steps: Sequence[str | float] | None) -> list[float]:
    """The steps as shares, 0 for shadow.

    Raises:
        BadSteps: they do not rise, or lie outside.
    """
    if steps is not None:
        try:
            rollout = msgspec.structs.replace(rollout, steps=list(steps))
        except ValueError as error:
            raise BadSteps(list(steps), str(error)) from error
    return [SHADOW if isinstance(step, str) else float(step) for step in rollout.steps]


def terms_of(context: Context, version: ModelVersion, alpha: float) -> Terms:
    """The terms for a version that begins its rollout now.

    Raises:
        NoErrorCap: it predicts numbers, and nothing bounds its errors.
    """
    settings, charter = context.project.rollout, context.project.charter
    costs = costs_of(context, version)
    return Terms(
        min_entities=settings.min_entities,
        settle=parse_duration(settings.settle).total_seconds(),
        deadline=parse_duration(settings.deadline).total_seconds(),
        mirror=settings.mirror,
        alpha=alpha,
        harm_alpha=settings.harm_alpha,
        min_gain=settings.min_gain,
        scale=costs.scale,
        unit=costs.unit,
        cap=costs.cap,
        cost={} if costs.cap is not None else charter.cost,
        undecided=settings.undecided,
        guards=Limits(
            latency_ratio=settings.guards.latency_ratio,
            error_rate=settings.guards.error_rate,
            coverage_gap=settings.guards.coverage_gap,
        ),
    )


def costs_of(context: Context, version: ModelVersion) -> Costs:
    """How the answers of a version are priced."""
    manifest = read_manifest(context.store, version.package, version.ref)
    classes = [name for name in manifest.signature.outputs if name != PREDICTION]
    charter = context.project.charter
    if classes or charter.cost:
        unit = "cost per entity" if charter.cost else "mistakes per entity"
        return Costs(scale=_dearest(classes, charter.cost), unit=unit)
    target = _target(context, manifest)
    if target is not None and target.of != NUMBERS:
        return Costs(scale=MISTAKE, unit="mistakes per entity")
    cap = context.project.rollout.error_cap or _range(target)
    if cap is None:
        raise NoErrorCap(version.ref)
    return Costs(scale=cap, unit="absolute error per entity", cap=cap)


def _dearest(classes: Sequence[str], cost: dict[str, dict[str, float]]) -> float:
    """The highest price that an answer can have."""
    named = max((price for row in cost.values() for price in row.values()), default=0.0)
    has_gap = not classes or any(
        said not in cost.get(truth, {}) for truth in classes for said in classes if said != truth
    )
    return max(named, MISTAKE) if has_gap or not named else named


def _target(context: Context, manifest: Manifest) -> ColumnProfile | None:
    """The target's column in the data that the version learnt from; None where that is not of here."""
    try:
        known = profile_of(Within(context), reference=manifest.datasets[0]) if manifest.datasets else None
    except NotFound:
        return None
    columns = known.columns if known else []
    return next((column for column in columns if column.name == manifest.target), None)


def _range(target: ColumnProfile | None) -> float | None:
    """How far apart the lowest and the highest value lie; None where there is no such thing."""
    if target is None or target.min is None or target.max is None:
        return None
    return (target.max - target.min) or None
