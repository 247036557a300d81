"""All that is drawn in a test of attacks comes from one seed, and whoever fails says which.

`ROPEWAY_ATTACK_SEED=12345 pytest tests/attacks/test_leaks.py` asks the same once more.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

SEED = "ROPEWAY_ATTACK_SEED"


@contextmanager
def seeded() -> Iterator[Random]:
    """What draws, from a seed that is told beside whatever goes wrong."""
    seed = int(os.environ.get(SEED) or secrets.randbits(32))
    try:
        yield Random(seed)
    except BaseException as error:
        error.add_note(f"{SEED}={seed}")
        raise
