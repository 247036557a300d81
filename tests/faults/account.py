"""What a campaign of faults came to, in one form for all kinds: a line of figures and a JSON file."""

import subprocess
from pathlib import Path
from typing import Any

import msgspec
from benchmarks.machine import describe


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign.

    Attributes:
        kind: which fault.
        command: what to type to have it again.
        seed: decides every choice of the campaign.
        machine: cores, kernel, file system, versions.
        figures: counts by name, the few that the line shows.
        problems: everything that did not hold; empty when all is well.
        skipped: why it could not be done here; empty when it was.
        details: whatever the kind keeps of each fault.
    """

    kind: str
    command: str
    seed: int
    wall_s: float
    machine: dict[str, Any]
    figures: dict[str, Any]
    problems: list[str]
    skipped: str = ""
    details: Any = None

    @property
    def line(self) -> str:
        """The figures in one line."""
        if self.skipped:
            return f"{self.kind}: SKIPPED, {self.skipped}"
        figures = ", ".join(f"{value} {name}" for name, value in self.figures.items())
        return f"{self.kind}: {figures}, {len(self.problems)} problems; {self.wall_s} s, seed {self.seed}"

    def write(self, path: Path) -> None:
        """Keep it, one indent, so that a change can be read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def machine_of(folder: Path) -> dict[str, Any]:
    """The machine, and the file system that the workspaces are on."""
    found = subprocess.run(
        ["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {**describe(), "file_system": found or "unknown"}
