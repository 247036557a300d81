"""pandas frames as plain parts: arrays and lists, column by column, without pyarrow and without pickle."""

from typing import Any

from ropeway.pipelines.writing import NoFormat

PLAIN_KINDS = "biufmM"


def write(value: Any) -> dict[str, Any]:
    """A frame or series as a map of arrays and plain values.

    Raises:
        NoFormat: a column holds Python objects that are not text, numbers or flags, or has an extension type.
    """
    import pandas as pd

    if isinstance(value, pd.Series):
        return {"series": _column(value), "name": _label(value.name), "index": _index(value.index)}
    if isinstance(value.columns, pd.MultiIndex):
        raise _no_format("a pandas frame with several levels of columns")
    return {
        "columns": [_label(name) for name in value.columns],
        "values": [_column(value.iloc[:, at]) for at in range(value.shape[1])],
        "index": _index(value.index),
    }


def read(parts: dict[str, Any]) -> Any:
    """The frame or series that `write` took apart."""
    import pandas as pd

    index = _read_index(parts["index"])
    if "series" in parts:
        series = _read_column(parts["series"])
        series.index = index
        series.name = parts["name"]
        return series
    frame = (
        pd.concat([_read_column(each) for each in parts["values"]], axis=1)
        if parts["values"]
        else pd.DataFrame()
    )
    frame.columns = pd.Index(parts["columns"]) if parts["values"] else frame.columns
    frame.index = index
    return frame


def _no_format(what: str) -> NoFormat:
    return NoFormat(f"{what} has no safe format: reset_index(), or turn it into plain columns")


def _label(name: Any) -> Any:
    if name is None or isinstance(name, str | int | float | bool):
        return name
    raise _no_format(f"a pandas label of type {type(name).__name__}")


def _column(series: Any) -> dict[str, Any]:
    import pandas as pd

    kind = str(series.dtype)
    if isinstance(series.dtype, pd.CategoricalDtype):
        categories = series.cat.categories
        return {
            "dtype": "category", "codes": series.cat.codes.to_numpy(), "ordered": bool(series.cat.ordered),
            "categories": _column(pd.Series(categories)),
        }  # fmt: skip
    if getattr(series.dtype, "kind", "") in PLAIN_KINDS and not pd.api.types.is_extension_array_dtype(
        series.dtype
    ):
        return {"dtype": kind, "array": series.to_numpy()}
    if kind in ("object", "str", "string"):
        missing = series.isna().to_numpy()
        values = [None if gone else each for each, gone in zip(series.tolist(), missing, strict=True)]
        if all(each is None or type(each) in (str, int, float, bool, bytes) for each in values):
            return {"dtype": kind, "list": values}
    raise _no_format(f"a pandas column of type {kind}")


def _read_column(parts: dict[str, Any]) -> Any:
    import pandas as pd

    if "array" in parts:
        return pd.Series(parts["array"])
    if "codes" in parts:
        categories = pd.Index(_read_column(parts["categories"]))
        return pd.Series(pd.Categorical.from_codes(parts["codes"], categories, ordered=parts["ordered"]))
    return pd.Series(parts["list"], dtype=parts["dtype"])


def _index(index: Any) -> dict[str, Any]:
    import pandas as pd

    if isinstance(index, pd.RangeIndex):
        return {"start": index.start, "stop": index.stop, "step": index.step, "name": _label(index.name)}
    if isinstance(index, pd.MultiIndex) or getattr(index, "tz", None) is not None:
        raise _no_format("a pandas index of several levels, or with a time zone,")
    return {"values": _column(pd.Series(index)), "name": _label(index.name)}


def _read_index(parts: dict[str, Any]) -> Any:
    import pandas as pd

    if "values" in parts:
        return pd.Index(_read_column(parts["values"]), name=parts["name"])
    return pd.RangeIndex(parts["start"], parts["stop"], parts["step"], name=parts["name"])
