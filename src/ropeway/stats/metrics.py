"""How good predictions are, as named metrics over named columns.

What lives here: the metrics a charter may name, and the step that brings truth and predictions into one
form (`align`). What does not: intervals and comparisons (`stats.intervals`), agreement of raters
(`stats.agreement`).

Every metric is a function of two arrays, so that a bootstrap may resample both cheaply:

    kind            truth                        predictions
    classification  codes, shape (n,)            codes, shape (n,)
    probability     codes, shape (n,)            probabilities, shape (n, k)
    regression      values, shape (n,)           values, shape (n,)

A code below k is a column of the predictions; a code from k on is a class that the truth holds and no
column names.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ropeway.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    import polars as pl

MetricKind = Literal["classification", "probability", "regression"]
Array = NDArray[Any]

REGRESSION_COLUMN = "prediction"
# What scikit-learn clips at: a class given probability 0 costs 36 nats, not infinity.
PROBABILITY_FLOOR = float(np.finfo(np.float64).eps)
# float32 softmax over a thousand classes stays well inside this.
SUM_TOLERANCE = 1e-3


class UnknownMetric(NotFound):
    """A metric that Ropeway does not have."""

    code = "unknown-metric"

    def __init__(self, name: str) -> None:
        super().__init__("metric", name, METRICS, next_step="name one of these as `metric` under [charter]")


class MetricNotApplicable(Invalid):
    """A metric of another kind than the predictions."""

    code = "metric-not-applicable"

    def __init__(self, name: str, columns: Sequence[str], applicable: Iterable[str]) -> None:
        super().__init__(
            f"The metric '{name}' cannot be computed from the columns {_quoted(columns)}.",
            expected="one of " + ", ".join(applicable),
            name=name,
            columns=list(columns),
        )


class BadPredictions(Invalid):
    """Predictions that no metric can read."""

    code = "bad-predictions"

    def __init__(self, reason: str, *, expected: str) -> None:
        super().__init__(f"The predictions cannot be evaluated: {reason}.", expected=expected)


class BadTruth(Invalid):
    """Truth that predictions cannot be held against."""

    code = "bad-truth"

    def __init__(self, reason: str, *, expected: str) -> None:
        super().__init__(f"The truth cannot be evaluated against: {reason}.", expected=expected)


@dataclass(frozen=True, slots=True)
class Aligned:
    """Truth and predictions in one form, row by row.

    Attributes:
        classes: the names of the codes: the prediction's columns, then classes that only the truth holds.
            Empty for a regression.
        truth: codes, or values for a regression; shape (n,).
        chosen: the code with the highest score (the first of equals), or the predicted values; shape (n,).
        scores: the prediction's columns, shape (n, k).
    """

    classes: tuple[str, ...]
    truth: Array
    chosen: Array
    scores: Array

    @property
    def is_regression(self) -> bool:
        """True when a number is predicted, not a class."""
        return not self.classes

    @property
    def holds_probabilities(self) -> bool:
        """True when every row of the scores is a distribution over the columns."""
        if self.is_regression:
            return False
        sums_to_one = np.abs(self.scores.sum(axis=1) - 1) <= SUM_TOLERANCE
        return bool(sums_to_one.all() and (self.scores >= 0).all())

    def take(self, rows: Array) -> "Aligned":
        """The same with only these rows, by position; a row may come more than once."""
        return Aligned(self.classes, self.truth[rows], self.chosen[rows], self.scores[rows])


@dataclass(frozen=True, slots=True)
class Metric:
    """A named figure of merit.

    Attributes:
        name: as a charter writes it.
        kind: which two arrays the function takes (see the module).
        function: from truth and predictions to the figure; pure.
        higher_is_better: the direction in which it improves.
    """

    name: str
    kind: MetricKind
    function: Callable[[Array, Array], float]
    higher_is_better: bool

    def of(self, aligned: Aligned) -> float:
        """The metric of aligned rows; NaN where it is not defined (an AUC over one class).

        Example:
            >>> import polars as pl
            >>> metric("accuracy").of(align(["a", "b"], pl.DataFrame({"a": [0.9, 0.6], "b": [0.1, 0.4]})))
            0.5
        """
        predictions = aligned.scores if self.kind == "probability" else aligned.chosen
        return float(self.function(aligned.truth, predictions))

    def is_applicable(self, aligned: Aligned) -> bool:
        """True when these rows are of the metric's kind."""
        if self.kind == "regression" or aligned.is_regression:
            return self.kind == "regression" and aligned.is_regression
        # Ranking needs scores only; a loss on probabilities needs probabilities.
        return self.kind == "classification" or self.name == "roc_auc" or aligned.holds_probabilities


