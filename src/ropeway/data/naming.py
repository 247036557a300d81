"""What a dataset may be called: a name that is no path, since files are called after it."""

import re

from ropeway.core.ids import DatasetName
from ropeway.data.errors import BadName

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def check_name(name: str) -> DatasetName:
    """The name, if it can be a dataset's.

    Raises:
        BadName: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise BadName(name)
    return DatasetName(name)
