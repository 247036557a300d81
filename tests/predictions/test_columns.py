"""Records into columns and back."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.predictions.columns import AS_WRITTEN, KINDS, LATER, to_frame, to_records
from ropeway.predictions.record import FeedbackRecord, PredictionRecord, SegmentHeader, ShadowRecord

AT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
HEADER = SegmentHeader(
    kind="predictions",
    replica="4k2m9x7q",
    segment=1,
    started_at=AT,
    host="h",
    process=1,
    ropeway="0",
    environment="production",
)
ZONES = [UTC, timezone(timedelta(hours=5, minutes=30))]
times = st.datetimes(min_value=datetime(1, 1, 2), timezones=st.sampled_from(ZONES))
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)
scalars = st.none() | st.booleans() | numbers | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner))
rows = st.dictionaries(st.text(), values, max_size=4)
names = st.lists(st.text(), max_size=2)
chances = st.none() | st.dictionaries(st.text(), st.floats(0, 1), max_size=3)
counts = st.integers(-(2**63), 2**63 - 1)
predictions = st.builds(
    PredictionRecord,
    at=times,
    model=st.text(),
    inputs=rows,
    prediction=scalars,
    probabilities=chances,
    latency_us=counts,
    hashed=names,
    dropped=names,
    entity=st.text(),
    carried=rows,
    error=st.text(),
    rollout=st.text(),
    instead_of=st.text(),
    run_us=counts,
)
shadows = st.builds(
    ShadowRecord, of=st.text(), at=times, model=st.text(), prediction=scalars, probabilities=chances
)
feedback = st.builds(FeedbackRecord, id=st.text(), value=scalars, at=times, by=st.text(), note=st.text())


def back(kind: str, records: list[bytes]) -> list[bytes]:
    return to_records(KINDS[kind], to_frame(KINDS[kind], HEADER, list(enumerate(records))))


@settings(max_examples=150, deadline=None)
@given(st.lists(predictions, max_size=4), st.lists(shadows, max_size=4), st.lists(feedback, max_size=4))
def test_every_record_comes_back_byte_for_byte(answers, beside, said) -> None:
    for kind, of_kind in (("predictions", answers), ("shadows", beside), ("feedback", said)):
        records = [msgspec.json.encode(record) for record in of_kind]
        assert back(kind, records) == records


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(min_size=1), max_size=5))
def test_what_is_no_record_comes_back_too(records: list[bytes]) -> None:
    assert back("predictions", records) == records


@pytest.mark.parametrize(
    "record",
    [
        b'{"at":"2026-01-02T03:04:05Z","model":"m@1","inputs":{},"prediction":1,"latency_us":1,"later":"x"}',
        b'{"at":"2026-01-02T03:04:05+01:00","model":"m@1","inputs":{},"prediction":1,"latency_us":1}',
        b'{ "at":"2026-01-02T03:04:05Z","model":"m@1","inputs":{},"prediction":1,"latency_us":1}',
        b'{"at":"0001-01-01T00:00:00+05:00","model":"m@1","inputs":{},"prediction":1,"latency_us":1}',
        b'{"at":"2026-01-02T03:04:05Z","model":"m","inputs":{},"prediction":1,"latency_us":1,"entity":""}',
        b'{"at":"2026-01-02T03:04:05Z","model":"m","inputs":{},"prediction":1,"probabilities":null}',
    ],
)
def test_a_record_in_another_writers_form_is_kept_as_it_was_written(record: bytes) -> None:
    assert back("predictions", [record]) == [record]


def test_an_ordinary_record_is_kept_once() -> None:
    full = PredictionRecord(
        at=AT,
        model="m@1",
        inputs={"text": 'a "great" däy', "size": 1.5, "none": None},
        prediction="yes",
        probabilities={"no": 0.1, "yes": 0.9},
        latency_us=7,
        hashed=["a"],
        dropped=["b"],
        entity="c7",
        carried={"id": 3},
        rollout="r1",
        instead_of="m@2",
        run_us=5,
    )
    failed = PredictionRecord(at=AT, model="m@1", inputs={}, prediction=None, latency_us=7, error="bad-row")
    frame = to_frame(
        KINDS["predictions"], HEADER, [(0, msgspec.json.encode(full)), (1, msgspec.json.encode(failed))]
    )
    assert frame[AS_WRITTEN].null_count() == 2
    assert frame["inputs"][0] == '{"text":"a \\"great\\" däy","size":1.5,"none":null}'
    assert frame["probabilities"].to_list() == ['{"no":0.1,"yes":0.9}', None]
    assert frame["error"].to_list() == ["", "bad-row"]
    assert frame["id"].to_list() == ["p-4k2m9x7q-1-0", "p-4k2m9x7q-1-1"]
    assert frame["instead_of"].to_list() == ["m@2", ""]


def test_parquet_of_an_earlier_release_is_read_beside_one_of_today(tmp_path: Path) -> None:
    kind = KINDS["predictions"]
    answers = [
        PredictionRecord(at=AT, model="m@1", inputs={"n": 1}, prediction=1, latency_us=7, rollout="r1"),
        PredictionRecord(at=AT, model="m@1", inputs={"n": 2}, prediction=2, latency_us=7, instead_of="m@2"),
    ]
    records = [msgspec.json.encode(answer) for answer in answers]
    earlier, today = (to_frame(kind, HEADER, [(0, record)]) for record in records)
    earlier.drop(LATER["predictions"]).write_parquet(tmp_path / "earlier.parquet")
    today.write_parquet(tmp_path / "today.parquet")
    for names in (("earlier", "today"), ("today", "earlier")):
        frame = kind.read_parquet([tmp_path / f"{name}.parquet" for name in names]).collect()
        assert frame.schema == kind.schema()
        assert sorted(to_records(kind, frame)) == sorted(records)
    assert to_records(kind, kind.read_parquet([tmp_path / "earlier.parquet"]).collect()) == records[:1]
