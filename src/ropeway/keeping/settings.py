"""`[retention]`: what of the past may be thrown away; without it, nothing that anything refers to."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from ropeway.core.duration import parse_duration
from ropeway.workspace import Project
from ropeway.workspace.mistakes import explain
from ropeway.workspace.project import PROJECT_FILE
from ropeway.workspace.settings import Settings

SHORTEST = timedelta(days=1)


class Retention(Settings, frozen=True, kw_only=True):
    """`[retention]`: how long bytes are kept that nothing in use came from.

    Whatever is said here, what is live, approved or on its way there, what it came from, and what is held
    stays.

    Attributes:
        dataset_versions: how many versions of each dataset stay, counted from the newest.
        failed_runs: how long the points and artifacts of runs that failed or were interrupted stay.
        superseded_runs: likewise of finished runs, once a later one of that name has finished.
        candidates: how long versions stay that were never promoted, from their last move on.
        retired: likewise those whose time is over.
    """

    dataset_versions: int | None = None
    failed_runs: str | None = None
    superseded_runs: str | None = None
    candidates: str | None = None
    retired: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dataset_versions is not None and self.dataset_versions < 1:
            raise ValueError("`dataset_versions` must be at least 1")
        for name in ("failed_runs", "superseded_runs", "candidates", "retired"):
            text = getattr(self, name)
            try:
                length = SHORTEST if text is None else parse_duration(text)
            except ValueError as error:
                raise ValueError(f"`{name}`: {error}") from error
            if length < SHORTEST:
                raise ValueError(f"`{name}` is {text}; a day is the least")

    @property
    def gives_up_nothing(self) -> bool:
        """Whether no policy is set."""
        return self == Retention()

    def length(self, name: str) -> timedelta | None:
        """One of the lengths of time; None where it is not set."""
        text = getattr(self, name)
        return None if text is None else parse_duration(text)


class _File(msgspec.Struct):
    """The project file as far as this room reads it: errors then name the table."""

    retention: Retention = Retention()


def retention_of(project: Project, root: Path) -> Retention:
    """What the project file says.

    Raises:
        ProjectInvalid: a setting is unknown or mistyped.
    """
    return read_retention(project.retention, root)


def read_retention(table: Mapping[str, Any], root: Path) -> Retention:
    """The settings of a table; the file in `root` is named in errors."""
    try:
        return msgspec.convert({"retention": dict(table)}, _File).retention
    except msgspec.ValidationError as error:
        path = root / PROJECT_FILE
        text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        raise explain(path, text, str(error), _File) from error
