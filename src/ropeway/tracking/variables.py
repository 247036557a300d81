"""What the environment says of tracking. Junk is told of, with what is done then, and stops no training."""

import logging
import math
import os

logger = logging.getLogger("ropeway.tracking")

LONGEST_RANK = 9
"""No launcher counts with more digits."""
LONGEST_S = 7 * 86_400.0
"""More seconds than this are as many."""


def seconds(name: str, usual: float) -> float:
    """So many seconds as a variable says, 0 for none; the usual ones where it is empty or junk.

    Args:
        name: of the variable.
        usual: without it.
    """
    said = os.environ.get(name, "").strip()
    if not said:
        return usual
    try:
        found = float(said)
    except ValueError:
        found = math.nan
    if math.isnan(found) or found < 0:
        _warn(name, said, "a number of seconds, 0 for none", f"export {name}={usual:g}", f"{usual:g} s")
        return usual
    return min(found, LONGEST_S)


def first_rank(names: tuple[str, ...]) -> int:
    """Which of the processes of a launcher this is, by the first variable that says; 0 where none does."""
    for name in names:
        said = os.environ.get(name, "").strip()
        if said.isascii() and said.isdigit() and len(said) <= LONGEST_RANK:
            return int(said)
        if said:
            _warn(name, said, "a whole number from 0", f"unset {name}", "what others say, or 0,")
    return 0


def _warn(name: str, said: str, expected: str, next_step: str, instead: str) -> None:
    logger.warning("%s is %r, not %s: %s is taken\n%s", name, said[:80], expected, instead, next_step)
