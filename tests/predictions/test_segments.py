"""Segments as they lie, hurt ones too: an ordinal that is not sure is not told."""

from pathlib import Path

import pytest
from tests.predictions.written import answer, answers, segments_of

from ropeway.predictions.errors import SegmentMisnamed
from ropeway.predictions.segments import open_segments, read_lying
from ropeway.serving.log import PredictionLog
from ropeway.store.errors import SegmentDamaged
from ropeway.store.segments import FRAME


def hurt(path: Path, record: bytes, *, length_too: bool = False) -> None:
    """Change a byte of a record, and the length that stands before it."""
    data = bytearray(path.read_bytes())
    at = data.index(record)
    data[at + 5] ^= 0xFF
    if length_too:
        data[at - FRAME.size + 1] ^= 0x01
    path.write_bytes(data)


def whole(home: Path) -> tuple[Path, list[bytes]]:
    answers(home, 6)
    (path,) = segments_of(home)
    return path, [record for _, record in read_lying(path).records]


def test_a_sound_segment_has_its_records_in_order(tmp_path: Path) -> None:
    path, records = whole(tmp_path)
    lying = read_lying(path)
    assert lying.records == list(enumerate(records))
    assert (lying.torn, lying.damaged, lying.header.environment) == (False, False, "production")


def test_records_behind_a_damaged_one_keep_their_ordinals(tmp_path: Path) -> None:
    path, records = whole(tmp_path)
    hurt(path, records[1])
    hurt(path, records[2])
    lying = read_lying(path)
    assert lying.records == [(0, records[0]), *((place, records[place]) for place in (3, 4, 5))]
    assert lying.damaged


def test_ordinals_behind_a_damaged_length_are_unknown(tmp_path: Path) -> None:
    path, records = whole(tmp_path)
    hurt(path, records[2], length_too=True)
    found = read_lying(path).records
    assert found == [(0, records[0]), (1, records[1]), *((None, record) for record in records[3:])]


def test_a_torn_end_is_passed_over(tmp_path: Path) -> None:
    path, records = whole(tmp_path)
    path.write_bytes(path.read_bytes()[:-3])
    lying = read_lying(path)
    assert (lying.records, lying.torn, lying.damaged) == (list(enumerate(records[:-1])), True, False)


def test_a_segment_of_a_living_writer_is_read(tmp_path: Path) -> None:
    with PredictionLog(tmp_path) as log:
        answer(log)
        assert len(read_lying(segments_of(tmp_path)[0]).records) == 1


def test_a_copy_under_another_name_is_told_from_the_segment(tmp_path: Path) -> None:
    path, _ = whole(tmp_path)
    copy = path.with_name("00000000-7.seg")
    copy.write_bytes(path.read_bytes())
    with pytest.raises(SegmentMisnamed, match="says of itself"):
        read_lying(copy)


def test_a_segment_without_a_sound_header_says_so(tmp_path: Path) -> None:
    path = tmp_path / "segments" / "predictions" / "00000000-1.seg"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(SegmentDamaged, match="no sound header"):
        read_lying(path)


def test_segments_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    answers(tmp_path, 30, log={"segment_bytes": 400})
    numbers = [int(path.stem.partition("-")[2]) for path in open_segments(tmp_path, "predictions")]
    assert numbers == sorted(numbers)
    assert len(numbers) > 10
