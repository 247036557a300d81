"""How well a model does before the truth comes: from how sure it is (confidence-based estimation).

The idea: a model that gives 70 % is right in 70 of 100 such cases, if its probabilities are true. So
accuracy, F1, cost and log loss of rows without labels can be expected from their probabilities, once those
have been made true on rows with labels (`stats.calibration`).

It assumes that what the probabilities mean has not changed: of the cases given 70 %, 70 of 100 are still so.
That holds when other inputs come more often than before and the model knows them (covariate shift within what
it learnt); it does NOT hold when the same input now means something else (concept drift), nor where a model
is sure of what it never saw. Nothing in unlabelled rows can show either: an estimate is no measurement.

The interval is that of what will be measured on these very rows, in 95 of 100 cases if the assumption holds:
truths are drawn from the probabilities many times over, each time with the calibration of another sample of
its rows (a parametric bootstrap within a bootstrap).

Measured on the example, ten models of 2,400 tweets calibrated on 600 (`benchmarks/cases/k_false_alarms.py`):
on 1,200 other tweets accuracy was off by 0.02 and macro-F1 by 0.02 on average, within the interval 9 and 8
times of 10. On product reviews, where the same words mean other things, it was too high by 0.08 and 0.10, and
the truth was never within: the fall was seen in part (0.70 measured at home, 0.51 abroad, 0.58 expected).

    Guillory, D. et al. (2021). Predicting with Confidence on Unseen Distributions. ICCV.
    NannyML's CBPE is the same idea: Kivimäki, J. et al. (2025). Confidence-based Estimators for Predictive
    Performance in Model Monitoring. JAIR 82.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ropeway.stats.calibration import FLOOR, SAMPLES, Calibration, Floats
from ropeway.stats.metrics import PROBABILITY_FLOOR

DRAWS = 200
MOST_ROWS = 20_000
"""Rows that an interval is drawn from: of more it is that of so many, wider than it need be."""

CONFIDENCE = 0.95

ASSUMPTION = "a probability means what it meant on the rows that it was calibrated on: no concept drift"

NO_PROBABILITIES = "not available: estimating the error of a predicted number is not part of Ropeway yet"


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be expected of some rows.

    Attributes:
        metric: which one.
        value: the metric expected; None where `reason` says why not.
        low: with `high`, of what will be measured on these rows (see the module), with `confidence`.
        cost: the mean cost a row expected; with `cost_low` and `cost_high` as above.
        rows: rows with usable probabilities.
        is_calibrated: whether the probabilities were made true first; if not, they were believed.
        assumption: what all of it rests on.
        reason: why there is no value; empty when there is one.
    """

    metric: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    cost: float | None = None
    cost_low: float | None = None
    cost_high: float | None = None
    rows: int = 0
    confidence: float = CONFIDENCE
    is_calibrated: bool = False
    assumption: str = ASSUMPTION
    reason: str = ""


