"""Runs that were begun without a `with` block: nobody else would see to their end.

A cell of a notebook that is run again ends the run that it began before; what is open when the kernel or the
script stops has finished, or failed with what stopped the script.
"""

import atexit
import logging
import sys
from contextlib import suppress
from typing import NamedTuple

from ropeway.core.errors import RopewayError
from ropeway.tracking.run import Run

logger = logging.getLogger("ropeway.tracking")


class _Opened(NamedTuple):
    """A run, and the execution of the cell that began it."""

    run: Run
    execution: int | None


# By the line that began them: a notebook has no other place of its own that outlives a cell.
_open: dict[tuple[str, int], list[_Opened]] = {}


def see_to(run: Run, *, depth: int) -> None:
    """At exit, end this run; in a notebook, now what the same line began in an earlier execution.

    Args:
        run: just begun.
        depth: how many calls up the line is that began it.
    """
    execution = _execution()
    frame = sys._getframe(depth)
    line = (frame.f_code.co_filename, frame.f_lineno)
    if not _open:
        atexit.register(_end_all)
    before = [opened for opened in _open.get(line, []) if opened.run.is_open]
    for opened in before:
        if opened.execution != execution:
            logger.warning("the run %s, begun by this cell before, was ended", opened.run.id)
            _end(opened.run)
    _open[line] = [opened for opened in before if opened.run.is_open] + [_Opened(run, execution)]


def _execution() -> int | None:
    """The number of the cell that runs; None outside of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    count = getattr(shell, "execution_count", None)
    return count if isinstance(count, int) else None


def _end_all() -> None:
    for row in list(_open.values()):
        for opened in row:
            if opened.run.is_open:
                # A kernel goes on after an error; a script ends with it.
                _end(opened.run, getattr(sys, "last_value", None) if opened.execution is None else None)
    _open.clear()


def _end(run: Run, error: BaseException | None = None) -> None:
    # What cannot be closed here, as where its folder is gone, is closed by the next run, as after a kill.
    with suppress(RopewayError, OSError):
        run.finish("finished" if error is None else "failed", error=error)
