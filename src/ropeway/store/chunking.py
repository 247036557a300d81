"""Where a large file is cut: by its content, so that an insertion moves the cuts near it and no others.

FastCDC (Xia et al., USENIX ATC 2016) with frozen parameters. `pyfastcdc` does it at the speed of memory;
where its wheel is missing, numpy gives the same cuts, slowly. Cuts made with other parameters
would share nothing with what is stored: a change here is a new name beside this one, and never an edit.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np

CHUNKER = 1
"""The number of these parameters in a recipe: `fastcdc-1`."""
MIN_BYTES = 512 << 10
AVERAGE_BYTES = 1 << 20
MAX_BYTES = 4 << 20
NORMALIZATION: Final = 2
# The masks that FastCDC has for 2 ** (20 + 2) and 2 ** (20 - 2): 22 bits to cut before the average, 18 after.
MASK_SHORT = 0x0000_D937_6753_7000
MASK_LONG = 0x0000_D907_0753_7000

_REACH = 63
"""A gear hash of 64 bits has forgotten what lies further back."""
_BLOCK = 128 << 10


def cut(view: memoryview, *, is_end: bool) -> list[int]:
    """The lengths of the chunks at the start of `view` that no later bytes can change.

    Args:
        view: bytes from the start of a chunk on.
        is_end: whether nothing follows; then the lengths add up to all of it.

    Example:
        >>> cut(memoryview(bytes(6 << 20)), is_end=True)
        [4194304, 2097152]
    """
    try:
        import pyfastcdc
    except ImportError:
        return cut_slowly(view, is_end=is_end)
    cutter = pyfastcdc.FastCDC(
        AVERAGE_BYTES, min_size=MIN_BYTES, max_size=MAX_BYTES, normalized_chunking=NORMALIZATION
    )
    lengths: list[int] = []
    at, chunks = 0, cutter.cut_buf(view)
    while _may_cut(len(view) - at, is_end=is_end):
        lengths.append(next(chunks).length)
        at += lengths[-1]
    return lengths


def cut_slowly(view: memoryview, *, is_end: bool) -> list[int]:
    """The same as `cut`, without the wheel."""
    lengths: list[int] = []
    at = 0
    while _may_cut(len(view) - at, is_end=is_end):
        lengths.append(_first_cut(view[at : at + MAX_BYTES]))
        at += lengths[-1]
    return lengths


def _may_cut(left: int, *, is_end: bool) -> bool:
    """Within the longest chunk's reach of the end, a cut could still be changed by what follows."""
    return left > 0 if is_end else left >= MAX_BYTES


def _first_cut(view: memoryview) -> int:
    """Where the first chunk of at most `MAX_BYTES` ends."""
    length = len(view)
    if length <= MIN_BYTES:
        return length
    # Bytes are taken in pairs, as the original does: an odd last byte is never looked at.
    middle, end = min(AVERAGE_BYTES, length) // 2 * 2, length // 2 * 2
    for start in range(MIN_BYTES, end, _BLOCK):
        hashes = _gear_hashes(view, start, min(start + _BLOCK, end))
        split = max(0, min(middle - start, len(hashes)))
        for part, first, mask in (
            (hashes[:split], start, MASK_SHORT),
            (hashes[split:], start + split, MASK_LONG),
        ):
            found = ((part & mask) == 0).nonzero()[0]
            if len(found):
                return first + int(found[0])
    return length


def _gear_hashes(view: memoryview, start: int, end: int) -> "np.ndarray":
    """The gear hash at each position from `start` to `end`, begun anew at the chunk's shortest length."""
    import numpy as np

    from ropeway.store.gear import GEAR

    begin = max(MIN_BYTES, start - _REACH)
    gear = np.array(GEAR, dtype=np.uint64)
    sums = gear[np.frombuffer(view[begin:end], dtype=np.uint8)]
    # h[i] = sum of gear[b[i - k]] << k, by doubling the reach six times; unsigned sums wrap, as they must.
    for reach in (1, 2, 4, 8, 16, 32):
        further = sums.copy()
        further[reach:] += sums[:-reach] << np.uint64(reach)
        sums = further
    return sums[start - begin :]
