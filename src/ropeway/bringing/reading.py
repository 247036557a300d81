"""What lies in the folders of a file store, read within bounds: no link is followed, and nothing ends it.

What cannot be read is noted and passed over: one file that is damaged does not keep the rest from coming.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ropeway.core.plain_yaml import read_yaml

META = "meta.yaml"
LARGEST_BYTES = 16 << 20
"""No param, tag or `meta.yaml` has more."""
LONGEST_LINE = 1 << 16
"""No point takes more characters."""
UNREADABLE = (OSError, ValueError)


class Reading:
    """Reads the files of one store.

    Args:
        root: the store's folder, by which what cannot be read is named.

    Attributes:
        damaged: what could not be read, in sentences, each once.
        large: params and tags that are larger than any.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.damaged: dict[str, None] = {}
        self.large: set[Path] = set()

    def children(self, folder: Path) -> list[Path]:
        """The folders in a folder, without links: those may lead anywhere."""
        if not folder.is_dir() or folder.is_symlink():
            return []
        try:
            with os.scandir(folder) as entries:
                return sorted(Path(each) for each in entries if each.is_dir(follow_symlinks=False))
        except OSError as error:
            self._note(folder, error)
            return []

    def meta(self, folder: Path) -> Mapping[str, Any] | None:
        """What the `meta.yaml` of a folder says; None where there is none, or none that can be read."""
        path = folder / META
        if path.is_symlink() or not path.is_file():
            return None
        try:
            told = read_yaml(self._read(path), LARGEST_BYTES)
            if not isinstance(told, dict):
                raise ValueError("it says nothing")  # noqa: TRY004  nobody's code is wrong: a file is
        except UNREADABLE as error:
            self._note(path, error)
            return None
        return told

    def names(self, folder: Path) -> list[str]:
        """The files under a folder; a name with a slash is a file in a folder."""
        if not folder.is_dir() or folder.is_symlink():
            return []
        found: list[str] = []
        waiting = [""]
        while waiting:
            inner = waiting.pop()
            try:
                with os.scandir(folder / inner) as entries:
                    for each in entries:
                        name = f"{inner}/{each.name}".lstrip("/")
                        if each.is_dir(follow_symlinks=False):
                            waiting.append(name)
                        elif each.is_file(follow_symlinks=False):
                            found.append(name)
            except OSError as error:
                self._note(folder / inner, error)
        return sorted(found)

    def words(self, folder: Path) -> dict[str, str]:
        """The texts of the files under a folder, by name."""
        found = {}
        for name in self.names(folder):
            try:
                raw = self._read(folder / name)
            except OSError as error:
                self._note(folder / name, error)
                continue
            if len(raw) > LARGEST_BYTES:
                self.large.add(folder / name)
            else:
                found[name] = raw.decode("utf-8", errors="replace")
        return found

    def lines(self, path: Path) -> Iterator[str]:
        """The lines of a file, up to the first that is longer than a point can be."""
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                while line := file.readline(LONGEST_LINE):
                    if len(line) == LONGEST_LINE and not line.endswith("\n"):
                        raise ValueError(f"a line has more than {LONGEST_LINE:,} characters")
                    if line.strip():
                        yield line
        except UNREADABLE as error:
            self._note(path, error, "; what stood before it has come")

    def _read(self, path: Path) -> bytes:
        with path.open("rb") as file:
            return file.read(LARGEST_BYTES + 1)

    def _note(self, path: Path, error: Exception, rest: str = "") -> None:
        said = (isinstance(error, OSError) and error.strerror) or str(error)
        self.damaged[f"{path.relative_to(self._root)} cannot be read: {said}{rest}"] = None
