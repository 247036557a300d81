"""By what a version was judged, and whether it would be judged by the same now.

Evidence is stale once the charter or the gate's limits say something else, its data no longer keeps its
contract, or another version is in production than it was compared with. `ropeway gate` looks anew.
"""

from typing import Any

import msgspec

from ropeway.core.ids import Digest
from ropeway.data.operations import resolve_version
from ropeway.models import registry
from ropeway.models.errors import StaleEvidence
from ropeway.models.registry import ModelVersion
from ropeway.models.within import Within
from ropeway.store import Store
from ropeway.workspace import Context, Project


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the project file asked for."""

    metric: str
    bar: float | None
    confidence: float
    cost: dict[str, dict[str, float]]
    min_agreement: float
    min_gain: float
    max_skew: float
    bootstrap: int
    seed: int
    agreement: str | None = None
    # Evidence from before there was such a setting asked for no number of rows.
    min_rows: int = 1


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What of the evidence must still hold; the rest of it is passed over."""

    settings: Settings
    champion: str | None


def settings_of(project: Project) -> Settings:
    """What the project file asks for now."""
    charter, gate = project.charter, project.gate
    return Settings(
        metric=charter.metric,
        bar=charter.bar,
        confidence=charter.confidence,
        cost=charter.cost,
        min_agreement=gate.min_agreement,
        min_gain=gate.min_gain,
        max_skew=gate.max_skew,
        bootstrap=gate.bootstrap,
        seed=gate.seed,
        agreement=gate.agreement,
        min_rows=gate.min_rows,
    )


def require_fresh(context: Context, version: ModelVersion) -> None:
    """Refuse a version whose evidence would not be the same today.

    Raises:
        StaleEvidence: names every difference.
        ObjectMissing, ObjectDamaged: the evidence cannot be read.
    """
    assert version.evidence is not None, "a version past the gate has evidence"
    judged = _read(context.store, version.evidence)
    differences = _changed(judged.settings, settings_of(context.project))
    differences += _broken(context, version)
    differences += _moved(context, version, judged.champion)
    if differences:
        raise StaleEvidence(version.ref, differences)


def _read(store: Store, evidence: Digest) -> Judged:
    return msgspec.json.decode(store.read(evidence), type=Judged)


def _changed(then: Settings, now: Settings) -> list[str]:
    """Each setting that is another one now."""
    return [
        f"{name} was {_shown(getattr(then, name))} and is {_shown(getattr(now, name))} now"
        for name in Settings.__struct_fields__
        if getattr(then, name) != getattr(now, name)
    ]


def _shown(value: Any) -> str:
    return "not set" if value in (None, {}) else f"{value:g}" if isinstance(value, float) else str(value)


def _broken(context: Context, version: ModelVersion) -> list[str]:
    """What its data breaks, as it was checked last."""
    assert version.dataset is not None, "what was judged has rows"
    dataset = resolve_version(Within(context), reference=version.dataset)
    if dataset.contract_edited:
        return [f"the contract of {dataset.shown} was edited since it was checked"]
    return [] if dataset.is_trainable else [f"{dataset.shown} breaks its contract or checks now"]


def _moved(context: Context, version: ModelVersion, compared: str | None) -> list[str]:
    """The version in production, where it is neither the one compared with nor this one."""
    production = registry.champion_of(context.read, context.project, version.name)
    if production in (compared, version.ref):
        return []
    against, now = compared or "no other version", production or "nothing"
    return [f"it was compared with {against}, and {now} is in production now"]
