"""What git calls uncommitted, as text beside a run: the diff of tracked files, the names of untracked ones.

The files themselves are in the run's code snapshot; this is for reading. What the snapshot leaves out as
secret is left out here too, and so is what is long.
"""

from pathlib import Path, PurePosixPath

from ropeway.tracking.snapshot import git_output, may_hold_secret

NAME = "git/uncommitted.diff"
LIMIT_BYTES = 1 << 20
"""A longer diff is cut, and says so."""
NAMED = 200
"""So many untracked files are named."""


def uncommitted(root: Path) -> str:
    """The diff of uncommitted work; empty without git, or where nothing differs from the last commit."""
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return ""
    changed = _names(git_output(root, "diff", "--name-only", "-z", "--relative", "HEAD", "--", "."))
    untracked = _names(git_output(root, "ls-files", "-z", "--others", "--exclude-standard", "--", "."))
    shown = [name for name in changed if not may_hold_secret(PurePosixPath(name))]
    hidden = sorted({*changed, *untracked} - {*shown, *untracked})
    parts = []
    if shown:
        words = ("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--relative", "HEAD", "--", *shown)
        parts.append(_cut(git_output(root, *words) or b""))
    if hidden:
        parts.append("# not shown, since they may hold a secret:\n" + _listed(hidden))
    if untracked:
        parts.append("# untracked:\n" + _listed(untracked))
    return "\n".join(parts)


def _names(output: bytes | None) -> list[str]:
    return [name.decode(errors="replace") for name in (output or b"").split(b"\0") if name]


def _listed(names: list[str]) -> str:
    lines = [f"#   {name!r}\n" if not name.isprintable() else f"#   {name}\n" for name in names[:NAMED]]
    more = [f"#   and {len(names) - NAMED:,} more\n"] if len(names) > NAMED else []
    return "".join(lines + more)


def _cut(diff: bytes) -> str:
    if len(diff) <= LIMIT_BYTES:
        return diff.decode(errors="replace")
    kept = diff[:LIMIT_BYTES].decode(errors="ignore")
    return f"{kept}\n# cut here: the diff has {len(diff):,} bytes\n"
