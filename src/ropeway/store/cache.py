"""A small cache on disk, by key: whole or absent, never durable, free to vanish at any time."""

from pathlib import Path

from ropeway.core.hashing import digest_bytes
from ropeway.store.files import in_our_words, make_private, publish, write_all


class Cache:
    """Bytes by key. A reader sees a whole value or none; the last writer wins."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._folder = folder
        self._scratch = scratch

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, key: str, value: bytes) -> None:
        """Keep a value; may be lost at power loss, but is never seen in part by a living process."""
        path = self._path(key)
        with in_our_words(self._folder):
            make_private(path.parent)
        publish(
            path, self._scratch, lambda descriptor: write_all(descriptor, value), durable=False, mode=0o600
        )

    def _path(self, key: str) -> Path:
        digest = digest_bytes(key.encode())
        return self._folder / digest[:2] / digest[2:]
