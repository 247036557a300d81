"""The process that works with a bucket and is killed, or whose line is cut: the same act over and over.

Run as `python -m tests.faults.bucketeer ORDERS`. The parent imports its acts, and does them undisturbed. The
bucket is where `$AWS_ENDPOINT_URL` says.
"""

import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
from tests.faults.story import Story

from ropeway.data.add import add
from ropeway.keeping.operations import gc
from ropeway.remotes.operations import pull, push
from ropeway.store.backends import S3Backend
from ropeway.store.depot import send
from ropeway.testing import FixedClock
from ropeway.workspace import LocalWorkspace

SMALL_FILES = 6
GRACE_S = 25 * 3600
LONG_AGO_S = 30 * 86_400


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent wants: `act` so many `times`, each with files of so many bytes.

    `in_parts`: send files as multipart uploads, as a control.
    """

    act: str
    root: str
    story: str
    tokens: str
    times: int
    size_bytes: int
    pack_bytes: int
    began: datetime
    in_parts: bool = False


def keep(workspace: LocalWorkspace, token: str, size_bytes: int) -> str:
    """Add a folder with a large file and small ones, as the next version of the dataset `files`."""
    folder, chance = workspace.root / "files", random.Random(token)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "large.bin").write_bytes(chance.randbytes(size_bytes))
    for number in range(SMALL_FILES):
        (folder / f"{number}.bin").write_bytes(chance.randbytes(2_000))
    return str(add(workspace, folder).version.version)


def bring(workspace: LocalWorkspace, token: str, size_bytes: int) -> str:
    """Add one more version, and push all of them."""
    version = keep(workspace, token, size_bytes)
    push(workspace, everything=True)
    return version


def take(workspace: LocalWorkspace, _token: str, _size_bytes: int) -> str:
    """Pull whatever is there."""
    return str(pull(workspace, everything=True).objects)


def collect(workspace: LocalWorkspace, token: str, size_bytes: int) -> str:
    """Add one more version, bring what nothing refers to, and collect a day later."""
    version = keep(workspace, token, size_bytes)
    workspace.store.put(f"litter {token}".encode())
    workspace.store.ship()
    age(workspace.home)
    assert isinstance(workspace.clock, FixedClock)
    workspace.clock.advance(seconds=GRACE_S)
    gc(workspace)
    return version


ACTS: dict[str, Callable[[LocalWorkspace, str, int], str]] = {
    "push": bring,
    "pull": take,
    "keep": keep,
    "gc": collect,
}


def age(home: Path) -> None:
    """As if everything so far had been brought long ago."""
    long_ago = time.time() - LONG_AGO_S
    for folder in ("objects", "packs"):
        for path in (home / folder).rglob("*"):
            if path.is_file():
                os.utime(path, (long_ago, long_ago))


def _send_in_parts() -> None:
    import obstore

    def put(self: S3Backend, name: str, data: bytes | memoryview | Path) -> None:
        obstore.put(self._store, name, data, use_multipart=True)

    S3Backend.put = put  # type: ignore[method-assign]


def main(orders: Orders) -> None:
    """Work until killed, or as often as ordered."""
    story = Story(Path(orders.story))
    send.PACK_BYTES = orders.pack_bytes
    if orders.in_parts:
        _send_in_parts()
    with LocalWorkspace(Path(orders.root), actor="ana", clock=FixedClock(orders.began)) as workspace:
        for number in range(orders.times):
            token = f"{orders.tokens}-{number}"
            story.begin(token)
            story.acknowledge(token, ACTS[orders.act](workspace, token, orders.size_bytes))


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Orders))
