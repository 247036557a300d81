"""The control of the power cuts: a process that never waits for the disk, so that a cut must cost it work."""

import os

from sqlalchemy import Engine, event


def forget_the_disk() -> None:
    """From here on this process syncs nothing: `synchronous=OFF`, and `fsync` does nothing."""
    os.fsync = os.fdatasync = lambda _descriptor: None

    @event.listens_for(Engine, "begin")
    def _off(connection: object) -> None:
        # Class-level listeners come before the one that sends BEGIN, inside which it cannot be changed.
        driver = connection.connection.driver_connection  # type: ignore[attr-defined]
        driver.execute("PRAGMA synchronous=OFF")
