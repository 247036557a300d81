"""A clock for rehearsals: the time stands in a file, so that months can be gone through in minutes.

`ROPEWAY_CLOCK=FILE` makes every command and every service read the time there. What happens under it is
recorded at that time: for trials, demonstrations and tests, never for work that counts.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

from ropeway.core.clock import Clock, SystemClock, from_text, to_text
from ropeway.workspace.errors import ClockUnreadable

VARIABLE = "ROPEWAY_CLOCK"


class FileClock:
    """Reads the time from a file each time that it is asked; several processes may share it.

    Args:
        path: holds one ISO 8601 moment.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def now(self) -> datetime:
        """The time in the file, in UTC.

        Raises:
            ClockUnreadable: the file is not there, or holds no moment.
        """
        try:
            moment = from_text(self.path.read_text(encoding="utf-8").strip())
        except (OSError, ValueError) as error:
            raise ClockUnreadable(self.path, VARIABLE) from error
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)

    def set(self, moment: datetime) -> None:
        """Move it; whoever reads meanwhile sees the former time or the new one."""
        written = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        written.write_text(to_text(moment) + "\n", encoding="utf-8")
        written.replace(self.path)


def clock_of_environment() -> Clock:
    """The machine's clock, or the one that `$ROPEWAY_CLOCK` names."""
    named = os.environ.get(VARIABLE)
    return FileClock(Path(named)) if named else SystemClock()


_conforms: type[Clock] = FileClock
