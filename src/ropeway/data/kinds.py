"""The kinds of value that a column may hold, in words that contracts and people use.

`text`, `integer`, `number`, `boolean`, `date`, `datetime`, `time`, `binary`, `null` (nothing but missing
values) and `list[…]` of one; anything else is called by polars' own name. A kind says what a value is, not
how wide it is stored.
"""

import polars as pl
from polars.datatypes import DataType, DataTypeClass

SCALARS: dict[str, pl.DataType] = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime("us"),
}
"""The kinds that a text file can hold, and how they are stored."""

INFERRED = ("boolean", "integer", "number", "date", "datetime")
"""The kinds tried for a column of a text file, in this order; what fits none is text."""

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
"""What stands for a missing value in a column that is not text."""

_DATE = r"^\d{4}-\d{2}-\d{2}$"
_DATETIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})?$"
# A leading zero carries meaning (a postcode, a phone number), and more digits than 18 do not fit.
_INTEGER = r"^[+-]?(0|[1-9]\d{0,17})$"
_WHOLE = r"^[+-]?\d+$"
_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$|^[+-]?[iI]nf(inity)?$"


def kind_of(dtype: pl.DataType) -> str:
    """The kind of a stored type.

    Example:
        >>> kind_of(pl.List(pl.Int8()))
        'list[integer]'
    """
    if dtype.is_integer():
        return "integer"
    if dtype.is_float() or dtype.is_decimal():
        return "number"
    if isinstance(dtype, pl.List | pl.Array):
        return f"list[{kind_of(inner_of(dtype))}]"
    names: list[tuple[type[pl.DataType], str]] = [
        (pl.String, "text"),
        (pl.Categorical, "text"),
        (pl.Enum, "text"),
        (pl.Boolean, "boolean"),
        (pl.Date, "date"),
        (pl.Datetime, "datetime"),
        (pl.Time, "time"),
        (pl.Binary, "binary"),
        (pl.Null, "null"),
    ]
    return next((name for cls, name in names if isinstance(dtype, cls)), str(dtype).lower())


def kinds(frame: pl.DataFrame) -> dict[str, str]:
    """The kind of each column."""
    return {name: kind_of(dtype) for name, dtype in frame.schema.items()}


def infer(texts: pl.Series) -> pl.Series:
    """A column of a text file as the narrowest kind that all its values fit."""
    if texts.null_count() == len(texts):
        return texts
    for kind in INFERRED:
        parsed, broken = parse(texts, kind)
        if not broken.any():
            # Whole numbers too long for 64 bits are ids, not quantities: as floats they would lose digits.
            if kind == "number" and not texts.str.strip_chars().str.contains(_WHOLE).not_().any():
                return texts
            return texts if parsed.null_count() == len(parsed) else parsed
    return texts


def parse(texts: pl.Series, kind: str) -> tuple[pl.Series, pl.Series]:
    """Read texts as a kind.

    Returns:
        The parsed values, missing where broken; and a mask of the broken ones.
    """
    if kind == "text":
        return texts, pl.Series([False] * len(texts), dtype=pl.Boolean)
    stripped = texts.str.strip_chars()
    present = stripped.set(stripped.is_in(list(MISSING)), None)
    match kind:
        case "integer":
            parsed = present.set(~present.str.contains(_INTEGER), None).cast(pl.Int64, strict=False)
        case "number":
            parsed = present.set(~present.str.contains(_NUMBER), None).cast(pl.Float64, strict=False)
        case "boolean":
            lowered = present.str.to_lowercase()
            parsed = lowered.set(~lowered.is_in(["true", "false"]), None) == "true"
        case "date":
            parsed = present.set(~present.str.contains(_DATE), None).str.to_date("%Y-%m-%d", strict=False)
        case "datetime":
            parsed = _datetimes(present)
        case _:
            parsed = pl.Series(texts.name, [None] * len(texts), dtype=pl.String)
    return parsed.alias(texts.name), present.is_not_null() & parsed.is_null()


def _datetimes(present: pl.Series) -> pl.Series:
    """ISO 8601 moments; with an offset they become UTC, without one they stay as written."""
    moment = present.set(~present.str.contains(_DATETIME), None)
    zone = moment.str.extract(r"(Z|[+-]\d{2}:?\d{2})$").fill_null("Z")
    plain = moment.str.replace(r"(Z|[+-]\d{2}:?\d{2})$", "").str.replace(" ", "T", literal=True)
    return (
        (plain + zone.str.replace("Z", "+00:00", literal=True))
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", strict=False)
        .dt.replace_time_zone(None)
    )


def inner_of(dtype: pl.List | pl.Array) -> pl.DataType:
    """The stored type of a list's items."""
    inner = dtype.inner
    return inner if isinstance(inner, pl.DataType) else inner()


def without_wide_integers(frame: pl.DataFrame) -> pl.DataFrame:
    """Integers past 64 bits as text, as in a CSV file: they are ids, and little else can hold them."""
    wanted = {name: _narrowed(dtype) for name, dtype in frame.schema.items()}
    return frame.cast({name: dtype for name, dtype in wanted.items() if dtype != frame.schema[name]})


def _narrowed(dtype: DataType | DataTypeClass) -> DataType | DataTypeClass:
    match dtype:
        case pl.Int128() | pl.UInt128():
            return pl.String()
        case pl.List():
            return pl.List(_narrowed(inner_of(dtype)))
        case pl.Array():
            return pl.Array(_narrowed(inner_of(dtype)), dtype.size)
        case pl.Struct():
            return pl.Struct([pl.Field(field.name, _narrowed(field.dtype)) for field in dtype.fields])
        case _:
            return dtype
