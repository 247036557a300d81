"""Text for a terminal: whatever people called their things, it only says so, and moves or colours nothing."""

_REPLACED = "\N{REPLACEMENT CHARACTER}"
# C0 but tab and newline, DEL and C1 are orders to a terminal; the rest turns the direction of what follows.
_ORDERS = [*range(9), *range(11, 32), *range(127, 160), 0x061C, 0x200E, 0x200F]
_TURNS = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_TABLE = dict.fromkeys(_ORDERS + _TURNS, _REPLACED)


def plain(text: str) -> str:
    """The text without characters that a terminal would obey; each is shown as one that cannot be."""
    return text if text.isprintable() else text.translate(_TABLE)
