"""What an answer does not tell: where on its machine the project and its owner's files lie.

Errors are made for whoever sits before the files, and name them in full. Over HTTP the reader is elsewhere.
"""

from pathlib import Path
from typing import Any

from ropeway.core.errors import RopewayError


def discreet(error: RopewayError, root: Path) -> RopewayError:
    """The same error, its paths told from the project's folder on.

    Args:
        error: as it was raised.
        root: the project's folder.
    """
    told = type(error).__new__(type(error))
    told.__dict__.update(error.__dict__)
    told.what, told.expected, told.next_step = (
        _without(root, text) for text in (error.what, error.expected, error.next_step)
    )
    told.facts = {name: _without(root, value) for name, value in error.facts.items()}
    return told


def _without(root: Path, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_without(root, each) for each in value]
    if not isinstance(value, str | Path):
        return value
    text = str(value)
    for folder, instead in ((root.resolve(), "."), (root.absolute(), "."), (Path.home(), "~")):
        # A folder so short (`/`) is in every path, and says nothing.
        if len(folder.parts) > 1:
            text = text.replace(f"{folder}/", "" if instead == "." else f"{instead}/")
            text = text.replace(str(folder), instead)
    return text