def estimate(
    probabilities: Mapping[str, ArrayLike],
    *,
    metric: str = "accuracy",
    costs: Mapping[str, Mapping[str, float]] | None = None,
    calibration: Calibration | None = None,
    chosen: Sequence[str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate:
    """Expect a metric and the cost of rows without truth.

    Args:
        probabilities: by class, one number a row, as the model gave them; empty for a regression.
        metric: `accuracy`, `balanced_accuracy`, `macro_f1`, `log_loss` or `brier`.
        costs: `costs[truth][predicted]`; a pair that is not named costs 0 when right and 1 when wrong.
        calibration: fitted on rows with truth; without it the probabilities are believed.
        chosen: what was answered, where it was not the class of the highest probability.
        draws: of the interval.
        seed: of the draws.

    Example:
        >>> generator = np.random.default_rng(7)
        >>> yes = generator.random(500)
        >>> found = estimate({"no": 1 - yes, "yes": yes}, costs={"yes": {"no": 5.0}})
        >>> [round(each, 3) for each in (found.value, found.low, found.high, found.cost)]
        [0.747, 0.716, 0.78, 0.72]
    """
    if not probabilities:
        return Estimate(metric=metric, reason=NO_PROBABILITIES)
    classes = list(probabilities)
    if calibration is not None and set(calibration.classes) != set(classes):
        return Estimate(metric=metric, reason="not available: the calibration is of other classes")
    given = np.column_stack([np.asarray(probabilities[name], dtype=np.float64) for name in classes])
    is_usable = np.isfinite(given).all(axis=1) & (given >= 0).all(axis=1) & (given.sum(axis=1) > 0)
    answers = _answers(given, classes, chosen)
    is_usable &= answers >= 0
    if not is_usable.any():
        return Estimate(metric=metric, reason="not available: there are no rows with probabilities")
    given, answers = given[is_usable], answers[is_usable]
    believed = _Believed(classes, given, answers, _prices(classes, costs), calibration)
    return _expected(believed, metric, draws, seed)


@dataclass(frozen=True, slots=True)
class _Believed:
    """Rows with what was answered and what is believed of them."""

    classes: list[str]
    given: Floats
    answers: NDArray[np.intp]
    prices: Floats
    calibration: Calibration | None

    def chances(self, sample: int | None = None) -> Floats:
        """The probability of each class being the truth, shape (rows, classes)."""
        if self.calibration is None:
            floored = np.maximum(self.given, FLOOR)
            scaled: Floats = floored / floored.sum(axis=1, keepdims=True)
            return scaled
        order = [self.calibration.classes.index(name) for name in self.classes]
        by_class = dict(zip(self.classes, self.given.T, strict=True))
        return self.calibration.apply(by_class, sample=sample)[:, order]

    def some(self, generator: np.random.Generator) -> "_Believed":
        """The same with as many rows as an interval is drawn from."""
        if len(self.given) <= MOST_ROWS:
            return self
        rows = generator.choice(len(self.given), MOST_ROWS, replace=False)
        return _Believed(self.classes, self.given[rows], self.answers[rows], self.prices, self.calibration)

    def cost(self, chances: Floats) -> float:
        """The mean price over rows, each truth weighed by its chance."""
        return float((chances * self.prices[:, self.answers].T).sum(axis=1).mean())


def _expected(believed: _Believed, metric: str, draws: int, seed: int) -> Estimate:
    chances = believed.chances()
    figure = FIGURES.get(metric)
    generator = np.random.default_rng(seed)
    drawn = believed.some(generator)
    values, prices = [], []
    fixed = None if believed.calibration is not None else drawn.chances()
    for _ in range(draws):
        likely = drawn.chances(int(generator.integers(SAMPLES))) if fixed is None else fixed
        # One truth a row: the first class whose running sum passes a number drawn from 0 to 1.
        passed = (likely.cumsum(axis=1) > generator.random((len(likely), 1))).argmax(axis=1)
        truth = np.eye(len(believed.classes))[passed]
        prices.append(drawn.cost(truth))
        if figure is not None:
            values.append(figure(drawn, truth))
    cost = believed.cost(chances)
    low, high = _ends(cost, prices)
    found = Estimate(
        metric=metric,
        cost=cost,
        cost_low=low,
        cost_high=high,
        rows=len(believed.given),
        is_calibrated=believed.calibration is not None,
        reason="" if figure else f"not available: '{metric}' cannot be expected from probabilities",
    )
    if figure is None:
        return found
    value = figure(believed, chances)
    low, high = _ends(value, values)
    return msgspec.structs.replace(found, value=value, low=low, high=high)


def _ends(value: float, drawn: list[float]) -> tuple[float, float]:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    # A figure of sums, as F1, may lie beside the middle of what is drawn: the interval holds it all the same.
    return min(value, float(low)), max(value, float(high))


def _answers(given: Floats, classes: list[str], chosen: Sequence[str] | None) -> NDArray[np.intp]:
    if chosen is None:
        # NaN is nobody's highest; such rows are left out by the caller.
        highest: NDArray[np.intp] = np.nan_to_num(given, nan=-1.0).argmax(axis=1)
        return highest
    places = {name: place for place, name in enumerate(classes)}
    return np.array([places.get(str(each), -1) for each in chosen], dtype=np.intp)


def _prices(classes: list[str], costs: Mapping[str, Mapping[str, float]] | None) -> Floats:
    """Shape (truth, answered)."""
    named = costs or {}
    return np.array(
        [[named.get(is_, {}).get(said, 0.0 if is_ == said else 1.0) for said in classes] for is_ in classes],
        dtype=np.float64,
    )


def _table(believed: _Believed, chances: Floats) -> Floats:
    """How many rows of each truth are expected under each answer: shape (truth, answered)."""
    size = len(believed.classes)
    return np.array([chances[believed.answers == said].sum(axis=0) for said in range(size)]).T


def _accuracy(believed: _Believed, chances: Floats) -> float:
    return float(chances[np.arange(len(chances)), believed.answers].mean())


def _macro_f1(believed: _Believed, chances: Floats) -> float:
    table = _table(believed, chances)
    return _mean_quotient(2 * table.diagonal(), table.sum(axis=0) + table.sum(axis=1))


def _balanced_accuracy(believed: _Believed, chances: Floats) -> float:
    table = _table(believed, chances)
    return _mean_quotient(table.diagonal(), table.sum(axis=1))


def _log_loss(believed: _Believed, chances: Floats) -> float:
    said = believed.given / believed.given.sum(axis=1, keepdims=True)
    nats = -np.log(np.clip(said, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR))
    return float((chances * nats).sum(axis=1).mean())


def _brier(believed: _Believed, chances: Floats) -> float:
    squares = (believed.given**2).sum(axis=1, keepdims=True) - 2 * believed.given + 1
    return float((chances * squares).sum(axis=1).mean()) / (2 if len(believed.classes) == 2 else 1)


def _mean_quotient(above: Floats, below: Floats) -> float:
    held = below > 0
    return float((above[held] / below[held]).mean())


FIGURES: Mapping[str, Callable[[_Believed, Floats], float]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "brier": _brier,
    "log_loss": _log_loss,
    "macro_f1": _macro_f1,
}
"""Each from rows and the chances of their truths; a certain truth, 0 or 1, gives the metric itself."""
