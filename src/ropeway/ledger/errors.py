"""What can go wrong with the ledger.

Invalid      ├── IdempotencyMismatch · LedgerPlaceInvalid
Conflict     ├── WorkspaceNewer · LedgerOnNetwork · LedgerMoved · LedgerUnsuited · TargetNotEmpty
Damaged      ├── LedgerDamaged · UnknownEvent · MoveDiffers
Unavailable  ├── DiskFull · LedgerDiskFailing · LedgerBusy · LedgerUnreachable · CommitUnknown
             └── PostgresDriverMissing
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
            next_step="restore the ledger from a copy; ropeway fsck names what is hurt",
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


class LedgerDiskFailing(Unavailable):
    """The disk could not read or write; what was acknowledged is not touched by it."""

    code = "ledger-disk-failing"

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"The disk that holds '{where}' failed to read or write: {reason}.",
            expected="a disk without errors",
            next_step="look at the system's log (dmesg), then: ropeway fsck. Where it happens again, make a "
            "copy on another disk while it still reads: ropeway backup FOLDER",
            reason=reason,
        )


class LedgerBusy(Unavailable):
    """The database could not be read or written just now."""

    code = "ledger-busy"

    def __init__(self, name: str, reason: str, *, on_server: bool = False) -> None:
        super().__init__(
            f"The ledger '{name}' cannot be used now: {reason}.",
            expected="a PostgreSQL server with room for this connection, that may be written to"
            if on_server
            else "a readable and writable workspace folder on a local disk",
            next_step="look at the server's log, then repeat the command"
            if on_server
            else "check the folder's permissions, then repeat the command",
        )


class LedgerUnreachable(Unavailable):
    """The PostgreSQL server that holds the ledger does not answer, or the connection to it was lost."""

    code = "ledger-unreachable"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The ledger '{name}' cannot be reached: {reason}. What was not answered has not happened.",
            expected="a PostgreSQL server that takes this connection and may be written to",
            next_step="check that the server runs, and the user and password ($PGUSER, $PGPASSWORD or "
            "~/.pgpass); then repeat the command",
            reason=reason,
        )


class CommitUnknown(Unavailable):
    """The connection was lost while a change was made durable, and the server did not come back in time."""

    code = "commit-unknown"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The connection to the ledger '{name}' was lost while the change was committed, and the "
            f"server could not be asked since: {reason}. The change is there whole, or not at all.",
            expected="a server that stays up for the length of a commit",
            next_step="once it is back, look with: ropeway log; repeat the command if the change is not "
            "there. A request with an idempotency key may be repeated as it is",
            reason=reason,
        )


class LedgerUnsuited(Conflict):
    """The PostgreSQL server or database is not set up so that a ledger can be kept in it."""

    code = "ledger-unsuited"

    def __init__(self, name: str, found: str, expected: str) -> None:
        super().__init__(
            f"The ledger cannot be kept in '{name}': {found}.",
            expected=expected,
            next_step="CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0; on a current server",
        )


class PostgresDriverMissing(Unavailable):
    """The settings name a PostgreSQL database, and its driver is not installed."""

    code = "postgres-driver-missing"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"PostgreSQL cannot be used: its driver, psycopg 3, is missing ({reason}).",
            expected="Ropeway with the extra 'postgres'",
            next_step="pip install 'ropeway[postgres]'",
        )


class LedgerPlaceInvalid(Invalid):
    """What the settings say about where the ledger is cannot be understood."""

    code = "ledger-place-invalid"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Where the ledger is (`ledger` of [workspace], $ROPEWAY_LEDGER) is not clear: {what}.",
            expected="'sqlite', or a URL such as 'postgresql://host/database?schema=name'",
            next_step="docs/settings.md#workspace",
        )


class LedgerOnNetwork(Conflict):
    """The workspace is on a network file system, where SQLite's locks cannot be relied on."""

    code = "ledger-on-network"

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(
            f"The ledger '{path}' is on a network file system ({kind}), where two machines may write at once "
            "and spoil it.",
            expected="a folder on a local disk, or a ledger in PostgreSQL",
            next_step="keep the project on a local disk and let others reach it by: ropeway server; or set "
            "`ledger` of [workspace] to a postgresql:// URL (docs/settings.md#workspace)",
            file_system=kind,
        )


class LedgerMoved(Conflict):
    """The history was moved elsewhere; what is here is the copy that was left behind."""

    code = "ledger-moved"

    def __init__(self, name: str, to: str) -> None:
        super().__init__(
            f"The ledger '{name}' was moved to '{to}', and is used no more.",
            expected=f"the settings to point to '{to}'",
            next_step=f'in ropeway.toml, under [workspace]: ledger = "{to}"',
            to=to,
        )


class TargetNotEmpty(Conflict):
    """A ledger is to be moved to where another one is."""

    code = "target-not-empty"

    def __init__(self, to: str) -> None:
        super().__init__(
            f"There is a history in '{to}' already, and it is not this one.",
            expected="a place without events",
            next_step="name another schema: ?schema=NAME; to move back into the folder: "
            "mv .ropeway/ledger.db .ropeway/ledger.db.old",
        )


class MoveDiffers(Damaged):
    """What arrived in the other database is not what was sent, or its replay gives other answers."""

    code = "move-differs"

    def __init__(self, table: str) -> None:
        super().__init__(
            f"The ledger was not moved: the table '{table}' is not the same there as it is here.",
            expected="equal rows, and equal tables by replay",
            next_step="ropeway fsck; nothing was changed, here or there",
            table=table,
        )
