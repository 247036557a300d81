"""A backend that counts what goes through it: requests by kind, and bytes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ropeway.store.backends import Backend, Blob


class Counted:
    """Any backend, with what was asked of it."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.requests: Counter[str] = Counter()
        self.put_bytes = 0
        self.got_bytes = 0

    def forget(self) -> None:
        self.requests.clear()
        self.put_bytes = self.got_bytes = 0

    def put(self, name: str, data: bytes | memoryview | Path) -> None:
        self.requests["put"] += 1
        self.put_bytes += data.stat().st_size if isinstance(data, Path) else len(data)
        self._backend.put(name, data)

    def get(self, name: str) -> bytes:
        self.requests["get"] += 1
        data = self._backend.get(name)
        self.got_bytes += len(data)
        return data

    def get_range(self, name: str, start: int, length: int) -> bytes:
        self.requests["get"] += 1
        self.got_bytes += length
        return self._backend.get_range(name, start, length)

    def has(self, name: str) -> bool:
        self.requests["has"] += 1
        return self._backend.has(name)

    def list(self, prefix: str = "") -> Iterator[Blob]:
        self.requests["list"] += 1
        return self._backend.list(prefix)

    def delete(self, name: str) -> None:
        self.requests["delete"] += 1
        self._backend.delete(name)


_conforms: type[Backend] = Counted
