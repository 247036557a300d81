"""What can go wrong around operations and the project file.

NotFound ├── ProjectNotFound └── UnknownOperation     Invalid ├── BadArguments └── ProjectInvalid
Refused  └── PermissionDenied      Conflict ├── LeaseHeld ├── LeaseLost └── AnswerErased
Unavailable ├── WorkspaceUnusable └── ClockUnreadable    Damaged └── HeadContradicts

Of a workspace on a server, seen from a caller:
Invalid ├── BadServer └── DigestDiffers      Refused ├── NotSafe ├── TokenExposed └── TokenNotMeant
Unavailable ├── ServerUnreachable └── JobCutOff      Damaged └── ForeignAnswer
Conflict ├── OtherProject └── NeedsFiles     RopewayError └── ServerRefusal (a code that is not known here)
"""

import shlex
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


class AnswerErased(Conflict):
    """A request came again whose answer held what was erased since: it was done, and is not done twice."""

    code = "answer-erased"

    def __init__(self, operation: str) -> None:
        super().__init__(
            f"This request to '{operation}' was done before, and its answer was erased since.",
            expected="to be asked for once",
            next_step="ropeway log   shows what came of it",
            operation=operation,
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


class BadServer(Invalid):
    """A server's address that cannot be used as one."""

    code = "bad-server"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The workspace's address cannot be used: {reason}.",
            expected="https://HOST[:PORT][/PATH], or 'local' for this folder's own workspace",
            next_step="ropeway --workspace https://HOST status",
        )


class NotSafe(Refused):
    """Plain http to another machine: a token and everything else would be read on the way."""

    code = "plain-http"

    def __init__(self, host: str) -> None:
        super().__init__(
            f"'{host}' is another machine, and plain http is read by whoever is on the way.",
            expected="https, or a host on this machine",
            next_step="give the server a certificate, or say --insecure where the network is trusted",
            host=host,
        )


class TokenExposed(Refused):
    """A token's file that others on this machine can read."""

    code = "token-exposed"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Others on this machine can read the token in '{path}', so it is not used.",
            expected="a file that only you may read",
            next_step=f"chmod 600 {path}   or, better, have it revoked and sign in anew",
            file=str(path),
        )


class TokenNotMeant(Refused):
    """The token of the environment, and a server that only a file in the folder names."""

    code = "token-not-meant"

    def __init__(self, address: str) -> None:
        url = shlex.quote(address)
        super().__init__(
            f"'{address}' gets nothing: only what waits in this folder names it, and nobody says that "
            "$ROPEWAY_TOKEN is for it.",
            expected="a server that you name or the project file does, or that you signed in to",
            next_step=f"ropeway sync --workspace {url}   or: ropeway login {url}",
            address=address,
        )


class ServerUnreachable(Unavailable):
    """No answer came from the server that keeps the workspace."""

    code = "server-unreachable"

    def __init__(self, origin: str, reason: str) -> None:
        super().__init__(
            f"The workspace at {origin} does not answer: {reason}.",
            expected="a running `ropeway server` there",
            next_step="try again; repeating a command that had been received does it no second time"
            if reason.startswith("the connection was lost")
            else "check the address, and that the server runs",
            server=origin,
        )


class JobCutOff(Unavailable):
    """The server ended while it did a job for us; how much of it was done is not known."""

    code = "job-cut-off"

    def __init__(self, job: str, operation: str) -> None:
        super().__init__(
            f"The server ended in the middle of '{operation}'.",
            expected="that the job comes to its end",
            next_step="ropeway log   shows what was recorded; then try again",
            job=job,
        )


class ForeignAnswer(Damaged):
    """What answered is no server of ours, or of a release that says it otherwise."""

    code = "foreign-answer"
    http_status = 502

    def __init__(self, origin: str, reason: str) -> None:
        super().__init__(
            f"What answers at {origin} cannot be understood: {reason}.",
            expected="a `ropeway server` of the same release",
            next_step=f"open {origin}/docs in a browser to see what is there",
            server=origin,
        )


class DigestDiffers(Invalid):
    """Bytes that were sent for a digest have another one: they changed on the way."""

    code = "digest-differs"

    def __init__(self, wanted: str, found: str) -> None:
        super().__init__(
            f"What was sent as the object {wanted[:10]}… has the digest {found[:10]}….",
            expected="the same bytes at both ends",
            next_step="send it again",
            wanted=wanted,
            found=found,
        )


class OtherProject(Conflict):
    """The server keeps another project than the one of the caller's folder."""

    code = "other-project"

    def __init__(self, here: str, there: str) -> None:
        super().__init__(
            f"This folder is the project '{here}', and the server keeps '{there}'.",
            expected=f"a server of '{here}', or a folder of '{there}'",
            next_step="check --workspace, ROPEWAY_WORKSPACE and [workspace] server in ropeway.toml",
            here=here,
            there=there,
        )


class NeedsFiles(Conflict):
    """A command that works on the workspace's own files, asked for from afar."""

    code = "needs-files"

    def __init__(self, what: str, origin: str) -> None:
        super().__init__(
            f"'{what}' works on the workspace's own files, and this one is kept at {origin}.",
            expected="to run where the files are",
            next_step=f"on the server's machine, in the project's folder: ropeway --workspace local {what}",
            server=origin,
        )


class ServerRefusal(RopewayError):
    """An error of the server that this release has no class for; in the server's words, under its code."""

    code = "server-refusal"
