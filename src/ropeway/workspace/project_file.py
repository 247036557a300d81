"""Reading `ropeway.toml`: from its text to settings, or to the mistake in it with its line."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from ropeway.workspace.errors import ProjectInvalid, ProjectNotFound
from ropeway.workspace.mistakes import explain, explain_syntax
from ropeway.workspace.project import PROJECT_FILE, Project


def load_project(root: Path) -> Project:
    """The project file of a folder, as it stands now.

    Raises:
        ProjectNotFound: the folder has none.
        ProjectInvalid: it is not sound TOML, or a setting is unknown, missing or mistyped.
    """
    path = root / PROJECT_FILE
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise ProjectNotFound(root) from error
    return _load(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _load(path: Path, _changed_ns: int, _size: int) -> Project:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProjectInvalid(path, None, "it is not UTF-8 text") from error
    return parse_project(text, path)


def parse_project(text: str, path: Path) -> Project:
    """A project from the text of its file; `path` is named in errors."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise explain_syntax(path, text, str(error)) from error
    _flatten_params(data)
    try:
        return msgspec.convert(data, Project)
    except msgspec.ValidationError as error:
        raise explain(path, text, str(error), Project) from error


def _flatten_params(data: dict[str, Any]) -> None:
    """`[params.classifier] c = 1` says the same as `"classifier.c" = 1`."""
    params = data.get("params")
    if not isinstance(params, dict):
        return
    for name, value in list(params.items()):
        if isinstance(value, dict):
            del params[name]
            params.update({f"{name}.{inner}": scalar for inner, scalar in value.items()})
