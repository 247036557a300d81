"""scikit-learn: what a fitted estimator was set to, how a search went, how it does on held-out rows."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from ropeway.pipelines.estimators import dump
from ropeway.pipelines.writing import NoFormat, Trust
from ropeway.plugins.boosters import native_form
from ropeway.tracking.run import Run
from ropeway.tracking.settings import KEY_LIMIT, TEXT_LIMIT

logger = logging.getLogger("ropeway.plugins")

PARAMS_AT_MOST = 200


def record_fit(
    run: Run,
    estimator: Any,
    X: Any = None,  # noqa: N803  the field's own name
    y: Any = None,
    *,
    name: str = "model",
    part: str = "test",
) -> dict[str, float]:
    """Record a fitted estimator, pipeline or search in a run; gives its metrics.

    Params are its settings (of a search: those of the best, and the search's own under `search.`); a search's
    `cv_results_` is kept as a table; the estimator itself as `NAME.skops`, or a booster in its library's own
    form (`.txt`, `.json`, `.cbm`): neither runs code when loaded.

    Args:
        run: an open one.
        estimator: fitted.
        X: held-out rows to measure it on; none are measured without them.
        y: what is true of them.
        name: of the files.
        part: stands before the names of metrics, as in `test/accuracy`.

    Example:
        ```python
        with ropeway.run() as run:
            search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}).fit(X_train, y_train)
            record_fit(run, search, X_test, y_test)
        ```
    """
    best = getattr(estimator, "best_estimator_", estimator)
    settings = dict(_settings(best))
    metrics: dict[str, float] = {}
    if hasattr(estimator, "cv_results_"):
        settings |= {f"search.{key}": value for key, value in _settings(estimator, deep=False)}
        run.table(f"{name}-search.csv", _tabular(estimator.cv_results_))
        if hasattr(estimator, "best_score_"):
            metrics["search/best_score"] = float(estimator.best_score_)
    run.set(**dict(list(settings.items())[:PARAMS_AT_MOST]))
    run.tag(estimator=type(best).__name__)
    if X is not None and y is not None:
        metrics |= {f"{part}/{key}": value for key, value in _measured(best, X, y)}
    if metrics:
        run.log(None, **metrics)
    _keep(run, best, name)
    return metrics


def _settings(estimator: Any, *, deep: bool = True) -> Iterator[tuple[str, Any]]:
    """Settings that are short: what an estimator holds of other estimators has settings of its own."""
    for key, value in sorted(estimator.get_params(deep=deep).items()):
        is_plain = value is None or isinstance(value, bool | int | float | str)
        text = value if is_plain else repr(value)
        if len(key) <= KEY_LIMIT and len(str(text)) <= TEXT_LIMIT and not hasattr(value, "get_params"):
            yield key, text


def _tabular(results: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The columns of `cv_results_`; settings as text, since those of one column are of many types."""
    return {
        key: [str(each) for each in column] if key.startswith("param") else [float(each) for each in column]
        for key, column in results.items()
    }


def _measured(estimator: Any, X: Any, y: Any) -> Iterator[tuple[str, float]]:  # noqa: N803  the field's own name
    from sklearn import metrics
    from sklearn.base import is_classifier, is_regressor

    found = estimator.predict(X)
    if is_classifier(estimator):
        yield "accuracy", float(metrics.accuracy_score(y, found))
        yield "macro_f1", float(metrics.f1_score(y, found, average="macro", zero_division=0))
        if hasattr(estimator, "predict_proba"):
            chances = estimator.predict_proba(X)
            yield "log_loss", float(metrics.log_loss(y, chances, labels=estimator.classes_))
            if len(estimator.classes_) == 2 and len(set(y)) == 2:
                yield "roc_auc", float(metrics.roc_auc_score(y, chances[:, 1]))
    elif is_regressor(estimator):
        yield "rmse", float(metrics.root_mean_squared_error(y, found))
        yield "mae", float(metrics.mean_absolute_error(y, found))
        yield "r2", float(metrics.r2_score(y, found))


def _keep(run: Run, estimator: Any, name: str) -> None:
    native = native_form(estimator)
    if native is not None:
        run.artifact(f"{name}{native[0]}", native[1])
        return
    try:
        run.artifact(f"{name}.skops", dump(estimator, Trust()).data)
    except NoFormat as error:
        # What was measured is worth having without the estimator.
        logger.warning("the estimator was not kept with the run %s: %s", run.id, error)
