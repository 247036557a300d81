"""What can go wrong with the ledger.

Invalid      └── IdempotencyMismatch
Conflict     └── WorkspaceNewer
Damaged      ├── LedgerDamaged · UnknownEvent
Unavailable  ├── DiskFull · LedgerBusy
"""

from ropeway.core.errors import Conflict, Damaged, Invalid, Unavailable


class WorkspaceNewer(Conflict):
    """The database was written by a newer Ropeway."""

    code = "workspace-newer"

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(
            f"The workspace '{path}' has format {found}; this Ropeway knows formats up to {known}.",
            expected="a Ropeway at least as new as the one that wrote it",
            next_step="pip install --upgrade ropeway",
            found=found,
            known=known,
        )


class LedgerDamaged(Damaged):
    """The database file is not a sound SQLite database, or an event does not match its digest."""

    code = "ledger-damaged"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"The ledger '{path}' is damaged: {reason}.",
            expected="a sound database with events 1, 2, 3, … as they were written",
            next_step="restore the folder .ropeway from a copy; ropeway fsck names what is hurt",
            reason=reason,
        )


class UnknownEvent(Damaged):
    """An event whose verb or version this Ropeway does not know."""

    code = "unknown-event"

    def __init__(self, verb: str, version: int, seq: int) -> None:
        super().__init__(
            f"Event {seq} is '{verb}' version {version}, which this Ropeway does not know.",
            expected="events of this release or an earlier one",
            next_step="pip install --upgrade ropeway",
        )


class IdempotencyMismatch(Invalid):
    """A key that was used before, by another caller, for another operation or with other arguments."""

    code = "idempotency-mismatch"

    def __init__(self, key: str, operation: str) -> None:
        super().__init__(
            f"The idempotency key '{key}' was used before: "
            f"by another caller, or not for '{operation}' with these arguments.",
            expected="a fresh key for each new request; the same key only to repeat one",
        )


class DiskFull(Unavailable):
    """No space was left to write; nothing acknowledged is lost."""

    code = "disk-full"
    http_status = 507

    def __init__(self, where: str) -> None:
        super().__init__(
            f"No space is left on the disk that holds '{where}'; nothing was changed.",
            expected="some free space",
            next_step="free some space, then repeat the command",
        )


class LedgerBusy(Unavailable):
    """The database could not be read or written just now."""

    code = "ledger-busy"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"The ledger '{path}' cannot be used now: {reason}.",
            expected="a readable and writable workspace folder on a local disk",
            next_step="check the folder's permissions, then repeat the command",
        )
