"""Keys as text: the same, however a file happened to store them."""

import polars as pl

WHOLE_BELOW = 2.0**63


def key_text(values: pl.Series) -> pl.Series:
    """The values as text by which rows are known from one version to the next.

    A column of whole numbers becomes one of floats as soon as a value is missing somewhere on its way, so a
    whole float is written as the integer that it was.

    Example:
        >>> key_text(pl.Series([1.0, 2.5, None])).to_list()
        ['1', '2.5', None]
    """
    texts = values.cast(pl.String)
    if values.dtype.is_decimal():
        return texts.str.replace(r"^(-?\d+)\.0+$", "$1")
    if not values.dtype.is_float():
        return texts
    is_whole = (values.floor() == values) & (values.abs() < WHOLE_BELOW)
    integers = values.cast(pl.Int64, strict=False).cast(pl.String)
    return texts.zip_with(~is_whole.fill_null(value=False), integers)
