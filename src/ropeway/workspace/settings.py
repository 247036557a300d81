"""What every table of the project file is: unknown keys and numbers that nobody can mean are refused."""

import math

import msgspec

LARGEST = 2**53
"""Whole numbers from here on are not exact as JSON."""


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
