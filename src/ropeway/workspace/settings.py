"""What every table of the project file is made of. The tables: `workspace.project`, `workspace.tables`."""

import math
from datetime import timedelta

import msgspec

from ropeway.core.duration import parse_duration

Scalar = bool | int | float | str
"""What a parameter of a run may be."""
LARGEST = 2**53
"""Whole numbers from here on are not exact as JSON."""
LONGEST = timedelta(days=36_525)
"""No length of time in the settings is longer: a moment so far from now may not be a date."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the project file. Unknown keys are refused, and so is what TOML lets be nan or inf."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            _check_numbers(f"`{name}`", getattr(self, name))


def _check_numbers(name: str, value: object) -> None:
    """Refuse nan, inf, and whole numbers that are not exact everywhere, however deep in a setting."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} is {value}, which is no number that can be meant")
    if isinstance(value, int) and abs(value) >= LARGEST:
        raise ValueError(f"{name} is too large to be meant")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_numbers(f"{name} of '{key}'", inner)
    if isinstance(value, list):
        for inner in value:
            _check_numbers(name, inner)


def check_durations(settings: Settings, *names: str) -> None:
    """Refuse what is no length of time, too long for a date, or nothing where nothing means nothing."""
    for name in names:
        try:
            length = parse_duration(getattr(settings, name))
        except ValueError as error:
            raise ValueError(f"`{name}`: {error}") from error
        if name not in ("settle", "cooldown") and not length:
            raise ValueError(f"`{name}` must be longer than nothing")
        if length > LONGEST:
            raise ValueError(f"`{name}` must be at most 36,525 days, which is a hundred years")
