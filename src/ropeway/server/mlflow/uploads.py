"""Files that come in parts: each waits in a folder of the upload's own, and becomes one object at the end.

Parts are sent by a client's worker threads to addresses that it is given, without its token. What lets them
in is a *grant*: a random secret of this one upload, which goes in a header and never in an address, so that
no log of requests holds it; only its digest is kept. It opens nothing but the folder: for whom the file is,
and that it is one, is decided when the upload begins and ends, by the caller's own permission at that moment.

A folder that nothing came to for an hour is gone, and so is its grant: it opens nothing from then on, and is
removed when another upload begins or a server looks after its workspace.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import hmac
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from ropeway.core.hashing import digest_file
from ropeway.core.ids import Digest
from ropeway.server.mlflow.artifacts import Place
from ropeway.server.mlflow.errors import Refusal
from ropeway.server.objects import spool
from ropeway.serving.door import Receive
from ropeway.store.files import in_our_words, make_private
from ropeway.workspace import LocalWorkspace

GRANT = "x-ropeway-grant"
LASTS_S = 3600.0
MAX_PARTS = 10_000
MAX_UPLOADS = 100
PARTS_BYTES = 16
"""So many times the limit of one object may all parts have together."""
FOLDER = "uploads"
"""In the workspace's own folder, a folder for each upload."""
TERMS, DONE, LOCK = "terms.json", "done", "lock"
MISSING = "RESOURCE_DOES_NOT_EXIST"
GONE = "There is no such upload, or nothing came to it for too long."
_ID = re.compile(r"[0-9a-f]{32}")
_COPY_BYTES = 1024 * 1024


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed when an upload began: for which file, in how many parts, on showing what."""

    run: str
    model: str
    path: str
    parts: int
    grant: str

    @property
    def place(self) -> Place:
        """Whose file it becomes."""
        return Place(self.run, self.model, self.path)


class Part(msgspec.Struct, kw_only=True):
    """A part as its client names it at the end."""

    part_number: int = 0
    etag: str = ""


class Begun(NamedTuple):
    """A new upload, and what its parts show."""

    upload: str
    grant: str


def begin(workspace: LocalWorkspace, place: Place, parts: int) -> Begun:
    """Make a folder for the parts of a file.

    Raises:
        Refusal: there are too many parts, or too many uploads.
    """
    if not 1 <= parts <= MAX_PARTS:
        raise Refusal(f"num_parts must be between 1 and {MAX_PARTS}.")
    folder = workspace.home / FOLDER
    make_private(folder)
    if len(_swept(folder)) >= MAX_UPLOADS:
        raise Refusal(
            f"There are {MAX_UPLOADS} unfinished multipart uploads already.", "REQUEST_LIMIT_EXCEEDED"
        )
    begun = Begun(secrets.token_hex(16), secrets.token_urlsafe(32))
    terms = Terms(run=place.run, model=place.model, path=place.path, parts=parts, grant=_digest(begun.grant))
    made = folder / begun.upload
    with in_our_words(folder):
        made.mkdir(mode=0o700)
        (made / TERMS).write_bytes(msgspec.json.encode(terms))
    return begun


def sweep(workspace: LocalWorkspace) -> None:
    """Remove the uploads that were left; a new one does so too."""
    folder = workspace.home / FOLDER
    if folder.is_dir():
        _swept(folder)


def is_granted(workspace: LocalWorkspace, upload: str, shown: str) -> bool:
    """Whether a grant is this upload's."""
    with contextlib.suppress(Refusal):
        known = _terms(_folder(workspace, upload)).grant
        return hmac.compare_digest(known, _digest(shown))
    return False


async def take_part(
    workspace: LocalWorkspace, upload: str, number: str, receive: Receive, limit_bytes: int
) -> str:
    """Keep a body as a part of an upload, in place of what came as that part before; gives its etag.

    Raises:
        Refusal: there is no such upload, it has no such part, or its parts are too large together.
        BodyTooLarge: it is over the limit.
    """
    folder = _folder(workspace, upload)
    if not number.isascii() or not number.isdigit() or not 1 <= int(number) <= _terms(folder).parts:
        raise Refusal(f"There is no part {number[:20]} of this upload.")
    if (folder / DONE).exists():
        raise Refusal("This upload is complete.")
    if await asyncio.to_thread(_kept_bytes, folder, int(number)) > limit_bytes * PARTS_BYTES:
        raise _too_large(limit_bytes)
    with in_our_words(folder):
        descriptor, name = tempfile.mkstemp(dir=folder, prefix="coming-")
        try:
            with os.fdopen(descriptor, "wb") as scratch:
                await spool(scratch, receive, limit_bytes)
            etag = await asyncio.to_thread(digest_file, Path(name))
            kept = folder / _part_name(int(number), etag)
            Path(name).rename(kept)
            # One that is sent again takes the other's place, so that no grant fills a disk.
            for other in folder.glob(f"{_part_name(int(number), '')}*"):
                if other != kept:
                    other.unlink(missing_ok=True)
        except FileNotFoundError as error:
            raise Refusal(GONE, MISSING) from error
        finally:
            Path(name).unlink(missing_ok=True)
    return etag


