"""What came, what could not and why, and whether both sides say the same."""

import msgspec


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Something that cannot come."""

    what: str
    why: str


BESIDES = "besides"
"""What is left out that is neither a run nor a model."""


class Count(msgspec.Struct, kw_only=True):
    """How many there are there, and how many of those are here. Points that say the same are one."""

    there: int = 0
    here: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A store held against what is here of it.

    Attributes:
        digest_there: of every run with its words, points and files, as the store tells them.
        digest_here: likewise as this workspace does; the same, where all came.
        by_digest: whether files were compared by digest; by size, where they came over the network.
        differences: what should be here and is not the same, in sentences.
        left_out: what cannot be here.
    """

    source: str
    experiments: Count
    runs: Count
    params: Count
    tags: Count
    points: Count
    files: Count
    file_bytes: Count
    logged_models: Count
    registered_models: Count
    versions: Count
    aliases: Count
    digest_there: str
    digest_here: str
    by_digest: bool
    differences: list[str]
    left_out: list[LeftOut]

    @property
    def is_whole(self) -> bool:
        """Whether everything that could come is here and the same."""
        return not self.differences
