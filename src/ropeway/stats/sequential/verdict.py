"""What the evidence says of a candidate: better, worse, not worth it, or not known yet.

Two e-values and the bounds belong together, at the same levels, so a picture of the bounds shows the verdict:

- gain: the bets against "costs fall by at most `min_gain`" reach 1/`alpha`; `low` is over `min_gain`.
- harm: the bets against "costs do not rise" reach 1/`harm_alpha`; `high` is under 0.
- futile: `high` is under `min_gain`: at best the gain is too small.

All of them hold whenever one looks (`stats.sequential.betting`). What this module does not know: when a
release starts, how long it may take, and what its guards say.
"""

import math
from typing import TYPE_CHECKING, Literal, Self

import msgspec
import numpy as np

from ropeway.stats.sequential.betting import Betting, Floats, as_e
from ropeway.stats.sequential.confidence import ConfidenceSequence
from ropeway.stats.sequential.shown import e_value

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["gain", "harm", "futile", "continue", "undecided"]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed on before the first look.

    Attributes:
        scale: C, the largest cost: no difference of costs is larger.
        alpha: what the release may spend: the chance of proving a gain that is not there.
        harm_alpha: the chance of seeing harm that is not there.
        min_gain: how far costs must fall to be worth a release.
        min_entities: before so many entities of the candidate, nothing but harm is decided.
    """

    scale: float
    alpha: float
    harm_alpha: float = 0.05
    min_gain: float = 0.0
    min_entities: int = 1


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known now.

    Attributes:
        differences: live cost less the candidate's, of each entity or block, in order of settling.
        entities: of the candidate, counted up to each difference; empty: one each.
        is_over: the time that was given is up.
    """

    differences: list[float]
    entities: list[int] = []
    is_over: bool = False

    @classmethod
    def of(cls, steps: "pl.DataFrame", *, is_over: bool = False) -> Self:
        """The evidence of what `blocks.pair` gave."""
        return cls(
            differences=steps["difference"].to_list(),
            entities=steps["candidate"].cast(int).cum_sum().to_list(),
            is_over=is_over,
        )


class TrajectoryPoint(msgspec.Struct, frozen=True, kw_only=True):
    """How the test stood after so many of the candidate's entities. Every number is finite.

    Attributes:
        estimate: the mean difference so far: how far costs fall; 0 before the first.
        low: the lower bound at the level `alpha`; -C when nothing is known.
        high: the upper bound at the level `harm_alpha`.
        e_gain: the e-value of a gain, capped at about 1e299.
        e_harm: that of harm.
    """

    entities: int
    estimate: float
    low: float
    high: float
    e_gain: float
    e_harm: float


class Verdict(TrajectoryPoint, frozen=True, kw_only=True):
    """How the test stands, and what follows.

    Attributes:
        log_e_gain: the natural logarithm of that e-value, finite where a float holds it no more.
        log_e_harm: the same of harm; an e-value of it may be smaller than any float over 0.
    """

    log_e_gain: float
    log_e_harm: float
    kind: Kind
    says: str


def decide(evidence: Evidence, terms: Terms) -> Verdict:
    """Say what follows from the evidence as it is now.

    Looking more often, earlier, or once more makes no wrong verdict likelier than its level.

    Example:
        >>> generator = np.random.default_rng(0)
        >>> costs = generator.choice([4.0, 0.0, -2.0], p=[0.2, 0.7, 0.1], size=300)
        >>> terms = Terms(scale=10.0, alpha=0.01, min_entities=100)
        >>> decide(Evidence(differences=costs[:90].tolist()), terms).says
        'Not decided after 90 entities: costs fall by 0.511 (-0.357 to 1.17); e = 7.1 of the 100 needed.'
        >>> decide(Evidence(differences=costs.tolist()), terms).says
        'Better after 300 entities: costs fall by 0.493 (0.132 to 0.811); e = 3,106, and 100 was needed.'
    """
    test = _Test(terms)
    test.update(np.array(evidence.differences, dtype=np.float64))
    point = test.point(_entities(evidence, len(evidence.differences)))
    kind = _kind(point, terms, is_over=evidence.is_over)
    return Verdict(
        **msgspec.structs.asdict(point),
        log_e_gain=test.log_e_gain,
        log_e_harm=test.log_e_harm,
        kind=kind,
        says=_says(kind, point, terms),
    )