def complete(
    workspace: LocalWorkspace, place: Place, upload: str, parts: list[Part], limit_bytes: int
) -> Digest:
    """Put the parts together, in the order of their numbers, and the whole into the store.

    Asked again, it gives the same answer.

    Raises:
        Refusal: a part is not there, is another one, or they are too large together.
    """
    folder = _folder(workspace, upload)
    if _terms(folder).place != place:
        raise Refusal("This upload is of another file.")
    with _alone(folder):
        done = folder / DONE
        if done.exists():
            return Digest(done.read_text())
        if not parts or len({each.part_number for each in parts}) != len(parts):
            raise Refusal("parts must name each part of the upload once.")
        # Looked at once: ten thousand parts are looked for among ten thousand.
        kept = {int(path.name.split("-")[1]): path for path in folder.glob("part-*")}
        files = [_file_of(kept, each) for each in sorted(parts, key=lambda each: each.part_number)]
        if sum(each.stat().st_size for each in files) > limit_bytes * PARTS_BYTES:
            raise _too_large(limit_bytes)
        with in_our_words(folder):
            digest = _joined(workspace, folder, files)
            # Whole or not there: a process may end at any moment.
            coming = folder / f"{DONE}-coming"
            coming.write_text(digest)
            coming.rename(done)
        for each in folder.glob("part-*"):
            each.unlink(missing_ok=True)
        return digest


def abort(workspace: LocalWorkspace, place: Place, upload: str) -> None:
    """Throw an upload away. One that is gone already is nothing to throw away.

    Raises:
        Refusal: it is of another file.
    """
    folder = workspace.home / FOLDER / upload
    if not _ID.fullmatch(upload) or not folder.is_dir():
        return
    if _terms(folder).place != place:
        raise Refusal("This upload is of another file.")
    shutil.rmtree(folder, ignore_errors=True)


def _joined(workspace: LocalWorkspace, folder: Path, files: list[Path]) -> Digest:
    with tempfile.NamedTemporaryFile(dir=folder, prefix="whole-") as whole:
        for each in files:
            with each.open("rb") as part:
                shutil.copyfileobj(part, whole, _COPY_BYTES)
        whole.flush()
        return workspace.store.put_file(Path(whole.name))


def _kept_bytes(folder: Path, but: int) -> int:
    """How much the parts have together, but for one that is to be replaced."""
    found = 0
    for each in folder.glob("part-*"):
        if not each.name.startswith(_part_name(but, "")):
            with contextlib.suppress(FileNotFoundError):
                found += each.stat().st_size
    return found


def _too_large(limit_bytes: int) -> Refusal:
    return Refusal(f"The parts have more than {limit_bytes * PARTS_BYTES:,} bytes together.")


def _file_of(kept: Mapping[int, Path], part: Part) -> Path:
    """The file of a part: the one that its client means, where it gives the etag."""
    etag, found = part.etag.strip('"'), kept.get(part.part_number)
    if found is not None and (not etag or found.name == _part_name(part.part_number, etag)):
        return found
    raise Refusal(f"Part {part.part_number} of this upload is not there, or is another one.")


def _part_name(number: int, etag: str) -> str:
    return f"part-{number:05}-{etag}"


def _folder(workspace: LocalWorkspace, upload: str) -> Path:
    folder = workspace.home / FOLDER / upload
    if not _ID.fullmatch(upload) or not folder.is_dir() or _is_over(folder):
        raise Refusal(GONE, MISSING)
    return folder


def _terms(folder: Path) -> Terms:
    try:
        return msgspec.json.decode((folder / TERMS).read_bytes(), type=Terms)
    except (FileNotFoundError, msgspec.DecodeError) as error:
        raise Refusal(GONE, MISSING) from error


def _is_over(folder: Path) -> bool:
    # A part that comes or is finished gives its folder a new time.
    return folder.stat().st_mtime < time.time() - LASTS_S


def _swept(folder: Path) -> list[Path]:
    """The uploads that are under way, once those that were left are removed."""
    found = []
    for each in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if _is_over(each):
                shutil.rmtree(each, ignore_errors=True)
            elif not (each / DONE).exists():
                found.append(each)
    return found


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time: who asks again while the first is at it gets the first one's answer."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _digest(grant: str) -> str:
    return hashlib.sha256(grant.encode()).hexdigest()
