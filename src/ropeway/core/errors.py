"""Every error that a user may see, as families; rooms subclass them in their own `errors.py`.

    RopewayError
    ├── Invalid        422   input that cannot be accepted as it is
    │   └── TooLarge   413   input over a limit
    ├── NotFound       404   a name or reference that nothing answers to
    ├── Conflict       409   the state of things does not allow it now
    ├── Refused        403   a rule of the project or a permission says no
    ├── Failed         500   the user's own code raised
    ├── Damaged        500   bytes on disk are not what they were
    └── Unavailable    503   something needed is not there now

The `code` of a class is stable for ever and is the same in the CLI, the API and the UI.
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class RopewayError(Exception):
    """What failed, what was expected, and the next step.

    Args:
        what: what failed, with names and values in quotes.
        expected: what would have been right; may be empty.
        next_step: what to do now, ideally a command to paste; may be empty.
        facts: the values behind the message, for machines.
    """

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, expected: str = "", next_step: str = "", **facts: object) -> None:
        super().__init__(what)
        self.what = what
        self.expected = expected
        self.next_step = next_step
        self.facts = facts

    def __str__(self) -> str:
        lines = [self.what]
        if self.expected:
            lines.append(f"expected {self.expected}")
        if self.next_step:
            lines.append(f"next: {self.next_step}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """The error as the API and `--json` show it."""
        return {
            "code": self.code,
            "what": self.what,
            "expected": self.expected,
            "next_step": self.next_step,
            "facts": self.facts,
        }


class Invalid(RopewayError):
    """Input that cannot be accepted as it is."""

    code = "invalid"
    http_status = 422
    exit_code = 2


class TooLarge(Invalid):
    """Input over a limit."""

    code = "too-large"
    http_status = 413


class NotFound(RopewayError):
    """A name or reference that nothing answers to.

    Args:
        kind: what was looked for, in words ("dataset").
        name: the name as given.
        known: the names that exist, for "did you mean".
        next_step: what to do now.
    """

    code = "not-found"
    http_status = 404
    exit_code = 4

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), *, next_step: str = "") -> None:
        known = sorted(set(known))
        expected = "one of " + ", ".join(known[:12]) if known else ""
        super().__init__(
            f"There is no {kind} '{name}'.{did_you_mean(name, known)}",
            expected=expected,
            next_step=next_step,
            kind=kind,
            name=name,
        )


class Conflict(RopewayError):
    """The state of things does not allow it now."""

    code = "conflict"
    http_status = 409
    exit_code = 3


class Refused(RopewayError):
    """A rule of the project or a permission says no."""

    code = "refused"
    http_status = 403
    exit_code = 3


class Failed(RopewayError):
    """The user's own code raised, or work could not be done."""

    code = "failed"


class Damaged(RopewayError):
    """Bytes on disk are not what they were."""

    code = "damaged"
    exit_code = 5


class Unavailable(RopewayError):
    """Something needed is not there now; trying again may help."""

    code = "unavailable"
    http_status = 503
    exit_code = 6


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` when a known name is close, else an empty string."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{matches[0]}'?" if matches else ""
