"""Values in safe formats, and digests of what they hold."""

import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy import sparse

from ropeway.pipelines.formats import decode, encode
from ropeway.pipelines.writing import NoFormat

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.decimals(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.frozensets(st.integers())
    ),
    max_leaves=20,
)


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_plain_values_come_back_as_they_were(value):
    encoded = encode(value)
    back = decode(encoded.data)
    assert back == value
    assert type(back) is type(value)
    assert encode(back).content == encoded.content


@given(VALUES, VALUES)
@settings(max_examples=150, deadline=None)
def test_equal_digests_mean_equal_values(one, other):
    if encode(one).content == encode(other).content:
        assert repr(one) == repr(other) or one == other


def test_a_one_and_a_true_and_a_float_differ():
    assert len({encode(value).content for value in (1, 1.0, True, "1", b"1", [1], (1,))}) == 7


def test_a_set_has_one_digest_whatever_its_order():
    assert encode({"a", "b", "c"}).content == encode({"c", "b", "a"}).content


GRID = np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 3.0]])
FRAME = pl.DataFrame(
    {
        "i": [1, None, 3],
        "f": [0.5, float("nan"), None],
        "s": ["ä", None, ""],
        "l": [[1], [], None],
        "d": [date(2026, 1, 1), None, None],
        "c": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
        "t": pl.Series([{"a": 1}, {"a": 2}, None]),
    }
)


@pytest.mark.parametrize("value", [FRAME, FRAME.head(0), pl.DataFrame()], ids=["full", "empty", "nothing"])
def test_frames_come_back_as_they_were(value):
    assert_frame_equal(decode(encode(value).data), value, categorical_as_str=True)


def test_a_series_keeps_its_name():
    back = decode(encode(FRAME["s"]).data)
    assert (back.name, back.to_list()) == ("s", ["ä", None, ""])


@given(
    st.lists(
        st.tuples(st.none() | st.integers(0, 9), st.none() | st.text(max_size=3), st.none() | st.booleans())
    )
)
@settings(max_examples=60, deadline=None)
def test_how_a_frame_was_made_does_not_change_its_digest(rows):
    frame = pl.DataFrame(rows, schema={"i": pl.Int64, "s": pl.String, "b": pl.Boolean}, orient="row")
    pieces = pl.concat([frame.head(1), frame.slice(1)], rechunk=False)
    filtered = (
        pl.concat([frame, frame.clear(3)]).with_row_index("n").filter(pl.col("n") < len(rows)).drop("n")
    )
    assert encode(pieces).content == encode(frame).content == encode(filtered).content
    assert decode(encode(pieces).data).equals(frame)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.array(["a", "bc"]),
        np.array([None, "x", 3], dtype=object),
        np.array(5.0),
    ],
    ids=["numbers", "texts", "objects", "zero dimensions"],
)
def test_arrays_come_back_as_they_were(array):
    back = decode(encode(array).data)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert np.array_equal(back, array)


def test_a_numpy_number_stays_one():
    assert type(decode(encode(np.float32(1.5)).data)) is np.float32


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize(
    "made",
    [lambda form: sparse.csr_array(GRID).asformat(form), lambda form: sparse.csr_matrix(GRID).asformat(form)],
    ids=["array", "matrix"],
)
def test_sparse_matrices_come_back_as_they_were(made, form):
    matrix = made(form)
    back = decode(encode(matrix).data)
    assert type(back) is type(matrix)
    assert np.array_equal(back.toarray(), matrix.toarray())


def test_pandas_frames_come_back_as_they_were():
    frame = pd.DataFrame(
        {
            "i": [1, 2, 3],
            "f": [0.5, np.nan, 2.0],
            "s": ["a", None, "c"],
            "when": pd.to_datetime(["2026-01-01", None, "2026-01-03"]),
            "c": pd.Categorical(["x", "y", "x"]),
        },
        index=[10, 20, 30],
    )
    pd.testing.assert_frame_equal(decode(encode(frame).data), frame)
    pd.testing.assert_series_equal(decode(encode(frame["s"]).data), frame["s"])


def test_times_of_all_kinds_come_back():
    values = [
        datetime(2026, 1, 1, tzinfo=UTC),
        time(1, 2),
        timedelta(days=-1, microseconds=3),
        Decimal("1.10"),
    ]
    assert decode(encode(values).data) == values


class Odd:
    pass


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (Odd(), "test_formats.Odd has no safe format"),
        (lambda: 1, "function has no safe format"),
        ({"inner": [object()]}, "builtins.object has no safe format"),
        (pl.LazyFrame({"a": [1]}), "collect"),
        (pl.Series([Odd()], dtype=pl.Object), "Python objects"),
    ],
)
def test_what_has_no_safe_format_is_told(value, says):
    with pytest.raises(NoFormat, match=says):
        encode(value)


def test_a_value_that_holds_itself_is_told():
    value: list = []
    value.append(value)
    with pytest.raises(NoFormat, match="holds itself"):
        encode(value)


def test_other_bytes_are_refused():
    with pytest.raises(ValueError, match="not a value"):
        decode(b"\x81\xa1a\x01")


def test_pandas_and_scikit_learn_are_not_loaded_for_plain_values():
    script = (
        "import sys; from ropeway.pipelines.formats import encode; encode({'a': [1]}); print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"pandas", "sklearn", "polars", "numpy", "scipy"} & set(loaded)
