"""What can go wrong around operations and the project file.

NotFound ├── ProjectNotFound └── UnknownOperation     Invalid ├── BadArguments └── ProjectInvalid
Refused  └── PermissionDenied      Conflict ├── LeaseHeld └── LeaseLost
Unavailable ├── WorkspaceUnusable └── ClockUnreadable    Damaged └── HeadContradicts
"""

from collections.abc import Iterable
from pathlib import Path

from ropeway.core.errors import (
    Conflict,
    Damaged,
    Invalid,
    NotFound,
    Refused,
    RopewayError,
    Unavailable,
    did_you_mean,
)


class ProjectNotFound(RopewayError):
    """No ropeway.toml here or in a folder above."""

    code = "project-not-found"
    http_status = 404
    exit_code = 4

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"There is no project in '{folder}' or above it.",
            expected="a folder with a ropeway.toml",
            next_step="ropeway init   makes one here; ropeway demo   shows a whole one",
            folder=str(folder),
        )


class WorkspaceUnusable(Unavailable):
    """The folder `.ropeway` cannot be made or written."""

    code = "workspace-unusable"

    def __init__(self, home: Path, reason: str) -> None:
        super().__init__(
            f"The workspace '{home}' cannot be used: {reason}.",
            expected="a folder that you may write, on a local disk",
            next_step=f"check the owner and permissions of {home.parent}",
            folder=str(home),
        )


class ProjectInvalid(Invalid):
    """The project file cannot be read as one."""

    code = "project-invalid"

    def __init__(
        self, path: Path, line: int | None, what: str, *, expected: str = "", hint: str = ""
    ) -> None:
        where = f"{path.name}, line {line}" if line else path.name
        super().__init__(
            f"{where}: {what}.{hint}",
            expected=expected,
            next_step=f"mend {path}; docs/settings.md names every setting",
            file=str(path),
            line=line,
        )


class BadArguments(Invalid):
    """An operation was called with arguments that do not fit its signature."""

    code = "bad-arguments"

    def __init__(self, operation: str, reason: str, known: Iterable[str]) -> None:
        known = sorted(known)
        named = reason.split("`")[1] if reason.count("`") >= 2 else ""
        super().__init__(
            f"'{operation}' cannot be called so: {reason}.{did_you_mean(named, known)}",
            expected="arguments " + (", ".join(known) or "none"),
            operation=operation,
        )


class UnknownOperation(NotFound):
    """No operation has that name."""

    code = "unknown-operation"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("operation", name, known)


class PermissionDenied(Refused):
    """The caller lacks the operation's permission."""

    code = "permission-denied"

    def __init__(self, operation: str, permission: str) -> None:
        super().__init__(
            f"'{operation}' needs the permission '{permission}', which you do not have here.",
            expected=f"a caller with '{permission}'",
            operation=operation,
            permission=permission,
        )


class ClockUnreadable(Unavailable):
    """The file that stands for the clock of a rehearsal holds no time."""

    code = "clock-unreadable"

    def __init__(self, path: Path, variable: str) -> None:
        super().__init__(
            f"'{path}', which {variable} names as the clock, holds no time.",
            expected="a file with one moment, such as 2026-05-03T09:00:00Z",
            next_step=f"unset {variable}   goes by the machine's clock",
            file=str(path),
        )


class LeaseHeld(Conflict):
    """Another process does this work now."""

    code = "lease-held"

    def __init__(self, name: str, holder: str, until: str) -> None:
        super().__init__(
            f"The {name} is run by {holder} now.",
            expected=f"that it ends, or does not answer until {until}",
            next_step="let it work; one is enough",
            lease=name,
            holder=holder,
        )


class LeaseLost(Conflict):
    """This process was taken for dead, and another one does its work; nothing more is written by it."""

    code = "lease-lost"

    def __init__(self, name: str, token: int, now: int) -> None:
        super().__init__(
            f"The {name} was taken over by another process while this one was at work.",
            expected=f"fencing token {token}; it is {now} now",
            next_step="nothing: what this one had done stands, and the other carries on",
            lease=name,
            token=token,
        )


class HeadContradicts(Damaged):
    """Two heads of a ledger of which neither continues the other: it was changed, put back, or is a copy."""

    code = "head-contradicts"

    def __init__(self, ledger: str, seen: int, found: int) -> None:
        super().__init__(
            f"The ledger '{ledger}' has {found} events and does not continue its signed head over {seen}.",
            expected="a ledger that only grew since its head was signed",
            next_step="ropeway audit verify   says what is not right; "
            "ropeway audit key --replace REASON   if it was put back on purpose; "
            "a copy needs a ROPEWAY_CONFIG of its own",
            ledger=ledger,
            seen=seen,
            found=found,
        )
