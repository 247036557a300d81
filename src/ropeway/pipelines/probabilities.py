"""`probabilities`: what a classifier says, as named columns."""

from typing import TYPE_CHECKING, Any

from ropeway.pipelines.errors import CannotPredict

if TYPE_CHECKING:
    import polars as pl


def probabilities(classifier: Any, x: Any) -> "pl.DataFrame":
    """Class probabilities as a frame: one named column per class, one row per row of `x`.

    Where a classifier has margins only (`decision_function`), they are squashed to columns that sum to 1:
    their order is right, but they are not calibrated.

    Args:
        classifier: a fitted estimator with `predict_proba` (or `decision_function`) and `classes_`.
        x: what the classifier predicts from.

    Raises:
        CannotPredict: the object does not classify.

    Example:
        >>> from ropeway import probabilities
        >>> class Coin:
        ...     classes_ = ["heads", "tails"]
        ...     def predict_proba(self, x):
        ...         return [[0.5, 0.5] for _ in x]
        >>> probabilities(Coin(), [1, 2]).columns
        ['heads', 'tails']
    """
    import numpy as np
    import polars as pl

    classes = getattr(classifier, "classes_", None)
    if classes is None:
        raise CannotPredict(type(classifier).__name__)
    if hasattr(classifier, "predict_proba"):
        values = np.asarray(classifier.predict_proba(x), dtype=np.float64)
    elif hasattr(classifier, "decision_function"):
        scores = np.asarray(classifier.decision_function(x), dtype=np.float64)
        # A margin ranks but is no probability: squashed so that columns lie in 0…1 and rows sum to 1.
        if scores.ndim == 1:
            scores = np.column_stack([-scores, scores])
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        values = raised / raised.sum(axis=1, keepdims=True)
    else:
        raise CannotPredict(type(classifier).__name__)
    return pl.DataFrame({str(name): values[:, index] for index, name in enumerate(classes)})
