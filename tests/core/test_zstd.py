"""Frames of zstd are read as what they should be, or not at all."""

import pytest
from backports import zstd

from ropeway.core.zstd import BadFrame, compress, decompress


@pytest.mark.parametrize("length", [0, 1, 511, 100_000, (1 << 17) + 1])
def test_a_frame_is_what_was_compressed(length: int) -> None:
    raw = bytes(range(256)) * (length // 256) + bytes(length % 256)
    for level in (1, 3):
        assert decompress(memoryview(compress(memoryview(raw), level)), length) == raw


def test_what_is_no_whole_frame_of_that_length_is_refused() -> None:
    frame = compress(b"a word" * 99, 1)
    untold = zstd.compress(b"a word" * 99, options={zstd.CompressionParameter.content_size_flag: 0})
    for bad, length in (
        (frame, 593),
        (frame, 595),
        (frame[:-1], 594),
        (frame + b"x", 594),
        (frame + frame, 594),
        (untold, 594),
        (b"", 0),
        (b"not zstd at all", 594),
    ):
        with pytest.raises(BadFrame):
            decompress(bad, length)
