"""What can go wrong with keeping a workspace whole.

Conflict ├── CollectionUnsafe ├── WorkspaceThere └── NoSuchHold
Invalid  ├── GraceTooShort ├── BadShare └── NothingToHold      Unavailable └── CannotBackUp
NotFound ├── NoBackup └── NoSource
Damaged  └── BackupDamaged
"""

from collections.abc import Iterable
from pathlib import Path

from ropeway.core.errors import Conflict, Damaged, Invalid, NotFound, Unavailable


class CollectionUnsafe(Conflict):
    """Something that may refer to objects cannot be read, so nobody knows what is still needed."""

    code = "collection-unsafe"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Nothing was collected: {what}",
            expected="a workspace in which all that refers to objects can be read",
            next_step="ropeway fsck",
        )


class GraceTooShort(Invalid):
    """A collection would take what somebody is about to refer to."""

    code = "grace-too-short"

    def __init__(self, given: str, least: str) -> None:
        super().__init__(
            f"A grace of {given} is too short: bytes are brought a while before the event that names them.",
            expected=f"{least} or longer",
            next_step="ropeway gc --grace 24h",
        )


class BadShare(Invalid):
    """A sample that is no share."""

    code = "bad-share"

    def __init__(self, given: str) -> None:
        super().__init__(
            f"'{given}' is no share of the objects.",
            expected="more than 0 % and at most 100 %, such as 5%",
            next_step="ropeway fsck --sample 5%",
        )


class NothingToHold(Invalid):
    """A hold names nothing that has happened here."""

    code = "nothing-to-hold"

    def __init__(self, subject: str) -> None:
        super().__init__(
            f"There is nothing here that '{subject}' names.",
            expected="model:NAME@NUMBER, dataset:NAME@vNUMBER, run:ID, or any subject that the log shows",
            next_step="ropeway log",
            subject=subject,
        )


class NoSuchHold(Conflict):
    """A hold that is not there, or over already, cannot be released."""

    code = "no-such-hold"

    def __init__(self, name: str, open_holds: Iterable[str]) -> None:
        super().__init__(
            f"'{name}' is not held.",
            expected="one of " + (", ".join(sorted(open_holds)[:12]) or "no hold: none is open"),
            next_step="ropeway hold list",
            subject=name,
        )


class CannotBackUp(Unavailable):
    """A backup cannot be made from here, or to there."""

    code = "cannot-back-up"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(
            f"No backup was made to '{place}': {reason}.",
            expected="a folder of its own, outside the workspace, that you may write",
            next_step="ropeway backup FOLDER",
            place=place,
        )


class NoBackup(NotFound):
    """A folder holds no backup, or none of that name."""

    code = "no-backup"

    def __init__(self, name: str, folder: Path, known: Iterable[str] = ()) -> None:
        super().__init__(
            "backup", name, known, next_step=f"ropeway backup list {folder}   shows those that are there"
        )


class NoSource(NotFound):
    """A folder from which to repair has no store."""

    code = "no-source"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            "store in",
            str(folder),
            next_step="ropeway fsck --repair --from FOLDER   a project, its .ropeway, or a folder of backups",
        )


class BackupDamaged(Damaged):
    """A backup is not what was written; nothing was restored from it."""

    code = "backup-damaged"

    def __init__(self, backup: str, found: list[str]) -> None:
        super().__init__(
            f"The backup '{backup}' is damaged: {'; '.join(found[:3])}"
            + (f" and {len(found) - 3} more" if len(found) > 3 else ""),
            expected="every object of it, with its digest",
            next_step="take an older or another one: ropeway backup list FOLDER",
            backup=backup,
            found=found,
        )


class WorkspaceThere(Conflict):
    """A restore would take the place of a workspace that is there."""

    code = "workspace-there"

    def __init__(self, folder: Path, events: int | None) -> None:
        holds = "one that cannot be read" if events is None else f"one with {events:,} events"
        super().__init__(
            f"'{folder}' has a workspace already: {holds}.",
            expected="a folder without .ropeway",
            next_step="ropeway restore BACKUP --to ANOTHER-FOLDER, or --replace (the old one is set aside)",
            folder=str(folder),
        )
