"""YAML of anybody's, read as plain data: never deeper, and never larger once it is unfolded, than it may be.

A few hundred bytes of aliases stand for gigabytes, and a few thousand brackets end the process of who follows
them. So the events are gone through first, which takes neither.
"""

from typing import Any

DEEPEST = 64
UNFOLDED_TIMES = 2
"""So many times its limit may a document have once each alias is what it stands for."""


def read_yaml(raw: bytes, largest_bytes: int) -> Any:
    """What a document says.

    Raises:
        ValueError: it is no YAML, or larger or deeper than it may be.
    """
    import yaml

    if len(raw) > largest_bytes:
        raise ValueError(f"it has more than {largest_bytes:,} bytes")
    # The safe loader; the one in C, where it is there, is many times faster.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check(raw, loader, largest_bytes * UNFOLDED_TIMES)
        return loader(raw).get_single_data()
    except (yaml.YAMLError, RecursionError, TypeError, LookupError, AttributeError) as error:
        raise ValueError(f"it is not YAML ({type(error).__name__})") from error


def _check(raw: bytes, loader: Any, most: int) -> None:
    """Refuse what nests too deeply, or is too large unfolded."""
    import yaml

    weights: dict[str, int] = {}
    open_ones: list[tuple[str | None, int]] = []
    weight = 0
    for event in yaml.parse(raw, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_ones.append((event.anchor, weight))
            weight += 1
            if len(open_ones) > DEEPEST:
                raise ValueError(f"it nests more than {DEEPEST} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_ones.pop()
            if anchor is not None:
                weights[anchor] = weight - before
        elif isinstance(event, yaml.ScalarEvent):
            weight += 1 + len(event.value)
            if event.anchor is not None:
                weights[event.anchor] = 1 + len(event.value)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in weights or any(event.anchor == anchor for anchor, _ in open_ones):
                raise ValueError("an alias stands before what it means is whole")
            weight += weights[event.anchor]
        if weight > most:
            raise ValueError(f"unfolded it is larger than {most:,} characters")
