"""What a request must hold, without HTTP around it."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.serving.signature import Problem, Signature

COLUMNS = {"text": "String", "age": "Int64", "score": "Float64", "is_new": "Boolean"}
ROW = {"text": "hello", "age": 3, "score": 0.5, "is_new": True}


def problems(body: Any, **inputs: str) -> list[Problem]:
    return Signature(inputs or COLUMNS).read(body)[1]


def test_a_fitting_row_becomes_columns_in_the_order_of_the_signature() -> None:
    request, wrong = Signature(COLUMNS).read({"is_new": True, "score": 1, "age": 3.0, "text": "x"})
    assert wrong == []
    assert request.columns == {"text": ["x"], "age": [3], "score": [1.0], "is_new": [True]}
    assert list(request.columns) == list(COLUMNS)


def test_every_offending_field_is_named_with_what_was_expected_and_found() -> None:
    found = problems({"text": None, "age": "3", "score": math.nan, "is_new": 1})
    assert [(each.field, each.got) for each in found] == [
        ("text", "is null"),
        ("age", "is the text '3'"),
        ("score", "is NaN"),
        ("is_new", "is the number 1"),
    ]
    assert found[2].expected == "a finite number"


def test_an_extra_field_near_a_missing_one_is_recognised() -> None:
    missing, extra = problems({"txet": "x"}, text="String")
    assert (missing.field, missing.got) == ("text", "is missing")
    assert extra.got == "is not in the signature. Did you mean 'text'?"


def test_true_is_not_a_number_and_half_is_not_an_integer() -> None:
    assert [each.field for each in problems({**ROW, "age": True})] == ["age"]
    assert [each.field for each in problems({**ROW, "age": 0.5})] == ["age"]
    assert [each.field for each in problems({**ROW, "score": False})] == ["score"]


@pytest.mark.parametrize("value", [128, -129, 1e300, 10**40])
def test_an_integer_out_of_its_range_is_refused(value: float) -> None:
    assert problems({"n": value}, n="Int8")[0].expected == "an integer from -128 to 127"


@pytest.mark.parametrize("value", [math.inf, -math.inf, 10**400])
def test_a_number_without_end_is_refused(value: float) -> None:
    assert problems({"n": value}, n="Float64")[0].field == "n"


def test_a_number_over_32_bits_is_refused_where_the_column_has_32() -> None:
    assert problems({"n": 1e39}, n="Float32")[0].got == "is the number 1e+39"
    assert problems({"n": 1e38}, n="Float32") == []


def test_rows_are_counted_and_each_problem_names_its_row() -> None:
    found = problems({"rows": [ROW, {**ROW, "age": None}, "no"]})
    assert [(each.field, each.row) for each in found] == [("age", 1), ("rows", 2)]


@pytest.mark.parametrize(
    ("rows", "got"),
    [
        ([], "is empty"),
        ({}, "is an object with 0 fields"),
        ("x", "is the text 'x'"),
        ([ROW] * 1001, "has 1,001 rows"),
    ],
)
def test_rows_must_be_a_list_of_1_to_1000(rows: Any, got: str) -> None:
    assert problems({"rows": rows})[0].got == got


def test_nothing_may_stand_beside_rows() -> None:
    assert problems({"rows": [ROW], "text": "x"})[0].got == "stands beside 'rows'"


def test_a_column_called_rows_leaves_only_the_form_with_one_row() -> None:
    assert problems({"rows": "many"}, rows="String") == []
    assert problems({"rows": [{"rows": "x"}]}, rows="String")[0].got == "is a list of 1"


@pytest.mark.parametrize("body", [None, 1, "x", [], [ROW], True])
def test_what_is_no_object_is_refused(body: Any) -> None:
    assert problems(body)[0].expected == "one JSON object"


def test_dates_are_read_and_their_form_is_checked() -> None:
    assert problems({"day": "2026-01-31"}, day="Date") == []
    assert problems({"day": "31.1.2026"}, day="Date")[0].expected == "a date as YYYY-MM-DD"
    assert problems({"at": "2026-01-31T10:00:00"}, at="Datetime(time_unit='us', time_zone=None)") == []


def test_a_nullable_column_takes_null_but_must_be_there_and_fit() -> None:
    signature = Signature({"n": "Float64", "text": "String"}, nullable=["n"])
    request, wrong = signature.read({"n": None, "text": "x"})
    assert (request.columns, wrong) == ({"n": [None], "text": ["x"]}, [])
    assert signature.kinds["n"].schema == {"type": ["number", "null"]}
    found = [signature.read(body)[1][0] for body in ({"text": "x"}, {"n": "1", "text": "x"})]
    assert [(each.expected, each.got) for each in found] == [
        ("a finite number or null", "is missing"),
        ("a finite number or null", "is the text '1'"),
    ]
    assert signature.read({"n": 1, "text": None})[1][0].got == "is null"


def test_a_hundred_thousand_extra_fields_are_refused_without_likening_each() -> None:
    found = problems({f"field{index}": 0 for index in range(100_000)})
    assert len(found) == 100_000 + len(COLUMNS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*COLUMNS, "rows", "x"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_either_a_request_or_a_list_of_problems(body: Any) -> None:
    request, wrong = Signature(COLUMNS).read(body)
    assert (request is None) == bool(wrong)
    if request is not None:
        assert {len(values) for values in request.columns.values()} == {request.height}
