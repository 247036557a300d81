"""Probabilities made true: of the cases that a model gave 70 %, how many were so?

The idea: sort the rows by the probability that a class was given, cut them into bins of equal size, and count
in each how often the class was the truth. Between the bins' middles the line is straight; a bin that falls
below its left neighbour is joined with it, since more probability must not mean less truth (pooling adjacent
violators). Each bin has its rows' mean probability as one row's worth of prior, so that no chance is 0 or 1.
Each class by itself, then all are scaled to sum to one.

    Zadrozny, B., Elkan, C. (2001). Obtaining calibrated probability estimates from decision trees and naive
    Bayesian classifiers. ICML. And (2002) for the monotone form and several classes. KDD.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BIN_ROWS = 30
"""Rows of a bin, about: fewer say little of a rate."""

MOST_BINS = 15

SAMPLES = 40
"""Samples of the rows, from which it is known how far the rates may be off."""

FLOOR = 1e-6
"""Below this a class is not given less: a row of nothing could not be scaled to one."""


class ClassCurve(msgspec.Struct, frozen=True):
    """How often one class was the truth, by the probability that it was given.

    Attributes:
        given: the bins' mean probabilities, rising.
        rates: how often the class was the truth there, rising.
        again: the rates as other rows could have given them: one list for each sample of the rows, drawn with
            replacement, the same samples for all classes.
    """

    given: list[float]
    rates: list[float]
    again: list[list[float]]


class Calibration(msgspec.Struct, frozen=True):
    """A curve for each class, from rows that the model was not fitted to.

    Example:
        >>> generator = np.random.default_rng(7)
        >>> said = generator.random(2000)
        >>> truth = np.where(generator.random(2000) < said**2, "yes", "no")  # it says 0.8 where 0.64 is true
        >>> found = fit_calibration({"no": 1 - said, "yes": said}, truth)
        >>> round(float(found.apply({"no": [0.2], "yes": [0.8]})[0, 1]), 2)
        0.63
    """

    curves: dict[str, ClassCurve]

    @property
    def classes(self) -> list[str]:
        """The classes, in the order of the columns."""
        return list(self.curves)

    def apply(self, probabilities: Mapping[str, ArrayLike], *, sample: int | None = None) -> Floats:
        """The probabilities made true, shape (rows, classes).

        Args:
            probabilities: by class, all of this calibration's.
            sample: by the rates of this sample instead, 0 to SAMPLES - 1.
        """
        columns = []
        for name, curve in self.curves.items():
            height = curve.rates if sample is None else curve.again[sample]
            given = np.asarray(probabilities[name], dtype=np.float64)
            columns.append(np.interp(given, curve.given, height))
        return _to_one(np.column_stack(columns))


def fit_calibration(
    probabilities: Mapping[str, ArrayLike], truth: Sequence[object] | ArrayLike, *, seed: int = 0
) -> Calibration:
    """Fit on rows that the model has not learnt from.

    Args:
        probabilities: by class, one number a row; rows with NaN are left out. Without any row, nothing is
            made truer.
        truth: the class of each row; compared as text.
        seed: of the samples.
    """
    said = {name: np.asarray(given, dtype=np.float64) for name, given in probabilities.items()}
    is_ = np.array([str(each) for each in np.asarray(truth).tolist()], dtype=np.str_)
    is_usable = np.isfinite(np.column_stack(list(said.values()))).all(axis=1)
    if not is_usable.any():
        line = [0.0, 1.0]
        return Calibration({name: ClassCurve(line, line, [line] * SAMPLES) for name in said})
    is_ = is_[is_usable]
    generator = np.random.default_rng(seed)
    # The same samples for every class: what one class gains in a sample of the rows, another one loses.
    samples = [generator.integers(0, len(is_), len(is_)) for _ in range(SAMPLES)]
    return Calibration(
        {name: _class_curve(given[is_usable], is_ == name, samples) for name, given in said.items()}
    )


def _class_curve(
    given: Floats, is_hit: NDArray[np.bool_], samples: Sequence[NDArray[np.int64]]
) -> ClassCurve:
    knots, rates = _curve(given, is_hit)
    again = [np.interp(knots, *_curve(given[rows], is_hit[rows])).tolist() for rows in samples]
    return ClassCurve(knots, rates, again)


def _curve(given: Floats, is_hit: NDArray[np.bool_]) -> tuple[list[float], list[float]]:
    """The bins' mean probabilities and rates, both rising."""
    order = np.argsort(given, kind="stable")
    bins = max(1, min(MOST_BINS, len(given) // BIN_ROWS))
    found: list[tuple[float, float, float]] = []
    for part in np.array_split(order, bins):
        mean = float(given[part].mean())
        prior = min(1 - FLOOR, max(FLOOR, mean))
        step = (mean, float(is_hit[part].sum()) + prior, len(part) + 1.0)
        # Joined with its left neighbours until both rise.
        while found and (found[-1][1] / found[-1][2] >= step[1] / step[2] or found[-1][0] >= step[0]):
            left = found.pop()
            rows = left[2] + step[2]
            step = ((left[0] * left[2] + step[0] * step[2]) / rows, left[1] + step[1], rows)
        found.append(step)
    return [each[0] for each in found], [each[1] / each[2] for each in found]


def _to_one(rows: Floats) -> Floats:
    floored = np.maximum(rows, FLOOR)
    scaled: Floats = floored / floored.sum(axis=1, keepdims=True)
    return scaled
