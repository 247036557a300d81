"""What is sound in a damaged segment is read, and damage is told from the end that a kill leaves."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.store import SegmentWriter, salvage_segment

RECORDS = [b"record %d" % number * (number + 1) for number in range(6)]
START = 8 + 8 + 4


def written(path: Path, records: list[bytes]) -> list[int]:
    """Write a segment; give the place of each frame, and of the end."""
    writer = SegmentWriter(path, b"head")
    places = [writer.size_bytes]
    for record in records:
        writer.append(record)
        places.append(writer.size_bytes)
    writer.close()
    return places


@settings(max_examples=100, deadline=None)
@given(data=st.data(), mask=st.integers(min_value=1, max_value=255))
def test_one_wrong_byte_costs_one_record_at_most(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, mask: int
) -> None:
    path = tmp_path_factory.mktemp("s") / "a.segment"
    places = written(path, RECORDS)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(min_value=0, max_value=len(content) - 1))
    content[at] ^= mask
    path.write_bytes(content)
    found = salvage_segment(path)
    hit = [
        record for record, start, end in zip(RECORDS, places, places[1:], strict=False) if start <= at < end
    ]
    assert [record for record in RECORDS if record in found.records or record in hit] == RECORDS
    assert found.records == [record for record in RECORDS if record in found.records]
    assert found.damaged
    # A wrong length alone is mended by the checksum of what lies there.
    if hit and at - places[RECORDS.index(hit[0])] < 4:
        assert found.records == RECORDS


@pytest.mark.parametrize("cut", range(START, START + 30))
def test_a_cut_off_end_is_no_damage(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.segment"
    places = written(path, RECORDS)
    os.truncate(path, cut)
    found = salvage_segment(path)
    assert found.records == RECORDS[: sum(place <= cut for place in places) - 1]
    assert (found.torn, found.damaged) == (cut not in places, False)


@pytest.mark.parametrize(
    ("content", "torn", "damaged"),
    [(b"", True, False), (b"RWSEG", True, False), (b"junk", True, True), (b"\0" * 100, True, True)],
)
def test_what_is_hardly_a_segment_gives_nothing(
    tmp_path: Path, content: bytes, torn: bool, damaged: bool
) -> None:
    (tmp_path / "a.segment").write_bytes(content)
    found = salvage_segment(tmp_path / "a.segment")
    assert (found.records, found.torn, found.damaged) == ([], torn, damaged)


def test_the_zeros_that_power_loss_leaves_are_a_cut_off_end(tmp_path: Path) -> None:
    path = tmp_path / "a.segment"
    written(path, RECORDS)
    path.write_bytes(path.read_bytes() + b"\0" * 4096)
    found = salvage_segment(path)
    assert (found.records, found.torn, found.damaged) == (RECORDS, True, False)
