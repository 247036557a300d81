"""Collecting findings: the same thing wrong with events that follow each other is one finding."""

from ropeway.keeping.audit.records import About, AuditFinding


class Findings:
    """What was found so far, in the order in which it was."""

    def __init__(self) -> None:
        self._found: list[AuditFinding] = []

    def add(self, about: About, what: str, seq: int | None = None, through: int | None = None) -> None:
        """One more; `what` has no numbers in it where several may follow each other."""
        last = self._found[-1] if self._found else None
        if (
            last is not None
            and seq is not None
            and (last.about, last.what) == (about, what)
            and last.through == seq - 1
        ):
            self._found[-1] = AuditFinding(about=about, what=what, seq=last.seq, through=through or seq)
        else:
            self._found.append(AuditFinding(about=about, what=what, seq=seq, through=through or seq))

    def all(self) -> list[AuditFinding]:
        """Every finding."""
        return list(self._found)

    def __bool__(self) -> bool:
        return bool(self._found)
