"""Declaring remotes: a table more or less in the project file, which people edit too."""

import re
from pathlib import Path

from ropeway.remotes.errors import BadRemotePlace, RemoteThere, UnknownRemote
from ropeway.remotes.records import RemoteListed
from ropeway.store.files import publish, write_all
from ropeway.workspace import Project
from ropeway.workspace.errors import ProjectInvalid
from ropeway.workspace.project import PROJECT_FILE
from ropeway.workspace.project_file import load_project, parse_project

_HEADER = re.compile(r"\s*\[")


def add_remote(root: Path, name: str, url: str, *, endpoint: str | None = None) -> RemoteListed:
    """Put a table `[remote.NAME]` at the end of the project file, if the file is then sound.

    Raises:
        RemoteThere: there is one.
        BadRemotePlace: it cannot be declared so.
    """
    known = load_project(root).remote
    if name in known:
        raise RemoteThere(name, known[name].url)
    path = root / PROJECT_FILE
    before = path.read_text(encoding="utf-8")
    lines = [f"[remote.{name}]", f"url = {_quoted(url)}"]
    lines += [f"endpoint = {_quoted(endpoint)}"] if endpoint is not None else []
    text = before.rstrip("\n") + "\n\n" + "\n".join(lines) + "\n"
    try:
        made = parse_project(text, path).remote.get(name)
    except ProjectInvalid as error:
        raise BadRemotePlace(name, _reason(error)) from error
    if made is None:
        raise BadRemotePlace(name, "a name is lower-case letters, digits, '_' or '-'")
    _write(path, text)
    return RemoteListed(name=name, url=made.url, endpoint=made.endpoint)


def remove_remote(root: Path, name: str) -> RemoteListed:
    """Take the table `[remote.NAME]` out of the project file. What lies there stays.

    Raises:
        UnknownRemote: there is none.
        BadRemotePlace: it is not written as a table of its own.
    """
    known = load_project(root).remote
    if name not in known:
        raise UnknownRemote(name, known)
    path = root / PROJECT_FILE
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    header = re.compile(rf"\s*\[\s*remote\s*\.\s*(?:{name}|\"{name}\"|'{name}')\s*\]\s*(#.*)?")
    start = next((at for at, line in enumerate(lines) if header.fullmatch(line.rstrip("\n"))), None)
    if start is None:
        raise BadRemotePlace(name, f"take it out of {PROJECT_FILE} by hand: it has no table of its own there")
    end = next((at for at in range(start + 1, len(lines)) if _HEADER.match(lines[at])), len(lines))
    text = "".join([*lines[:start], *lines[end:]]).rstrip("\n") + "\n"
    left = parse_project(text, path)
    assert _same_but(left, load_project(root), name), "taking a table out takes nothing else"
    _write(path, text)
    return RemoteListed(name=name, url=known[name].url, endpoint=known[name].endpoint)


def _same_but(after: Project, before: Project, name: str) -> bool:
    return after.remote == {each: place for each, place in before.remote.items() if each != name}


def _quoted(text: str) -> str:
    """As a basic string of TOML."""
    import json

    return json.dumps(text, ensure_ascii=False)


def _reason(error: ProjectInvalid) -> str:
    return error.what.partition(": ")[2].rstrip(".")


def _write(path: Path, text: str) -> None:
    """In its place, whole or not at all; a link leads to the file that is meant."""
    target = path.resolve()
    mode = target.stat().st_mode & 0o777
    publish(
        target,
        target.parent,
        lambda descriptor: write_all(descriptor, text.encode()),
        durable=True,
        mode=mode,
    )
