"""Errors that came over the wire, as what they were: the same class, by its code.

Where no class here has the code, the server's words stand in an error of their own.
"""

import re
from typing import Any

import msgspec

from ropeway.core.errors import (
    Conflict,
    Damaged,
    Failed,
    Invalid,
    NotFound,
    Refused,
    RopewayError,
    Unavailable,
)
from ropeway.workspace import rooms
from ropeway.workspace.errors import ServerRefusal

LONGEST = 20_000
"""Characters of a sentence that are shown, whoever wrote it."""

# A server's words reach a terminal: nothing in them may move its cursor or change its title.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_FAMILIES = (Invalid, NotFound, Conflict, Refused, Failed, Damaged, Unavailable)


class Told(msgspec.Struct, frozen=True):
    """An error as every face of Ropeway shows it."""

    code: str
    what: str
    expected: str = ""
    next_step: str = ""
    facts: dict[str, Any] = {}


def error_of(told: Told, http_status: int = 500) -> RopewayError:
    """The error that a server told of, to be raised here."""
    found = _class_of(told.code)
    if found is None:
        # Its room may not have been needed yet.
        rooms.load_operations()
        found = _class_of(told.code)
    # Its own words were made where the facts were; the class's __init__ would make them anew, without.
    error = RopewayError.__new__(found or ServerRefusal)
    facts = {_plain(name): value for name, value in told.facts.items()}
    RopewayError.__init__(error, _plain(told.what))
    error.expected, error.next_step, error.facts = _plain(told.expected), _plain(told.next_step), facts
    if found is None:
        family = next((each for each in _FAMILIES if each.http_status == http_status), RopewayError)
        # Said of this one error: its class has no code but that of not knowing it.
        error.code = _plain(told.code)[:80]  # type: ignore[misc]
        error.http_status, error.exit_code = http_status, family.exit_code  # type: ignore[misc]
    return error


def _class_of(code: str) -> type[RopewayError] | None:
    waiting: list[type[RopewayError]] = [RopewayError]
    while waiting:
        each = waiting.pop()
        # A subclass that declares none has its parent's; the parent is meant.
        if each.__dict__.get("code") == code:
            return each
        waiting += each.__subclasses__()
    return None


def _plain(text: str) -> str:
    return _CONTROL.sub("�", text[:LONGEST])
