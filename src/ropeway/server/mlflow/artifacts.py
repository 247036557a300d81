"""Routes of files: a body goes straight into the store, and its name on record. No name ever meets a disk."""

import asyncio
import mimetypes
import re
from typing import NamedTuple
from urllib.parse import quote, unquote

from ropeway.core.ids import Digest
from ropeway.server.mlflow import answers
from ropeway.server.mlflow.errors import Refusal
from ropeway.server.objects import send_object, store_body
from ropeway.serving.door import Receive, Scope, Send
from ropeway.tracking.afar import operations as ours
from ropeway.tracking.afar.errors import BadFilePath, FileNotThere, LoggedModelNotFound
from ropeway.tracking.afar.files import check_path, one_file
from ropeway.tracking.afar.records import KeptFile
from ropeway.tracking.errors import RunNotFound
from ropeway.workspace import Workspace

DECODED_TIMES = 10
"""A name is decoded until it stays as it is; one that never does is refused."""
PLAIN = {"text/plain", "text/csv", "application/json", "image/png", "image/jpeg", "image/gif", "image/webp"}
# The last of them: an experiment's own place may stand before.
_RUN = re.compile(r"(?:.*/)?([0-9a-f]{32})/artifacts(?:/(.*))?", re.DOTALL)
_MODEL = re.compile(r"(?:.*/)?models/(m-[0-9a-f]{32})/artifacts(?:/(.*))?", re.DOTALL)


class Place(NamedTuple):
    """Whose file a path of the proxy means: of a run or of a logged model; "" for all."""

    run: str
    model: str
    path: str

    @property
    def owner(self) -> str:
        """In words."""
        return f"run {self.run}" if self.run else f"logged model {self.model}"


def safe_path(path: str) -> str:
    """A path that leads nowhere else however often it is decoded.

    Raises:
        Refusal: it does, or has what MLflow refuses.
    """
    given, plain = path, unquote(path)
    for _ in range(DECODED_TIMES):
        if plain == given:
            break
        given, plain = plain, unquote(plain)
    else:
        raise Refusal("Invalid path")
    parts = plain.split("/")
    if (
        "#" in plain
        or "\\" in plain
        or ".." in parts
        or plain.startswith("/")
        or "://" in plain
        or ":" in parts[0]
        or not plain.isprintable()
    ):
        raise Refusal("Invalid path")
    return "/".join(part for part in parts if part not in ("", "."))


def place_of(path: str) -> Place:
    """What a path of the proxy means.

    Raises:
        Refusal: nothing is kept under it.
    """
    safe = safe_path(path)
    if found := _MODEL.fullmatch(safe):
        return checked(Place("", found[1], found[2] or ""))
    if found := _RUN.fullmatch(safe):
        return checked(Place(found[1], "", found[2] or ""))
    raise Refusal(
        "Invalid path: files are kept under <experiment>/<run>/artifacts and "
        "<experiment>/models/<model>/artifacts"
    )


def listing(workspace: Workspace, path: str) -> answers.Json:
    """One level of files under a path of the proxy."""
    try:
        place = place_of(path)
    except Refusal:
        safe_path(path)
        return {}
    files = [each for each in files_in(workspace, place) if each.path != place.path]
    return {"files": answers.files(files, whole=False, under=place.path)} if files else {}


async def upload(
    workspace: Workspace, place: Place, scope: Scope, receive: Receive, limit_bytes: int
) -> None:
    """Keep a body as a file."""
    if not place.path:
        raise Refusal("Invalid path")
    kept = await store_body(workspace, scope, receive, limit_bytes)
    await asyncio.to_thread(record, workspace, place, kept.digest)


def record(workspace: Workspace, place: Place, digest: Digest) -> None:
    """Put on record that a file has these bytes from now on."""

    def act() -> bool:
        if place.run:
            return ours.put_run_file(workspace, run=place.run, path=place.path, digest=digest)
        return ours.put_model_file(workspace, model=place.model, path=place.path, digest=digest)

    _known(place, act)


async def download(workspace: Workspace, place: Place, asked: str, scope: Scope, send: Send) -> None:
    """Send a file; `asked` is how its asker wrote its name."""
    if not place.path:
        raise Refusal("Invalid path")
    file = await asyncio.to_thread(_file, workspace, place, asked)
    assert file.digest is not None
    await send_file(workspace, file.digest, place.path, scope, send)


async def send_file(workspace: Workspace, digest: Digest, path: str, scope: Scope, send: Send) -> None:
    """Send bytes as an attachment that no browser runs, under the last part of a name."""
    name = path.rpartition("/")[2]
    guessed = mimetypes.guess_type(name)[0] or ""
    await send_object(
        workspace,
        digest,
        scope,
        send,
        content_type=guessed if guessed in PLAIN else "application/octet-stream",
        disposition=f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    )


def remove(workspace: Workspace, path: str) -> answers.Json:
    """Take a file or a folder off the list."""
    place = place_of(path)

    def act() -> bool:
        if place.run:
            return ours.remove_run_file(workspace, run=place.run, path=place.path)
        return ours.remove_model_file(workspace, model=place.model, path=place.path)

    _known(place, act)
    return {}


def checked(place: Place) -> Place:
    """A place whose name can be kept.

    Raises:
        Refusal: it cannot.
    """
    try:
        check_path(place.path, may_be_all=True)
    except BadFilePath as error:
        raise Refusal(f"Invalid path: {error.what}") from error
    return place


def _file(workspace: Workspace, place: Place, path: str) -> KeptFile:
    try:
        return one_file(files_in(workspace, place), place.owner, place.path)
    except FileNotThere as error:
        raise not_there(path) from error


def not_there(path: str) -> Refusal:
    """What is said of a file that is not there."""
    return Refusal(f"No such artifact: '{path[:500]}'", "RESOURCE_DOES_NOT_EXIST")


def files_in(workspace: Workspace, place: Place) -> list[KeptFile]:
    """What is at a place: a file, or a level of a folder."""

    def act() -> list[KeptFile]:
        if place.run:
            return ours.list_run_files(workspace, run=place.run, path=place.path)
        return ours.list_model_files(workspace, model=place.model, path=place.path)

    found: list[KeptFile] = _known(place, act)
    return found


def _known(place: Place, act):  # type: ignore[no-untyped-def]
    try:
        return act()
    except RunNotFound as error:
        raise Refusal(f"Run with id={place.run} not found", "RESOURCE_DOES_NOT_EXIST") from error
    except LoggedModelNotFound as error:
        said = f"Logged model with ID '{place.model}' not found."
        raise Refusal(said, "RESOURCE_DOES_NOT_EXIST") from error
