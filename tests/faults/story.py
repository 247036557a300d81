"""What a child said it began and what it said was done: the oracle's memory, kept outside the workspace.

A line is written before an operation begins and after it returned. What has both was acknowledged and must be
there exactly once; what has only the first was in flight, and must be there whole or not at all.
"""

import os
from pathlib import Path
from typing import Any

import msgspec


class Story:
    """The acknowledgements of all children that worked in one workspace, in one file, synced line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # Taken before probes are put on: the oracle's own writes are no part of what is tested.
        self._write, self._fsync = os.write, os.fsync

    def begin(self, token: str) -> None:
        """An operation is about to begin."""
        self._add({"begun": token})

    def acknowledge(self, token: str, answer: object) -> None:
        """The operation returned this."""
        self._add({"done": token, "answer": answer})

    def begun(self) -> list[str]:
        """The tokens of everything that began, oldest first."""
        return [line["begun"] for line in self._lines() if "begun" in line]

    def acknowledged(self) -> dict[str, Any]:
        """Token → answer of everything that returned."""
        return {line["done"]: line["answer"] for line in self._lines() if "done" in line}

    def in_flight(self) -> list[str]:
        """The tokens of what began and did not return."""
        acknowledged = self.acknowledged()
        return [token for token in self.begun() if token not in acknowledged]

    def length(self) -> int:
        """How long it is by now: what is acknowledged later stands behind."""
        return self._path.stat().st_size

    def disown(self, length: int) -> None:
        """Nothing that was acknowledged behind that length counts; what began there may be there or not."""
        told = self._path.read_bytes()
        begun = [line for line in told[length:].splitlines(keepends=True) if line.startswith(b'{"begun"')]
        self._path.write_bytes(told[:length] + b"".join(begun))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _add(self, line: dict[str, object]) -> None:
        self._write(self._descriptor, msgspec.json.encode(line) + b"\n")
        self._fsync(self._descriptor)

    def _lines(self) -> list[dict[str, Any]]:
        # A line that the kill cut short acknowledges nothing.
        whole = self._path.read_bytes().rpartition(b"\n")[0]
        return [msgspec.json.decode(line) for line in whole.splitlines()]
