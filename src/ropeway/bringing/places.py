"""Where the files of a local store lie: under its own folders, whatever its records say.

A record that names a place elsewhere on this machine is not followed: a store may come from anybody, and what
is brought over can be downloaded by whoever may read runs. No link is followed either.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ropeway.bringing.errors import OutOfReach
from ropeway.bringing.told import Owner, ToldFile

PROXY = "mlflow-artifacts"
MOST_FILES = 1_000_000


class Places:
    """The folders in which a store's files may lie."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = [root.resolve() for root in roots]

    def files(self, owner: Owner) -> list[ToldFile]:
        """The files of an owner, by name.

        Raises:
            OutOfReach: they lie elsewhere.
        """
        home = self.home(owner)
        if home is None:
            return []
        found: list[ToldFile] = []
        for folder, names, files in os.walk(home, followlinks=False):
            names.sort()
            for name in sorted(files):
                path = Path(folder, name)
                found.append(ToldFile(path.relative_to(home).as_posix(), path.lstat().st_size))
            if len(found) > MOST_FILES:
                raise OutOfReach(f"more than {MOST_FILES:,} files")
        return found

    def path(self, owner: Owner, file: ToldFile) -> Path:
        """Where a file lies, which is a plain one and no link on its way.

        Raises:
            OutOfReach: it is not.
        """
        home = self.home(owner)
        path = None if home is None else home / file.path
        if path is None or not self._is_inside(path.resolve()) or path.resolve() != path:
            raise OutOfReach("a link leads to it")
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OutOfReach("it is no plain file")
        return path

    def home(self, owner: Owner) -> Path | None:
        """The folder of an owner's files; None where there is none, so that it has no files.

        Raises:
            OutOfReach: its record names a place that is none of the store's.
        """
        told = self._told(owner.location)
        # What a store that was moved, or one behind a server, calls it: the end of the path is the same.
        middle = (owner.id,) if owner.kind == "run" else ("models", owner.id)
        usual = Path(owner.experiment, *middle, "artifacts")
        named = Path(*[part for part in Path(told).parts if part != os.sep])
        # A record that names none means the usual one, and not all that there is.
        is_usual = not told or named.parts[-len(usual.parts) :] == usual.parts
        choices = [Path(told)] if Path(told).is_absolute() else [root / told for root in self.roots if told]
        choices += [root / usual for root in self.roots] if is_usual else []
        inside = [each.resolve() for each in choices if self._is_inside(each.resolve())]
        if not inside:
            raise OutOfReach(f"its files are at {owner.location[:200]}, outside of the store")
        return next((each for each in inside if each.is_dir()), None)

    def _told(self, location: str) -> str:
        """The path that a location means.

        Raises:
            OutOfReach: it is none of this machine.
        """
        parts = urlsplit(location)
        if not parts.scheme:
            return location
        if parts.scheme == PROXY:
            return unquote(parts.path).lstrip("/")
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            return unquote(parts.path)
        raise OutOfReach(f"its files are at {location[:200]}, which is not opened")

    def _is_inside(self, path: Path) -> bool:
        return any(path.is_relative_to(root) for root in self.roots)
