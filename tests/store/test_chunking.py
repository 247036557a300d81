import random

import blake3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.store.chunking import MAX_BYTES, MIN_BYTES, cut, cut_slowly

# Cuts of `fastcdc-1` for ever: what is stored in chunks today must be found again by tomorrow's release.
GOLDEN = {
    "random": (8, "39fd51d40515d133"),
    "words": (7, "2b6fb1fe23f1d276"),
    "zeros": (3, "626785ddfd8b7936"),
}


def sample(kind: str) -> bytes:
    chance = random.Random(f"golden {kind}")
    if kind == "zeros":
        return bytes(10_000_001)
    if kind == "words":
        words = [b"rope", b"way", b"line", b"carriage", b"\n", b" "]
        return b"".join(chance.choices(words, k=2_500_000))
    return chance.randbytes(10_000_001)


@pytest.mark.parametrize("kind", sorted(GOLDEN))
def test_the_cuts_are_those_of_the_first_release(kind: str) -> None:
    lengths = cut(memoryview(sample(kind)), is_end=True)
    count, digest = GOLDEN[kind]
    assert len(lengths) == count
    assert blake3.blake3(repr(lengths).encode()).hexdigest()[:16] == digest


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(0, 3_000_000), letters=st.integers(1, 256))
def test_without_the_wheel_the_cuts_are_the_same(seed: int, length: int, letters: int) -> None:
    data = bytes(byte % letters for byte in random.Random(seed).randbytes(length // 8)) * 8
    assert cut_slowly(memoryview(data), is_end=True) == cut(memoryview(data), is_end=True)
    assert cut_slowly(memoryview(data), is_end=False) == cut(memoryview(data), is_end=False)


def test_chunks_have_their_lengths_and_add_up() -> None:
    data = sample("random")
    lengths = cut(memoryview(data), is_end=True)
    assert sum(lengths) == len(data)
    assert all(MIN_BYTES <= length <= MAX_BYTES for length in lengths[:-1])


def test_a_cut_that_later_bytes_could_change_is_not_made() -> None:
    data = sample("random")
    whole = cut(memoryview(data), is_end=True)
    for end in (0, MIN_BYTES, MAX_BYTES - 1, MAX_BYTES, 6_000_000, len(data)):
        part = cut(memoryview(data)[:end], is_end=False)
        assert part == whole[: len(part)]


def test_an_insertion_moves_the_cuts_near_it_and_no_others() -> None:
    data = sample("random")
    changed = data[:5_000_000] + b"inserted" + data[5_000_000:]
    before, after = (cut(memoryview(each), is_end=True) for each in (data, changed))
    assert before[-2:] == after[-2:]
    assert before[:2] == after[:2]
