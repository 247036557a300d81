"""What can go wrong with erasing.

Refused  └── HeldFast        Conflict └── NobodyAlone
NotFound ├── NothingErasable · PersonNotFound · NoSuchErasure
Invalid  └── BadSubject
"""

from collections.abc import Iterable

from ropeway.core.errors import Conflict, Invalid, NotFound, Refused


class HeldFast(Refused):
    """What is to go is under a hold, or something that is under a hold came from it."""

    code = "held-fast"

    def __init__(self, holds: Iterable[str]) -> None:
        found = sorted(holds)
        super().__init__(
            f"Nothing was erased: {', '.join(found[:5])} must stay"
            + (f", and {len(found) - 5} more" if len(found) > 5 else "")
            + ".",
            expected="nothing of it under a hold",
            next_step="ropeway hold list; then ropeway hold release HOLD --reason WHY, if it may be released",
            holds=found,
        )


class NothingErasable(NotFound):
    """There is nothing that could be erased as asked."""

    code = "nothing-erasable"

    def __init__(self, what: str, next_step: str = "ropeway erase list   shows what was erased") -> None:
        super().__init__("something to erase:", what, next_step=next_step)


class PersonNotFound(NotFound):
    """Nobody here has that name or id."""

    code = "person-not-found"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("person", name, known, next_step="ropeway log   shows who did what")


class NobodyAlone(Conflict):
    """Several people have one name."""

    code = "several-people"

    def __init__(self, name: str, ids: Iterable[str]) -> None:
        super().__init__(
            f"Several people are called '{name}'.",
            expected="one of their ids: " + ", ".join(sorted(ids)),
            next_step="ropeway erase person ID",
        )


class NoSuchErasure(NotFound):
    """No certificate has that id."""

    code = "no-such-erasure"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("erasure", name, known, next_step="ropeway erase list")


class BadSubject(Invalid):
    """It is not clear whose rows are to go."""

    code = "bad-subject"

    def __init__(self, what: str, expected: str) -> None:
        super().__init__(what, expected=expected, next_step="ropeway erase rows DATASET --where COLUMN=VALUE")
