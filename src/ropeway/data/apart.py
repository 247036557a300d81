"""Parquet that others brought, read apart: in a process of its own, whose memory and time have an end.

Some kilobytes of Parquet may unpack to terabytes, and a page that announces more than there is may end the
process that reads it, which nothing inside can catch. Pieces come back as plain Arrow, each whole, so that
who walks through them holds no more than their bytes.

`python -m ropeway.data.apart` is the other process: it is asked for files by lines of JSON, and ends when
nobody asks any more.
"""

import contextlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

import msgspec

from ropeway.data.file_errors import FileUnreadable, UnpacksTooFar

if TYPE_CHECKING:
    import polars as pl

PIECE_BYTES = 8 << 20
"""So much of a file is a piece; in memory it is a few times as much."""
MEMORY_BYTES = 3 << 30
"""What the other process may hold beside the file itself: many times a piece of an honest file."""
PIECE_S = 60.0
"""A piece of an honest file takes a fraction of a second."""
MOST_PIECE_BYTES = 64 << 20
"""What is more goes in parts, row by row if need be."""
MOST_BYTES = 1 << 30
MOST_TIMES = 250
"""A file may unpack to so many times its size, or to the bytes above: honest ones stay far below both."""
THREADS = "2"
PIECE, ERROR, END = b"P", b"X", b"E"
LENGTH_BYTES = 8


class Order(msgspec.Struct):
    """What the other process is asked for."""

    path: str
    piece_bytes: int


class Apart:
    """Reads Parquet files in another process. A context manager; what ends that process ends no more."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def pieces(self, path: Path, *, piece_bytes: int, shown: Path | None = None) -> Iterator["pl.DataFrame"]:
        """The rows of a file, piece by piece.

        Args:
            path: where the bytes are.
            piece_bytes: about so much of the file at a time.
            shown: what errors call it, where that is not the path.

        Raises:
            FileUnreadable: it is no whole Parquet file, or reading it ended the other process.
            UnpacksTooFar: it holds far more than its size allows.
        """
        shown, size = shown or path, path.stat().st_size
        most = left = max(MOST_BYTES, MOST_TIMES * size)
        said = PIECE
        try:
            self._ask(Order(path=str(path), piece_bytes=piece_bytes))
            while True:
                said, data = self._receive(shown)
                if said != PIECE:
                    break
                frame = _frame_of(data, shown)
                # A column of nothing takes no bytes: its rows count as if they did.
                left -= max(len(data), frame.height)
                if left < 0:
                    raise UnpacksTooFar(shown, size, most)
                yield frame
        finally:
            if said == PIECE:  # it is in the middle of something that nobody wants any more
                self._end()
        if said == ERROR:
            raise FileUnreadable(shown, data.decode("utf-8", "replace"))

    def _ask(self, order: Order) -> None:
        if self._process is None or self._process.poll() is not None:
            # Not from the folder where we are, which may have modules of these names (-P).
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ropeway.data.apart"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "POLARS_MAX_THREADS": THREADS},
            )
        assert self._process.stdin is not None, "it was started with one"
        with contextlib.suppress(BrokenPipeError):  # it has ended: that is told where its answer is awaited
            self._process.stdin.write(msgspec.json.encode(order) + b"\n")
            self._process.stdin.flush()

    def _receive(self, shown: Path) -> tuple[bytes, bytes]:
        """What the other process says next, within its time."""
        process = self._process
        assert process is not None, "it was asked before"
        assert process.stdout is not None, "it was started with one"
        too_slow = threading.Timer(PIECE_S, process.kill)
        too_slow.start()
        try:
            head = process.stdout.read(1 + LENGTH_BYTES)
            length = int.from_bytes(head[1:])
            data = process.stdout.read(length) if length <= MOST_PIECE_BYTES else b""
        finally:
            too_slow.cancel()
        if length > MOST_PIECE_BYTES:
            raise FileUnreadable(shown, f"one row takes {length:,} bytes, {MOST_PIECE_BYTES:,} are read")
        if len(head) <= LENGTH_BYTES or len(data) < length:
            took = f"over {MEMORY_BYTES >> 30} GiB or {PIECE_S:.0f} s for a piece"
            raise FileUnreadable(shown, f"reading it took {took}, or it is damaged")
        return head[:1], data

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.communicate()


def pieces_apart(path: Path, *, piece_bytes: int, shown: Path | None = None) -> Iterator["pl.DataFrame"]:
    """The rows of one Parquet file, read apart."""
    with Apart() as apart:
        yield from apart.pieces(path, piece_bytes=piece_bytes, shown=shown)


def _frame_of(data: bytes, shown: Path) -> "pl.DataFrame":
    import polars as pl

    try:
        return pl.read_ipc_stream(io.BytesIO(data))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        # Arrow knows no columns within columns beyond some sixty levels.
        raise FileUnreadable(shown, "its columns are no table that can be handed on") from error


def main() -> None:
    """Be the other process: read what is asked for, until nobody asks."""
    answers = sys.stdout.buffer
    for line in sys.stdin.buffer:
        order = msgspec.json.decode(line, type=Order)
        _limit_memory(Path(order.path).stat().st_size)
        _answer(order, answers)


def _answer(order: Order, answers: IO[bytes]) -> None:
    import polars as pl

    from ropeway.data.parquet import parquet_pieces

    try:
        for frame in parquet_pieces(Path(order.path), order.piece_bytes):
            if not frame.height:
                return _say(answers, ERROR, b"it has fewer rows than it says")
            for data in _parts(frame):
                _say(answers, PIECE, data)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        return _say(answers, ERROR, f"it is no whole Parquet file ({first})".encode())
    return _say(answers, END, b"")


def _parts(frame: "pl.DataFrame") -> Iterator[memoryview]:
    """A piece as plain Arrow, in parts of which each is small enough."""
    import polars as pl

    whole = io.BytesIO()
    # As older readers know it: texts one after the other, none of them shared.
    frame.write_ipc_stream(whole, compat_level=pl.CompatLevel.oldest())
    if whole.tell() <= MOST_PIECE_BYTES or frame.height == 1:
        yield whole.getbuffer()
        return
    del whole
    half = frame.height // 2
    yield from _parts(frame.slice(0, half))
    yield from _parts(frame.slice(half))


def _say(answers: IO[bytes], what: bytes, data: bytes | memoryview) -> None:
    answers.write(what + len(data).to_bytes(LENGTH_BYTES))
    answers.write(data)
    answers.flush()


def _limit_memory(file_bytes: int) -> None:
    """All addresses, the file among them: it is read where it lies."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = MEMORY_BYTES + file_bytes
    with contextlib.suppress(ValueError, OSError):  # where the system has no such limit
        limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


if __name__ == "__main__":
    main()
