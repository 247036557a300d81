"""What steps gave before, by key: verified against files and variables before it counts, free to vanish.

An entry stands under a key that is known before a step runs. What a step was seen to open or read while it
ran is in the entry: it is a hit only while those are as they were. Values are checked against their digest
when they are read; one that is gone or torn is a miss, never an error. Two processes that write one entry
write the same thing.
"""

from pathlib import Path

import msgspec

from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest
from ropeway.pipelines.formats import Encoded
from ropeway.pipelines.observe import verify_variable
from ropeway.pipelines.touched_files import verify_file
from ropeway.pipelines.watched import Observation
from ropeway.store import Store

INLINE_BYTES = 16_384
"""Smaller values stand in the entry itself: one file to write instead of two."""
KEPT_VARIANTS = 8
VERSION = 2


class KeyParts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a step's key is made of, by name, so that two keys can be compared."""

    python: str
    step: str = ""
    held: dict[str, str] = {}
    code: dict[str, str]
    params: dict[str, str]
    inputs: dict[str, str]
    packages: dict[str, str]
    files: dict[str, str | None] = {}
    env: dict[str, str | None] = {}

    def digest(self) -> Digest:
        """The key."""
        return digest_bytes(msgspec.json.encode((VERSION, self), order="sorted"))


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One result under a key, and what it was seen to depend on besides."""

    files: dict[str, str | None]
    env: dict[str, str | None]
    content: Digest
    value: Digest
    inline: bytes | None
    kind: str
    rows: int | None
    has_project_types: bool
    seconds: float

    def seen(self) -> Digest:
        """One digest of what it was seen to depend on."""
        # Asked of every cached step: canonical JSON would take longer than all else.
        return digest_bytes(msgspec.json.encode((self.files, self.env), order="sorted"))

    def holds(self, seen: "Verifier") -> bool:
        """Whether files and variables are still as they were."""
        return all(seen.file(name) == digest for name, digest in self.files.items()) and all(
            seen.variable(name) == digest for name, digest in self.env.items()
        )


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """How a step was keyed the last time, for `explain`."""

    parts: KeyParts
    key: Digest | None = None
    variant: Variant | None = None
    """Its result, without the bytes; None when it was not kept."""
    uncached: str = ""
    """Why its result was not kept; empty when it was."""
    draws: bool = False
    """Whether a global random generator moved meanwhile, by this step or one beside it."""


class Memory(msgspec.Struct, kw_only=True):
    """The last time of every step."""

    steps: dict[str, Remembered] = {}


class Verifier:
    """Looks up digests of files and variables, each once a run."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, str | None] = {}
        self._env: dict[str, str | None] = {}

    def file(self, name: str) -> str | None:
        """The digest of a file now; None when it is absent."""
        if name not in self._files:
            self._files[name] = verify_file(self._root, name)
        return self._files[name]

    def variable(self, name: str) -> str | None:
        """The digest of a variable's value now; None when it is not set."""
        if name not in self._env:
            self._env[name] = verify_variable(name)
        return self._env[name]


class StepCache:
    """The cache of one project's steps.

    Args:
        store: whose cache holds the entries.
        pipeline: the pipeline file, whose steps' last times are remembered.
    """

    def __init__(self, store: Store, pipeline: str) -> None:
        self._cache = store.cache
        self._pipeline = pipeline

    def find(self, key: Digest, seen: Verifier, last: Remembered | None = None) -> Variant | None:
        """The result under a key that still holds; that of the last time first, then the newest."""
        if last is not None and last.key == key and last.variant is not None and last.variant.holds(seen):
            return last.variant
        return next((variant for variant in self._variants(key) if variant.holds(seen)), None)

    def keep(self, key: Digest, variant: Variant, data: bytes) -> None:
        """Keep a result; `data` is its value's bytes."""
        if len(data) > INLINE_BYTES:
            self._cache.put(f"value/{variant.value}", data)
        others = [
            each for each in self._variants(key) if (each.files, each.env) != (variant.files, variant.env)
        ]
        self._cache.put(f"step/{key}", msgspec.msgpack.encode([variant, *others][:KEPT_VARIANTS]))

    def read(self, key: Digest, variant: Variant) -> bytes | None:
        """A result's bytes, checked; None when they are gone or torn."""
        data = variant.inline if variant.inline is not None else self._cache.get(f"value/{variant.value}")
        if data is None:
            data = next((each.inline for each in self._variants(key) if each.value == variant.value), None)
        return data if data is not None and digest_bytes(data) == variant.value else None

    def recall(self) -> Memory:
        """The last time of every step."""
        data = self._cache.get(f"memory/{self._pipeline}")
        try:
            return msgspec.msgpack.decode(data, type=Memory) if data else Memory()
        except msgspec.DecodeError:
            return Memory()

    def remember(self, memory: Memory) -> None:
        """Keep the last time of every step."""
        self._cache.put(f"memory/{self._pipeline}", msgspec.msgpack.encode(memory))

    def _variants(self, key: Digest) -> list[Variant]:
        data = self._cache.get(f"step/{key}")
        try:
            return msgspec.msgpack.decode(data, type=list[Variant]) if data else []
        except msgspec.DecodeError:
            return []


def variant_of(seen: Observation, encoded: Encoded, *, rows: int | None, seconds: float) -> Variant:
    """A result to keep."""
    return Variant(
        files=seen.files,
        env=seen.env,
        content=encoded.content,
        value=digest_bytes(encoded.data),
        inline=encoded.data if len(encoded.data) <= INLINE_BYTES else None,
        kind=encoded.kind,
        rows=rows,
        has_project_types=encoded.has_project_types,
        seconds=seconds,
    )
