"""Routes of files that come in parts: `mpu/create`, the parts, `mpu/complete`, `mpu/abort`."""

import asyncio
import re
from typing import TypeVar

import msgspec

from ropeway.server.mlflow import artifacts, checks, messages, page_messages, uploads
from ropeway.server.mlflow.artifacts import Place
from ropeway.server.mlflow.errors import Refusal
from ropeway.server.mlflow.files import Exchange
from ropeway.serving.door import JSON_HEADERS, Scope, check_json, header, reply
from ropeway.workspace import LocalWorkspace

PARTS = "/mlflow-artifacts/mpu/part"
_PART = re.compile(r"/(?:ajax-)?api/[23]\.0/mlflow-artifacts/mpu/part/([0-9a-f]{32})/[0-9]{1,5}")

M = TypeVar("M", bound=messages.Message)


def is_granted(workspace: LocalWorkspace, scope: Scope) -> bool:
    """Whether a request sends a part, and shows the grant of that very upload."""
    found = _PART.fullmatch(scope["path"]) if scope["method"] == "PUT" else None
    shown = header(scope, uploads.GRANT.encode()) if found else ""
    return found is not None and shown != "" and uploads.is_granted(workspace, found[1], shown)


async def create(asked: Exchange) -> None:
    """Answer `POST mlflow-artifacts/mpu/create/{path}`: an address for each part, and what it shows."""
    message = await _message(asked, page_messages.CreateUpload)
    place = await asyncio.to_thread(_place, asked, message.path)
    begun = await asyncio.to_thread(uploads.begin, asked.workspace, place, message.num_parts)
    address = f"{_base(asked.scope)}/api/2.0{PARTS}/{begun.upload}"
    credentials = [
        {"url": f"{address}/{number}", "part_number": number, "headers": {uploads.GRANT: begun.grant}}
        for number in range(1, message.num_parts + 1)
    ]
    told = {"upload_id": begun.upload, "credentials": credentials}
    await reply(asked.send, 200, msgspec.json.encode(told))


async def put(asked: Exchange) -> None:
    """Answer `PUT mlflow-artifacts/mpu/part/{upload}/{number}`."""
    etag = await uploads.take_part(
        asked.workspace, asked.names["upload"], asked.names["number"], asked.receive, asked.object_bytes
    )
    await reply(asked.send, 200, b"{}", [*JSON_HEADERS, (b"etag", f'"{etag}"'.encode())])


async def complete(asked: Exchange) -> None:
    """Answer `POST mlflow-artifacts/mpu/complete/{path}`: the parts become the file."""
    message = await _message(asked, page_messages.CompleteUpload)

    def act() -> None:
        place = _place(asked, message.path)
        parts = [uploads.Part(part_number=each.part_number, etag=each.etag) for each in message.parts]
        digest = uploads.complete(asked.workspace, place, message.upload_id, parts, asked.object_bytes)
        artifacts.record(asked.workspace, place, digest)

    await asyncio.to_thread(act)
    await reply(asked.send, 200, b"{}")


async def abort(asked: Exchange) -> None:
    """Answer `POST mlflow-artifacts/mpu/abort/{path}`."""
    message = await _message(asked, page_messages.CompleteUpload)
    place = artifacts.place_of(_name(asked, message.path))
    await asyncio.to_thread(uploads.abort, asked.workspace, place, message.upload_id)
    await reply(asked.send, 200, b"{}")


async def _message(asked: Exchange, kind: type[M]) -> M:
    check_json(asked.scope)
    return messages.from_body(kind, await asked.bodies.read(asked.scope, asked.receive))


def _place(asked: Exchange, given: str) -> Place:
    """Whose file it is to be; there is such a run, or such a model."""
    place = artifacts.place_of(_name(asked, given))
    if not place.path:
        raise Refusal("Invalid path")
    artifacts.files_in(asked.workspace, place)
    return place


def _name(asked: Exchange, given: str) -> str:
    """The folder of the address, and the last part of the name that the file has at its client."""
    checks.required("path", given)
    # Of a client on Windows, too.
    name = given.replace("\\", "/").rpartition("/")[2]
    return f"{asked.names['path']}/{name}"


def _base(scope: Scope) -> str:
    """How the client calls this server. What it says of itself tells only itself something wrong."""
    scheme = "https" if header(scope, b"x-forwarded-proto").lower() == "https" else "http"
    return f"{scheme}://{header(scope, b'host')}"
