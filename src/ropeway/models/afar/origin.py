"""Where a client says that a version comes from, and which files of ours that means. Nothing is opened."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from sqlalchemy import Connection

from ropeway.core.ids import Digest
from ropeway.tracking.afar.files import all_files
from ropeway.tracking.afar.runs import row_of

_LOGGED = re.compile(r"models:/(m-[0-9a-f]{32})")
_OF_MODEL = re.compile(r"mlflow-artifacts:/.*?models/(m-[0-9a-f]{32})/artifacts/?(.*)")
_OF_RUN = re.compile(r"mlflow-artifacts:/.*?([0-9a-f]{32})/artifacts/?(.*)")
_RUNS = re.compile(r"runs:/([0-9a-f]{32})/?(.*)")


class Origin(NamedTuple):
    """The files, and the run or the logged model they are of; nothing where they are not here."""

    files: dict[str, Digest]
    run: str = ""
    model: str = ""


def files_of(read: Connection, origin: str) -> Origin:
    """The files that an origin means."""
    if found := _LOGGED.fullmatch(origin):
        return Origin(all_files(read, model=found[1]), model=found[1])
    if found := _OF_MODEL.fullmatch(origin):
        return Origin(_under(all_files(read, model=found[1]), found[2]), model=found[1])
    if found := _RUNS.fullmatch(origin) or _OF_RUN.fullmatch(origin):
        row = row_of(read, found[1])
        files = {} if row is None else all_files(read, run=row.id)
        return Origin(_under(files, found[2]), run=found[1] if row is not None else "")
    return Origin({})


def _under(files: dict[str, Digest], path: str) -> dict[str, Digest]:
    folder = unquote(path).strip("/")
    if not folder:
        return files
    cut = len(folder) + 1
    return {name[cut:]: digest for name, digest in files.items() if name.startswith(f"{folder}/")}
