"""What the doctor says of one thing: how it is, and what to do about it."""

from datetime import timedelta
from typing import Literal

import msgspec

Verdict = Literal["ok", "warn", "fail"]
Part = Literal["machine", "ledger", "workspace", "elsewhere"]
PARTS: tuple[Part, ...] = ("machine", "ledger", "workspace", "elsewhere")
"""In the order in which one looks."""


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        part: of what it is.
        name: what was looked at.
        verdict: `ok`; `warn`: it works, and may one day not; `fail`: something is or will be lost.
        says: what was found.
        next_step: what to do about it; empty where there is nothing to do.
    """

    part: Part = "machine"
    name: str
    verdict: Verdict
    says: str
    next_step: str = ""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """All signs, in the order in which one looks."""

    signs: list[Sign]

    @property
    def verdict(self) -> Verdict:
        """The worst of them."""
        found = {sign.verdict for sign in self.signs}
        return "fail" if "fail" in found else "warn" if "warn" in found else "ok"


def ago(length: timedelta) -> str:
    """How long ago, in the unit that fits."""
    seconds = max(0.0, length.total_seconds())
    for many, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= many:
            count = int(seconds // many)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
