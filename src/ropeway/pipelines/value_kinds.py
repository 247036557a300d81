"""What kind a value is, told without loading the libraries that make such values."""

import sys
from typing import Any


def kind_of(value: Any) -> str:
    """What a value is, in one word for people."""
    for name, belongs in (
        ("frame", is_polars),
        ("frame", is_pandas),
        ("array", is_numpy),
        ("sparse", is_sparse),
    ):
        if belongs(value):
            return name
    if is_estimator(value):
        return "estimator"
    names = {
        dict: "map",
        list: "list",
        tuple: "list",
        bytes: "bytes",
        str: "text",
        bool: "flag",
        type(None): "nothing",
    }
    return names.get(type(value), "number" if isinstance(value, int | float) else type(value).__name__)


def row_count(value: Any) -> int | None:
    """How many rows a value has; None when the question does not apply (a map, a tuple, a number)."""
    if is_polars(value) or is_pandas(value) or isinstance(value, list):
        return len(value)
    if is_numpy(value) or is_sparse(value):
        return int(value.shape[0]) if value.ndim else None
    return None


def is_mutable(value: Any) -> bool:
    """Whether a step could change this value under the hands of others, and a look would be cheap."""
    return type(value) in (dict, list, set, tuple) or any(
        belongs(value) for belongs in (is_numpy, is_pandas, is_sparse)
    )


def is_polars(value: Any) -> bool:
    """Whether it is a polars frame or series."""
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(value, polars.DataFrame | polars.Series)


def is_lazy(value: Any) -> bool:
    """Whether it is a query of polars."""
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(value, polars.LazyFrame)


def is_pandas(value: Any) -> bool:
    """Whether it is a pandas frame or series."""
    # Another thread may be importing it at this moment: then a part of it is not there yet.
    pandas = sys.modules.get("pandas")
    kinds = [getattr(pandas, name, None) for name in ("DataFrame", "Series")]
    return any(kind is not None and isinstance(value, kind) for kind in kinds)


def is_numpy(value: Any) -> bool:
    """Whether it is an array of numpy's own type."""
    numpy = sys.modules.get("numpy")
    return type(value) is getattr(numpy, "ndarray", None)


def is_numpy_scalar(value: Any) -> bool:
    """Whether it is a number of numpy's."""
    numpy = sys.modules.get("numpy")
    generic = getattr(numpy, "generic", None)
    return generic is not None and isinstance(value, generic)


def is_sparse(value: Any) -> bool:
    """Whether it is a sparse matrix of scipy."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and hasattr(sparse, "issparse") and bool(sparse.issparse(value))


def is_estimator(value: Any) -> bool:
    """Whether it is an estimator of scikit-learn, or of a library that follows it."""
    base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
    return base is not None and isinstance(value, base)
