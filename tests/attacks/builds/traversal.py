"""C1: names that lead out of a folder."""

from tests.attacks.weakened import Mutant

BUILDS = (
    Mutant(
        "a tree may name a place outside of its folder",
        "store",
        '    return not ({"", ".", ".."} & set(parts)',
        '    return not ({"", "."} & set(parts)',
        ("tests/store/test_objects.py",),
    ),
)