def metric(name: str) -> Metric:
    """The metric of this name.

    Raises:
        UnknownMetric: there is none; the message names the closest.

    Example:
        >>> metric("macro_f1").higher_is_better
        True
    """
    try:
        return METRICS[name]
    except KeyError:
        raise UnknownMetric(name) from None


def evaluate(
    names: Iterable[str] | None, truth: "Sequence[object] | Array | pl.Series", predictions: "pl.DataFrame"
) -> dict[str, float]:
    """Hold predictions against the truth.

    Args:
        names: the metrics wanted; None for all that apply.
        truth: one value a row; compared as text with the columns' names when classes are predicted.
        predictions: one column a class (the highest wins), or the one column `prediction` for a number.

    Raises:
        UnknownMetric: a name that is no metric.
        MetricNotApplicable: a metric of another kind than the predictions.
        BadPredictions: no rows, empty cells, or columns that are not numbers.
        BadTruth: another number of rows, empty cells, or text where a number is predicted.

    Example:
        >>> import polars as pl
        >>> evaluate(["accuracy"], ["a", "b"], pl.DataFrame({"a": [0.9, 0.2], "b": [0.1, 0.8]}))
        {'accuracy': 1.0}
    """
    wanted = None if names is None else [metric(name) for name in names]
    aligned = align(truth, predictions)
    applicable = [each for each in METRICS.values() if each.is_applicable(aligned)]
    if wanted is None:
        wanted = applicable
    for each in wanted:
        if each not in applicable:
            columns, _ = _columns_of(predictions)
            raise MetricNotApplicable(each.name, columns, [one.name for one in applicable])
    return {each.name: each.of(aligned) for each in wanted}


def labels_of(predictions: "pl.DataFrame") -> NDArray[np.str_]:
    """The class with the highest score in each row; the first column wins a tie.

    Example:
        >>> import polars as pl
        >>> labels_of(pl.DataFrame({"no": [0.5, 0.1], "yes": [0.5, 0.9]})).tolist()
        ['no', 'yes']
    """
    columns, scores = _columns_of(predictions)
    names: NDArray[np.str_] = np.array(columns, dtype=np.str_)[scores.argmax(axis=1)]
    return names


def align(truth: "Sequence[object] | Array | pl.Series", predictions: "pl.DataFrame") -> Aligned:
    """Bring truth and predictions into one form, for `Metric.of` and for resampling.

    Raises:
        BadPredictions, BadTruth: as in `evaluate`.
    """
    columns, scores = _columns_of(predictions)
    values: list[object] = truth.tolist() if isinstance(truth, np.ndarray) else list(truth)
    if len(values) != len(scores):
        reason = f"it has {len(values)} rows and the predictions have {len(scores)}"
        raise BadTruth(reason, expected="as many rows as the predictions")
    missing = [row for row, value in enumerate(values) if value is None or value != value]
    if missing:
        raise BadTruth(
            f"{len(missing)} rows are empty, the first is row {missing[0]}", expected="a value in every row"
        )
    if columns == [REGRESSION_COLUMN]:
        return Aligned((), _numbers(values), scores[:, 0], scores)
    if len(columns) == 1:
        raise BadPredictions(
            f"the one column '{columns[0]}' says neither a number nor a choice",
            expected=f"a column for each class, or the one column '{REGRESSION_COLUMN}'",
        )
    return _align_classes(values, columns, scores)


def _align_classes(values: list[object], columns: list[str], scores: Array) -> Aligned:
    codes = {name: code for code, name in enumerate(columns)}
    texts = [str(value) for value in values]
    for text in sorted(set(texts) - set(codes)):
        codes[text] = len(codes)
    truth = np.fromiter((codes[text] for text in texts), dtype=np.intp, count=len(texts))
    return Aligned(tuple(codes), truth, scores.argmax(axis=1), scores)


def _columns_of(predictions: "pl.DataFrame") -> tuple[list[str], Array]:
    """Names and values of the prediction's columns, checked."""
    columns = list(predictions.columns)
    arrays = [predictions[name].to_numpy() for name in columns]
    if not columns or not len(arrays[0]):
        raise BadPredictions("there are no rows", expected="at least one row")
    for name, array in zip(columns, arrays, strict=True):
        if array.dtype.kind not in "fiub":
            raise BadPredictions(f"the column '{name}' holds no numbers", expected="numbers in every column")
        empty = np.flatnonzero(~np.isfinite(array.astype(np.float64)))
        if empty.size:
            raise BadPredictions(
                f"the column '{name}' has no finite number in row {empty[0]}",
                expected="a finite number in every cell",
            )
    return columns, np.column_stack(arrays).astype(np.float64)


