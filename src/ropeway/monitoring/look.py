"""What the last look at production saw, beside the ledger: when it was, and of which feedback.

Not the truth, only a shortcut: without the file the next look does more, and comes to the same.
"""

from datetime import datetime
from pathlib import Path

import msgspec

from ropeway.store.files import publish, write_all

PLACE = Path("monitoring") / "look.json"
PRIVATE = 0o600


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The last look: its time, and a digest of the feedback and settings that performance was measured by."""

    looked_at: datetime | None = None
    measured: str = ""


def read_look(home: Path) -> Look:
    """The last look; of nothing where none is known."""
    try:
        return msgspec.json.decode((home / PLACE).read_bytes(), type=Look)
    except (OSError, msgspec.DecodeError):
        return Look()


def write_look(home: Path, look: Look) -> None:
    """Remember a look."""
    write_file(home, PLACE, msgspec.json.encode(look))


def write_file(home: Path, place: Path, data: bytes) -> None:
    """Put a small file of monitoring's in its place, whole or not at all."""
    path = home / place
    path.parent.mkdir(mode=0o700, exist_ok=True)
    publish(path, home / "tmp", lambda descriptor: write_all(descriptor, data), durable=False, mode=PRIVATE)
