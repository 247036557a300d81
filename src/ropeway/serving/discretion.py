"""What an answer does not tell: where the project, its owner's files and its database lie.

Errors are made for whoever sits before the files, and name them in full. Over HTTP the reader is elsewhere.
"""

import re
from pathlib import Path
from typing import Any

from ropeway.core.errors import RopewayError

_DATABASE = (
    (re.compile(r"postgres(?:ql)?(?:\+\w+)?://[^\s'\"]+"), "PostgreSQL"),
    (re.compile(r'server at "[^"]*"(?: \([^)]*\))?, port \d+'), "its server"),
    (re.compile(r'(user|database|role) "[^"]*"'), r"its \1"),
)


def discreet(error: RopewayError, root: Path) -> RopewayError:
    """The same error, its paths told from the project's folder on, its database as such.

    Args:
        error: as it was raised.
        root: the project's folder.
    """
    told = type(error).__new__(type(error))
    told.__dict__.update(error.__dict__)
    folders = ((root.resolve(), "."), (root.absolute(), "."), (Path.home(), "~"))
    told.what, told.expected, told.next_step = (
        _without(folders, text) for text in (error.what, error.expected, error.next_step)
    )
    told.facts = {name: _without(folders, value) for name, value in error.facts.items()}
    return told


def _without(folders: tuple[tuple[Path, str], ...], value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_without(folders, each) for each in value]
    if not isinstance(value, str | Path):
        return value
    text = str(value)
    for folder, instead in folders:
        # A folder so short (`/`) is in every path, and says nothing.
        if len(folder.parts) > 1:
            text = text.replace(f"{folder}/", "" if instead == "." else f"{instead}/")
            text = text.replace(str(folder), instead)
    for place, instead in _DATABASE:
        text = place.sub(instead, text)
    return text
