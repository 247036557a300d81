"""Collecting findings: the same thing wrong with events that follow each other is one finding."""

import msgspec

from ropeway.keeping.audit.records import About, AuditFinding


class Findings:
    """What was found so far, in the order in which it was."""

    def __init__(self) -> None:
        self._found: list[AuditFinding] = []
        self._last: dict[tuple[About, str], int] = {}

    def add(self, about: About, what: str, seq: int | None = None, through: int | None = None) -> None:
        """One more; `what` has no numbers in it where several may follow each other."""
        place = self._last.get((about, what))
        if place is not None and seq is not None and self._found[place].through == seq - 1:
            self._found[place] = msgspec.structs.replace(self._found[place], through=through or seq)
            return
        self._last[about, what] = len(self._found)
        self._found.append(AuditFinding(about=about, what=what, seq=seq, through=through or seq))

    def all(self) -> list[AuditFinding]:
        """Every finding."""
        return list(self._found)
