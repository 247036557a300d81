"""What waits here for servers, and bringing it to them: `ropeway sync`."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from ropeway.core.errors import RopewayError, Unavailable
from ropeway.core.ids import RunId
from ropeway.store import is_abandoned
from ropeway.store.errors import SegmentDamaged
from ropeway.tracking.shipment import Shipment, begun_in
from ropeway.tracking.spool import FOLDER, SUFFIX, Joins, run_of
from ropeway.workspace.opening import open_found
from ropeway.workspace.place import HOME
from ropeway.workspace.remote import FOLDER as REMOTES


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A spool here that a server has not all of.

    Attributes:
        run: whose it is.
        address: the server's workspace.
        actor: under which name it was recorded.
        at_us: when it began.
        is_part: whether it is of a process that joined the run.
        is_alive: whether its process lives; it brings it itself.
    """

    path: Path
    run: RunId
    address: str
    actor: str
    at_us: int
    is_part: bool
    is_alive: bool


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """How it went with one spool.

    Attributes:
        state: `brought`; `alive`, its process brings it; `waits`, the server did not answer; `refused`.
        points: how many of its points the server has, as far as this call knows.
        code: of the error; empty without one.
        why: what failed, in words.
        next_step: what to do.
    """

    run: RunId
    address: str
    state: Literal["brought", "alive", "waits", "refused"]
    points: int = 0
    code: str = ""
    why: str = ""
    next_step: str = ""


def waiting(root: Path) -> list[Waiting]:
    """What waits in a project's folder for any server, the earliest first, parts of a run after their run."""
    found = []
    for path in sorted((root / HOME / REMOTES).glob(f"*/{FOLDER}/run_*{SUFFIX}")):
        try:
            begun, is_alive = begun_in(path), not is_abandoned(path)
        except (FileNotFoundError, SegmentDamaged):
            continue  # brought a moment ago; or never whole, which `fsck` tells of
        if begun is not None:
            found.append(
                Waiting(
                    path=path,
                    run=run_of(path),
                    address=begun.address,
                    actor=begun.actor,
                    at_us=begun.at_us,
                    is_part=isinstance(begun, Joins),
                    is_alive=is_alive,
                )
            )
    return sorted(found, key=lambda each: (each.is_part, each.at_us))


def sync(
    root: Path,
    *,
    server: str | None = None,
    insecure: bool = False,
    tell: Callable[[Synced], None] = lambda _synced: None,
) -> list[Synced]:
    """Bring what waits in a project's folder to its servers.

    Repeated, broken off or done twice at once, it stores nothing twice. `$ROPEWAY_TOKEN` goes to servers that
    the caller or the project file names; to others goes what `ropeway login` kept for them.

    Args:
        root: the project's folder.
        server: only what is for this server; all when absent.
        insecure: allow plain http to another machine.
        tell: called with each as it is done.
    """
    done: list[Synced] = []
    gone: dict[str, Synced] = {}
    for each in waiting(root):
        if server is not None and each.address.rstrip("/") != server.rstrip("/"):
            continue
        # One server that does not answer is waited for once.
        known = gone.get(each.address)
        one = msgspec.structs.replace(known, run=each.run) if known else _bring(root, each, server, insecure)
        if one.state == "waits":
            gone[each.address] = one
        done.append(one)
        tell(one)
    return done


def _bring(root: Path, each: Waiting, said: str | None, insecure: bool) -> Synced:  # noqa: FBT001
    if each.is_alive:
        return Synced(run=each.run, address=each.address, state="alive")
    points = 0
    try:
        # The folder may be another's: what it names is not what the caller means.
        with open_found(root, each.address, actor=each.actor, said=said, insecure=insecure) as workspace:
            shipment = Shipment(workspace, each.path)
            try:
                shipment.bring()
            finally:
                points = shipment.points
    except RopewayError as error:
        return Synced(
            run=each.run,
            address=each.address,
            state="waits" if isinstance(error, Unavailable) else "refused",
            points=points,
            code=error.code,
            why=error.what,
            next_step=error.next_step or error.expected,
        )
    return Synced(run=each.run, address=each.address, state="brought", points=points)
