"""One encoding under way: whose types may be in it, the digest of what was met, and why there may be none."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import blake3

if TYPE_CHECKING:
    from ropeway.pipelines.code import Code

Node = Any  # what MessagePack holds: None, bool, int, float, str, bytes, or {"k": kind, …}


class NoFormat(Exception):
    """A value that has no safe form; the text says why."""


@dataclass(slots=True)
class Trust:
    """Whose types may be loaded: skops' own, the reviewed list, and these."""

    extra: tuple[str, ...] = ()
    code: "Code | None" = None
    """The project's own code, whose classes a value may hold."""


@dataclass(slots=True)
class Writing:
    """One encoding: a running digest and what was met."""

    trust: Trust
    hasher: Any = field(default_factory=blake3.blake3)
    has_project_types: bool = False

    def note(self, *parts: bytes | str) -> None:
        """Count this as part of what the value holds."""
        for part in parts:
            raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            # Length first: ("ab", "c") and ("a", "bc") must differ.
            self.hasher.update(len(raw).to_bytes(8, "little"))
            self.hasher.update(raw)
