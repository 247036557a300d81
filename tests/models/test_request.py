from datetime import UTC, date, datetime

import polars as pl

from ropeway.models.request import frame_of, through_json


def test_a_row_comes_back_from_json_in_the_types_of_the_signature():
    frame = pl.DataFrame(
        {
            "text": ["a “b” \U0001f600"],
            "n": [3],
            "x": [1.0],
            "small": pl.Series([0.1], dtype=pl.Float32),
            "yes": [True],
            "day": [date(2026, 5, 3)],
            "at": [datetime(2026, 5, 3, 12, 30, 1, 250_000)],
            "words": [["a", "b"]],
        }
    )
    inputs = {name: str(kind) for name, kind in frame.schema.items()}
    sent = through_json(frame.row(0, named=True))
    back = frame_of([sent], inputs)
    assert back.equals(frame)
    assert back.schema == frame.schema


def test_a_whole_number_may_stand_for_a_float_and_null_stays_null():
    frame = frame_of([{"x": 1, "text": None}, {"x": None, "text": "a"}], {"x": "Float64", "text": "String"})
    assert frame["x"].to_list() == [1.0, None]
    assert frame["text"].to_list() == [None, "a"]


def test_a_time_keeps_its_zone():
    frame = pl.DataFrame({"at": [datetime(2026, 5, 3, 12, tzinfo=UTC)]})
    back = frame_of([through_json(frame.row(0, named=True))], {"at": str(frame.schema["at"])})
    assert back["at"].to_list() == frame["at"].to_list()
