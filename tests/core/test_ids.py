from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import new_id, ordered_id


def test_ids_are_short_readable_and_do_not_repeat() -> None:
    drawn = {new_id("run") for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(each.startswith("run_") and len(each) == 16 for each in drawn)


def test_ordered_ids_sort_by_their_time_and_do_not_repeat() -> None:
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number) for number in range(200)]
    drawn = [ordered_id("ev", moment) for moment in moments]
    assert drawn == sorted(drawn)
    assert len({ordered_id("ev", moments[0]) for _ in range(1000)}) == 1000


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_two_contents_share_a_digest_only_when_equal(one: bytes, other: bytes) -> None:
    assert (digest_bytes(one) == digest_bytes(other)) == (one == other)


def test_the_digest_is_blake3() -> None:
    # The empty input's digest, from the BLAKE3 specification's test vectors.
    assert digest_bytes(b"") == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
