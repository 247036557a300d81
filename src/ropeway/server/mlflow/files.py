"""Routes whose body or answer is a file: they meet the connection itself, where others meet a message."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from ropeway.models.afar.operations import get_version_file
from ropeway.models.errors import UnknownModel, UnknownVersion
from ropeway.server.mlflow import artifacts, checks, messages, page_messages, trace_files
from ropeway.server.mlflow.artifacts import Place, safe_path
from ropeway.server.mlflow.errors import Refusal
from ropeway.serving.bodies import Bodies
from ropeway.serving.door import Receive, Scope, Send, header, reply
from ropeway.serving.errors import BodyTooLarge
from ropeway.tracking.afar.errors import FileNotThere
from ropeway.workspace import LocalWorkspace

UPLOAD_BYTES = 10 * 1024 * 1024
"""MLflow's own limit of what its pages upload."""
MISSING = "RESOURCE_DOES_NOT_EXIST"


class Exchange(NamedTuple):
    """A permitted request with its connection. `names` are those in its path."""

    workspace: LocalWorkspace
    names: dict[str, str]
    scope: Scope
    receive: Receive
    send: Send
    bodies: Bodies
    object_bytes: int


FileRoute = Callable[[Exchange], Awaitable[None]]


async def put(asked: Exchange) -> None:
    """Answer `PUT mlflow-artifacts/artifacts/{path}`."""
    if trace := trace_files.trace_of(asked.names["path"]):
        await trace_files.put(asked.workspace, trace, asked.scope, asked.receive, asked.bodies)
        await reply(asked.send, 200, b"{}")
        return
    place = artifacts.place_of(asked.names["path"])
    await artifacts.upload(asked.workspace, place, asked.scope, asked.receive, asked.object_bytes)
    await reply(asked.send, 200, b"{}")


async def get(asked: Exchange) -> None:
    """Answer `GET mlflow-artifacts/artifacts/{path}`."""
    path = asked.names["path"]
    if trace := trace_files.trace_of(path):
        await trace_files.get(asked.workspace, trace, path, asked.send)
        return
    await artifacts.download(asked.workspace, artifacts.place_of(path), path, asked.scope, asked.send)


async def delete(asked: Exchange) -> None:
    """Answer `DELETE mlflow-artifacts/artifacts/{path}`."""
    told = await asyncio.to_thread(artifacts.remove, asked.workspace, asked.names["path"])
    await reply(asked.send, 200, msgspec.json.encode(told))


async def get_of_run(asked: Exchange) -> None:
    """Answer `GET /get-artifact`: a file of a run."""
    message = messages.from_query(page_messages.FileOfRun, asked.scope["query_string"])
    checks.required("run_id", message.run)
    await _send(asked, Place(message.run, "", _path(message.path)), message.path)


async def get_of_logged_model(asked: Exchange) -> None:
    """Answer `GET logged-models/{model}/artifacts/files`."""
    message = messages.from_query(page_messages.FileOfModel, asked.scope["query_string"])
    if not message.artifact_file_path:
        raise Refusal('Request must include the "artifact_file_path" query parameter.', "BAD_REQUEST")
    place = Place("", asked.names["model"], _path(message.artifact_file_path))
    await _send(asked, place, message.artifact_file_path)


async def get_of_version(asked: Exchange) -> None:
    """Answer `GET /model-versions/get-artifact`: a file of a registered version."""
    message = messages.from_query(page_messages.FileOfVersion, asked.scope["query_string"])
    checks.required("name", message.name)
    path, number = _path(message.path), checks.check_version(message.version)
    try:
        digest = await asyncio.to_thread(
            get_version_file, asked.workspace, shown=message.name, number=number, path=path
        )
    except (UnknownModel, UnknownVersion) as error:
        said = f"Model Version (name={message.name[:256]}, version={number}) not found"
        raise Refusal(said, MISSING) from error
    except FileNotThere as error:
        raise artifacts.not_there(path) from error
    await artifacts.send_file(asked.workspace, digest, path, asked.scope, asked.send)


async def put_of_run(asked: Exchange) -> None:
    """Answer `POST upload-artifact`: a small file of a run."""
    message = messages.from_query(page_messages.FileOfRun, asked.scope["query_string"])
    for name, given in (("run_uuid", message.run), ("path", message.path)):
        if not given:
            raise Refusal(f"Request must specify {name}.")
    if header(asked.scope, b"content-length") == "0":
        raise Refusal("Request must specify data.")
    place = Place(message.run, "", _path(message.path))
    try:
        await artifacts.upload(asked.workspace, place, asked.scope, asked.receive, UPLOAD_BYTES)
    except BodyTooLarge as error:
        raise Refusal("Artifact size is too large. Max size is 10MB.") from error
    await reply(asked.send, 200, b"{}")


async def _send(asked: Exchange, place: Place, path: str) -> None:
    await artifacts.download(asked.workspace, artifacts.checked(place), path, asked.scope, asked.send)


def _path(given: str) -> str:
    checks.required("path", given)
    return safe_path(given)
