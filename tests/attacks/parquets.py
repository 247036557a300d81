"""Parquet that nobody should have to read: footers made by hand, pages that lie, and bombs."""

from collections.abc import Iterator

from backports import zstd

I32, I64, BINARY, LIST, STRUCT, STOP = 5, 6, 8, 9, 12, b"\x00"
MAGIC = b"PAR1"


def varint(number: int) -> bytes:
    """As Thrift's compact protocol writes a length."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def number(value: int) -> bytes:
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def binary(text: bytes, announced: int | None = None) -> bytes:
    return varint(len(text) if announced is None else announced) + text


def many(kind: int, items: list[bytes], announced: int | None = None) -> bytes:
    return bytes([0xF0 | kind]) + varint(len(items) if announced is None else announced) + b"".join(items)


def struct(fields: dict[int, tuple[int, bytes]]) -> bytes:
    """A struct's fields by their numbers."""
    written, last = b"", 0
    for at, (kind, value) in sorted(fields.items()):
        written += bytes([(at - last) << 4 | kind]) + value
        last = at
    return written + STOP


def group(name: str, children: int) -> bytes:
    return struct({3: (I32, number(0)), 4: (BINARY, binary(name.encode())), 5: (I32, number(children))})


def leaf(name: str, kind: int = 6) -> bytes:
    return struct({1: (I32, number(kind)), 3: (I32, number(0)), 4: (BINARY, binary(name.encode()))})


def file(
    schema: bytes,
    rows: int,
    groups: bytes,
    more: dict[int, tuple[int, bytes]] | None = None,
    *,
    pages: bytes = b"",
) -> bytes:
    """A file of some pages, or of nothing but a footer."""
    head = {1: (I32, number(1)), 2: (LIST, schema), 3: (I64, number(rows)), 4: (LIST, groups)}
    footer = struct({**head, **(more or {})})
    return MAGIC + pages + footer + len(footer).to_bytes(4, "little") + MAGIC


def repeated(
    value: bytes, rows: int, *, kind: int = 6, announced: int | None = None, indices: int | None = None
) -> bytes:
    """One value in each of many rows, said once: some hundred bytes, whatever it unpacks to.

    Args:
        value: as a page has it.
        rows: how many.
        kind: Parquet's number of the column's type: 6 is a text, 2 an integer of 64 bits.
        announced: to how many bytes the page with the value unpacks, where that is a lie.
        indices: how many rows the other page has, where that is a lie.
    """
    word = page({7: (STRUCT, struct({1: (I32, number(1)), 2: (I32, number(0))}))}, value, 2, announced)
    told = struct({1: (I32, number(rows)), 2: (I32, number(8)), 3: (I32, number(3)), 4: (I32, number(3))})
    run = b"\x01" + varint((rows if indices is None else indices) << 1) + b"\x00"
    pages = word + page({5: (STRUCT, told)}, run, 0)
    schema = many(STRUCT, [group("root", 1), leaf("a", kind)])
    places = {9: 4 + len(word), 11: 4}
    return file(schema, rows, many(STRUCT, [row_group(rows, kind, len(pages), places)]), pages=pages)


def page(said: dict[int, tuple[int, bytes]], data: bytes, kind: int, announced: int | None = None) -> bytes:
    packed = zstd.compress(data)
    unpacked = len(data) if announced is None else announced
    head = {1: (I32, number(kind)), 2: (I32, number(unpacked)), 3: (I32, number(len(packed)))}
    return struct({**head, **said}) + packed


def row_group(
    rows: int,
    kind: int,
    length: int,
    places: dict[int, int],
    more: dict[int, tuple[int, bytes]] | None = None,
) -> bytes:
    told = {
        1: (I32, number(kind)),
        2: (LIST, bytes([0x20 | I32]) + number(0) + number(8)),
        3: (LIST, bytes([0x10 | BINARY]) + binary(b"a")),
        4: (I32, number(6)),
        5: (I64, number(rows)),
        6: (I64, number(length)),
        7: (I64, number(length)),
        **{at: (I64, number(place)) for at, place in places.items()},
        **(more or {}),
    }
    column = struct({2: (I64, number(4)), 3: (STRUCT, struct(told))})
    return struct({1: (LIST, many(STRUCT, [column])), 2: (I64, number(length)), 3: (I64, number(rows))})


def text(length: int) -> bytes:
    """A text of zeros, as a page has it."""
    return length.to_bytes(4, "little") + b"0" * length


def hostile() -> Iterator[tuple[str, bytes]]:
    """All of them, by name."""
    flat = many(STRUCT, [group("root", 1), leaf("a")])
    deep = [group("root", 1), *(group("g", 1) for _ in range(100_000)), leaf("a")]
    none = many(STRUCT, [])
    huge = 2**31 - 1
    statistics = {12: (STRUCT, struct({6: (BINARY, binary(b"a" * 1_000, huge))}))}
    yield "a terabyte of texts", repeated(text(10_000_000), 100_000)
    yield "10^9 numbers", repeated(bytes(8), 10**9, kind=2)
    yield "a page that says to be larger than it is", repeated(text(1_000), 10, announced=huge)
    yield "a text that says to be longer than it is", repeated(b"\xff\xff\xff\x7f" + b"0" * 9, 10)
    yield "a page of fewer rows than it says", repeated(text(9), 10**9, indices=10)
    yield "columns 10^5 deep", file(many(STRUCT, deep), 1, none)
    yield "10^15 rows and no pages", file(flat, 10**15, none)
    yield "groups that are not there", file(flat, 1, many(STRUCT, [], huge))
    yield "columns that are not there", file(many(STRUCT, [leaf("a")], huge), 1, none)
    yield "a maker's name that is not there", file(flat, 1, none, {6: (BINARY, binary(b"", huge))})
    lying = row_group(10, 6, 10, {9: 4}, statistics)
    yield "statistics that are longer than the file", file(flat, 10, many(STRUCT, [lying]))
    yield "a footer that is longer than the file", MAGIC + b"\x15" * 64 + b"\xff\xff\xff\x7f" + MAGIC
