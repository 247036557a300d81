"""Putting a folder in the place of another one, in a single step."""

import ctypes
import os
import sys
from pathlib import Path

from ropeway.store.files import sync_folder

AT_FDCWD = -100
EXCHANGE = 2
"""RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS."""


def exchange(one: Path, other: Path) -> None:
    """Let two folders of one file system change places, both durable on return.

    Whoever looks, and whatever is killed, finds either as it was or both exchanged. Where the system has no
    call for it (neither Linux nor macOS, or a file system without), a kill between three renames can leave
    `other` under a third name beside it.
    """
    if not _exchange_at_once(one, other):
        third = other.with_name(f"{other.name}.exchanging")
        other.rename(third)
        one.rename(other)
        third.rename(one)
    sync_folder(one.parent)
    sync_folder(other.parent)


def _exchange_at_once(one: Path, other: Path) -> bool:
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return bool(library.renamex_np(*names, EXCHANGE) == 0)
    if hasattr(library, "renameat2"):
        return bool(library.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], EXCHANGE) == 0)
    return False
