"""For tests, ours and those of projects: a clock that one sets, and a workspace to try things in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ropeway.core.clock import Clock
from ropeway.workspace import LocalWorkspace

MINIMAL_PROJECT = '[project]\nname = "trial"\n'


class FixedClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """The time it was set to."""
        return self._now

    def advance(self, *, seconds: float) -> None:
        """Move it, backwards too."""
        self._now += timedelta(seconds=seconds)


_: Clock = FixedClock()


def make_workspace(
    folder: Path,
    *,
    toml: str = MINIMAL_PROJECT,
    files: dict[str, str] | None = None,
    actor: str = "ana",
    clock: Clock | None = None,
) -> LocalWorkspace:
    """A project in `folder` with the files given, and its workspace, opened."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ropeway.toml").write_text(toml, encoding="utf-8")
    for name, content in (files or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return LocalWorkspace(folder, actor=actor, clock=clock)
