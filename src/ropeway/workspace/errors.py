"""What can go wrong around operations and the project file.

NotFound ├── ProjectNotFound └── UnknownOperation     Invalid ├── BadArguments └── ProjectInvalid
Refused  └── PermissionDenied                            Unavailable └── WorkspaceUnusable
"""

from collections.abc import Iterable
from pathlib import Path

from ropeway.core.errors import Invalid, NotFound, Refused, RopewayError, Unavailable, did_you_mean


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
