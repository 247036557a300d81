"""Where the marks on the board come from: wrappers around the real functions, put on in the child.

Nothing is replaced: every wrapper calls what it wraps. The source itself carries no hooks.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event
from tests.faults.board import Board, Phase

from ropeway.ledger.lock import WriteLock
from ropeway.store import files
from ropeway.store.segments import SegmentWriter


def install(board: Board) -> None:
    """Mark the write lock, commits, publishes, renames and segment appends."""
    _mark_transactions(board)
    _mark_publishes(board)
    _mark_appends(board)
    _mark_system_calls(board)


def _mark_transactions(board: Board) -> None:
    acquire, release = WriteLock.acquire, WriteLock.release

    def marked_acquire(lock: WriteLock) -> None:
        with board.inside(Phase.WAITING):
            acquire(lock)
        board.enter(Phase.TRANSACTION)

    def marked_release(lock: WriteLock) -> None:
        if board.is_in(Phase.TRANSACTION):
            board.leave(board.depth - (2 if board.is_in(Phase.COMMIT) else 1))
        release(lock)

    WriteLock.acquire, WriteLock.release = marked_acquire, marked_release  # type: ignore[method-assign]

    @event.listens_for(Engine, "before_cursor_execute")
    def _statement(*_: object) -> None:
        if board.is_in(Phase.TRANSACTION):
            board.cross()

    @event.listens_for(Engine, "commit")
    def _commit(_connection: object) -> None:
        if board.is_in(Phase.TRANSACTION):
            board.enter(Phase.COMMIT)


def _mark_publishes(board: Board) -> None:
    # A pack is written over a long time; from its settling on, it is published like any file.
    for work in (files.publish, files.settle):
        _rebind(work, _publishing(board, work))


def _publishing(board: Board, work: Callable[..., None]) -> Callable[..., None]:
    def published(*args: Any, **kwargs: Any) -> None:
        with board.inside(Phase.PUBLISH):
            work(*args, **kwargs)

    return published


def _mark_appends(board: Board) -> None:
    append = SegmentWriter.append

    def marked_append(writer: SegmentWriter, record: bytes) -> int:
        with board.inside(Phase.APPEND):
            return append(writer, record)

    SegmentWriter.append = marked_append  # type: ignore[method-assign]


def _mark_system_calls(board: Board) -> None:
    """Points before and after each write and sync; a rename is a phase that lasts until its publish ends."""
    for name in ("write", "fsync"):
        setattr(os, name, _crossing(board, getattr(os, name)))
    for name in ("rename", "replace"):
        setattr(os, name, _renaming(board, getattr(os, name)))


def _crossing(board: Board, call: Callable[..., Any]) -> Callable[..., Any]:
    def crossed(*args: Any, **kwargs: Any) -> Any:
        board.cross()
        result = call(*args, **kwargs)
        board.cross()
        return result

    return crossed


def _renaming(board: Board, call: Callable[..., Any]) -> Callable[..., Any]:
    def renamed(*args: Any, **kwargs: Any) -> Any:
        if board.is_in(Phase.PUBLISH):
            board.enter(Phase.RENAME)  # left when the publish ends, after the folder's sync
            result = call(*args, **kwargs)
            board.cross()
            return result
        with board.inside(Phase.RENAME):
            return call(*args, **kwargs)

    return renamed


def _rebind(original: Any, marked: Any) -> None:
    """Put the marked function wherever the original was imported by name."""
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("ropeway"):
            for name, value in list(vars(module).items()):
                if value is original:
                    setattr(module, name, marked)
