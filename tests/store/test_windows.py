"""Windows of a large object: cut as the whole would be, whoever reads however little at once."""

import random
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from ropeway.store import chunking
from ropeway.store.windows import WINDOW_BYTES, WINDOWS, ReadInto, Windows

DATA = random.Random(1).randbytes(2 * WINDOW_BYTES + 3_000_001)


@pytest.fixture
def windows() -> Iterator[Windows]:
    with ThreadPoolExecutor(1) as reading:
        yield Windows(reading)


def reader(data: bytes, most: int) -> ReadInto:
    """Gives at most so many bytes at a time."""
    left = memoryview(data)

    def readinto(view: memoryview) -> int:
        nonlocal left
        count = min(len(view), most, len(left))
        view[:count] = left[:count]
        left = left[count:]
        return count

    return readinto


@pytest.mark.parametrize("length", [0, 1, WINDOW_BYTES - 1, WINDOW_BYTES, WINDOW_BYTES + 1, len(DATA)])
@pytest.mark.parametrize("most", [1 << 30, 1_000_003])
def test_windows_are_cut_as_the_whole_is(windows: Windows, length: int, most: int) -> None:
    data, lengths, seen = DATA[:length], list[int](), b""
    for window in windows.of(reader(data, most)):
        lengths += window.lengths
        seen += b"".join(window.chunks())
        windows.leave(window)
    assert seen == data
    assert lengths == chunking.cut(memoryview(data), is_end=True)


def test_a_buffer_is_used_again_only_when_nobody_needs_it(windows: Windows) -> None:
    data = bytes(WINDOW_BYTES) * (WINDOWS + 3)
    kept: list[tuple[memoryview, Future[None]]] = []
    for window in windows.of(reader(data, 1 << 30)):
        assert all(work.done() for view, work in kept if view.obj is window.view.obj)
        work: Future[None] = Future()
        kept.append((window.view, work))
        window.work.append(work)
        windows.leave(window)
        if len(kept) >= WINDOWS - 1:
            kept[len(kept) - WINDOWS + 1][1].set_result(None)
    assert len({id(view.obj) for view, _ in kept}) <= WINDOWS