def follow(evidence: Evidence, terms: Terms, *, points: int = 200) -> list[TrajectoryPoint]:
    """How the test moved, at so many evenly spaced looks, the last one now."""
    differences = np.array(evidence.differences, dtype=np.float64)
    test, found, start = _Test(terms), [], 0
    for stop in np.unique(np.linspace(0, len(differences), points + 1).round().astype(int))[1:].tolist():
        test.update(differences[start:stop])
        found.append(test.point(_entities(evidence, stop)))
        start = stop
    return found


class _Test:
    """The two bets and the bounds, side by side."""

    def __init__(self, terms: Terms) -> None:
        self._gain = Betting(terms.scale, terms.min_gain)
        self._harm = Betting(terms.scale, 0.0)
        sides = (terms.alpha, terms.harm_alpha)
        self._bounds = ConfidenceSequence(terms.scale, sum(sides), sides=sides)
        self._sum, self._count = 0.0, 0

    def update(self, differences: Floats) -> None:
        self._gain.update(differences)
        self._harm.update(-differences)
        self._bounds.update(differences)
        self._sum += float(differences.sum())
        self._count += len(differences)

    @property
    def log_e_gain(self) -> float:
        return self._gain.log_e

    @property
    def log_e_harm(self) -> float:
        return self._harm.log_e

    def point(self, entities: int) -> TrajectoryPoint:
        low, high = self._bounds.interval
        return TrajectoryPoint(
            entities=entities,
            estimate=self._sum / self._count if self._count else 0.0,
            low=low,
            high=high,
            e_gain=as_e(self._gain.log_e),
            e_harm=as_e(self._harm.log_e),
        )


def _entities(evidence: Evidence, differences: int) -> int:
    if not evidence.entities:
        return differences
    return evidence.entities[differences - 1] if differences else 0


def _kind(point: TrajectoryPoint, terms: Terms, *, is_over: bool) -> Kind:
    # Harm first, and from the first entity on: nobody is served worse for the sake of a round number.
    if point.e_harm >= needed(terms.harm_alpha):
        return "harm"
    if point.entities >= terms.min_entities:
        if point.e_gain >= needed(terms.alpha):
            return "gain"
        if point.high < terms.min_gain:
            return "futile"
    return "undecided" if is_over else "continue"


def needed(alpha: float) -> float:
    """The e-value that proves something at this level; nothing does at a level of 0."""
    return 1 / alpha if alpha > 0 else math.inf


def _says(kind: Kind, point: TrajectoryPoint, terms: Terms) -> str:
    """The verdict as a sentence with its figures."""
    after = f"after {point.entities:,} {'entity' if point.entities == 1 else 'entities'}"
    worse = kind == "harm"
    amount = f"costs {'rise' if worse else 'fall'} by {_short(-point.estimate if worse else point.estimate)}"
    low, high = (-point.high, -point.low) if worse else (point.low, point.high)
    shown = f"{amount} ({_short(low)} to {_short(high)})"
    gain, harm = needed(terms.alpha), needed(terms.harm_alpha)
    match kind:
        case "gain":
            return f"Better {after}: {shown}; e = {_e(point.e_gain)}, and {_e(gain)} was needed."
        case "harm":
            return f"Worse {after}: {shown}; e = {_e(point.e_harm)}, and {_e(harm)} was needed."
        case "futile":
            return f"Not worth it {after}: {shown}, and at least {_short(terms.min_gain)} was asked for."
        case "undecided":
            return f"Undecided at the deadline, {after}: {shown}; e = {_e(point.e_gain)} of {_needs(gain)}."
        case "continue":
            return f"Not decided {after}: {shown}; e = {_e(point.e_gain)} of {_needs(gain)}."


def _needs(e: float) -> str:
    return f"the {_e(e)} needed" if math.isfinite(e) else "more than any number: the budget is spent"


def _short(value: float) -> str:
    """Three significant digits, and no more than three behind the point."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{round(float(f'{value:.3g}'), 3):g}"
    return "0" if text == "-0" else text


def _e(value: float) -> str:
    return e_value(math.log(value)) if value > 0 else "0"
