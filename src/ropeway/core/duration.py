"""Lengths of time as people write them in settings: `30s`, `15m`, `6h`, `1d`, `2w`."""

import re
from datetime import timedelta

_FORM = re.compile(r"([0-9]{1,6})(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_duration(text: str) -> timedelta:
    """The length of time that a text says.

    Raises:
        ValueError: it is of another form.

    Example:
        >>> parse_duration("36h")
        datetime.timedelta(days=1, seconds=43200)
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is no length of time; write 30s, 15m, 6h, 1d or 2w")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def duration_text(length: timedelta) -> str:
    """A length of time in its largest whole unit.

    Example:
        >>> duration_text(timedelta(hours=36)), duration_text(timedelta(days=14))
        ('36h', '2w')
    """
    seconds = round(length.total_seconds())
    for unit in ("w", "d", "h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"