def _numbers(values: list[object]) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadTruth(
            "it holds something that is not a number",
            expected=f"numbers, since the predictions have the one column '{REGRESSION_COLUMN}'",
        ) from None


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _accuracy(truth: Array, chosen: Array) -> float:
    return float((truth == chosen).mean())


def _counts(truth: Array, chosen: Array) -> tuple[Array, Array, Array]:
    """For each code: how often it is the truth, how often it is chosen, how often both."""
    size = int(max(truth.max(), chosen.max())) + 1
    hits = truth[truth == chosen]
    return (
        np.bincount(truth, minlength=size),
        np.bincount(chosen, minlength=size),
        np.bincount(hits, minlength=size),
    )


def _macro_f1(truth: Array, chosen: Array) -> float:
    true, predicted, both = _counts(truth, chosen)
    # A class that neither side mentions has no F1; one that only one side mentions has 0.
    present = (true + predicted) > 0
    return float((2 * both[present] / (true + predicted)[present]).mean())


def _balanced_accuracy(truth: Array, chosen: Array) -> float:
    true, _, both = _counts(truth, chosen)
    return float((both[true > 0] / true[true > 0]).mean())


def _log_loss(truth: Array, probabilities: Array) -> float:
    rows, classes = probabilities.shape
    named = truth < classes
    given = np.zeros(rows)
    given[named] = probabilities[named, truth[named]] / probabilities[named].sum(axis=1)
    return float(-np.log(np.clip(given, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)).mean())


def _brier(truth: Array, probabilities: Array) -> float:
    """Brier 1950; for two classes half of it, so that it runs from 0 to 1."""
    rows, classes = probabilities.shape
    named = truth < classes
    given = np.zeros(rows)
    given[named] = probabilities[named, truth[named]]
    squares = (probabilities**2).sum(axis=1) - 2 * given + 1
    return float(squares.mean()) / (2 if classes == 2 else 1)


def _roc_auc(truth: Array, scores: Array) -> float:
    """The mean over classes of each one's area against the rest (Hanley and McNeil 1982); ties count half."""
    classes = scores.shape[1]
    if classes == 2 and truth.max() < classes:
        # Scores need not mirror each other as probabilities do: the second column is the positive class.
        return _area(truth == 1, scores[:, 1])
    areas = []
    for code in np.unique(truth):
        column = scores[:, code] if code < classes else np.zeros(len(truth))
        areas.append(_area(truth == code, column))
    return float(np.mean(areas))


def _area(positive: Array, scores: Array) -> float:
    """The chance that a positive outranks a negative (Mann and Whitney 1947); NaN without one of each."""
    positives = int(positive.sum())
    negatives = positive.size - positives
    if not positives or not negatives:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    above = mean_rank[place][positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def _mae(truth: Array, values: Array) -> float:
    return float(np.abs(truth - values).mean())


def _rmse(truth: Array, values: Array) -> float:
    return float(np.sqrt(((truth - values) ** 2).mean()))


def _r2(truth: Array, values: Array) -> float:
    if truth.size < 2:
        return float("nan")
    residual = float(((truth - values) ** 2).sum())
    spread = float(((truth - truth.mean()) ** 2).sum())
    if spread == 0:
        # Nothing to explain: scikit-learn's convention, kept so that figures agree.
        return 1.0 if residual == 0 else 0.0
    return 1 - residual / spread


METRICS: dict[str, Metric] = {
    each.name: each
    for each in (
        Metric("accuracy", "classification", _accuracy, higher_is_better=True),
        Metric("macro_f1", "classification", _macro_f1, higher_is_better=True),
        Metric("balanced_accuracy", "classification", _balanced_accuracy, higher_is_better=True),
        Metric("log_loss", "probability", _log_loss, higher_is_better=False),
        Metric("brier", "probability", _brier, higher_is_better=False),
        Metric("roc_auc", "probability", _roc_auc, higher_is_better=True),
        Metric("mae", "regression", _mae, higher_is_better=False),
        Metric("rmse", "regression", _rmse, higher_is_better=False),
        Metric("r2", "regression", _r2, higher_is_better=True),
    )
}
