"""The keys of one ledger on this machine, and the last head seen of each: outside the database, on purpose.

In the user's folder, `ledgers/LEDGER/`: `HASH.key` is a private key (0600), `HASH.pub` a verifier key that is
trusted here, `HASH.head` the newest head that was signed by it or seen; `NAME.secret` seals
something. Who can write here and in the workspace can rewrite history unseen; who can write only one of them
cannot.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ropeway.core.merkle import verify_consistency
from ropeway.core.note import (
    KEY_BYTES,
    Checkpoint,
    NoteInvalid,
    Signer,
    Verifier,
    new_signer,
    parse_checkpoint,
    parse_signer,
    parse_verifier,
    signer_of,
)
from ropeway.store.files import make_private, publish, write_all
from ropeway.workspace.errors import HeadContradicts

SECRET = 0o600
OPEN = 0o600


class Keyring:
    """What this machine knows of one ledger. Several processes may use it at once.

    Args:
        folder: the user's folder.
        ledger: the ledger's id.
    """

    def __init__(self, folder: Path, ledger: str) -> None:
        self.ledger = ledger
        self.folder = folder / "ledgers" / ledger

    def signer(self, verifier: Verifier) -> Signer | None:
        """The private key to a verifier key, if it is here."""
        path = self._path(verifier, "key")
        return parse_signer(path.read_text(encoding="utf-8")) if path.is_file() else None

    def first_signer(self) -> Signer:
        """The key to sign a ledger with that has none: made now, unless a process that was killed made it."""
        with self._locked():
            for path in sorted(self.folder.glob("*.key")):
                return parse_signer(path.read_text(encoding="utf-8"))
            return self._make()

    def new_signer(self) -> Signer:
        """A key beside those that are here."""
        with self._locked():
            return self._make()

    def own_key(self, name: str) -> bytes:
        """32 random bytes for something else than signing, made when they are first asked for."""
        path = self.folder / f"{name}.secret"
        with self._locked():
            if not path.is_file():
                self._write(path, secrets.token_hex(KEY_BYTES) + "\n", SECRET)
            return bytes.fromhex(path.read_text(encoding="utf-8").strip())

    def verifiers(self) -> list[Verifier]:
        """The keys that are trusted here."""
        return [
            parse_verifier(path.read_text(encoding="utf-8")) for path in sorted(self.folder.glob("*.pub"))
        ]

    def trust(self, verifier: Verifier) -> None:
        """Trust a key from now on."""
        with self._locked():
            self._write(self._path(verifier, "pub"), verifier.text + "\n", OPEN)

    def remembered(self, verifier: Verifier) -> Checkpoint | None:
        """The newest head of a key that was signed or seen here."""
        with contextlib.suppress(FileNotFoundError):
            return parse_checkpoint(self._path(verifier, "head").read_text(encoding="utf-8"))
        return None

    def heads(self) -> list[str]:
        """The notes of all heads that are remembered."""
        return [path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("*.head"))]

    def remember(self, note: str, prove: Callable[[int, int], list[bytes]]) -> Checkpoint:
        """Keep a head as the newest seen, if the last one leads to it; for clients of a remote ledger too.

        Args:
            note: a checkpoint, signed by a key that is trusted here.
            prove: asked for the consistency proof between two sizes.

        Returns:
            The newest head now: this one, or a remembered one that is larger and that it leads to.

        Raises:
            NoteInvalid: no trusted key signed it, or it is another ledger's.
            HeadContradicts: one of the two heads is no continuation of the other.
        """
        head = parse_checkpoint(note)
        verifier = signer_of(note, self.verifiers())
        if verifier is None or head.origin != self.ledger:
            raise NoteInvalid(f"no key that is trusted here signed it for {self.ledger}")
        with self._locked():
            last = self.remembered(verifier)
            if last is None:
                self._write(self._path(verifier, "head"), note, OPEN)
                return head
            old, new = sorted((last, head), key=lambda each: each.size)
            path = [] if old.size == new.size else prove(old.size, new.size)
            if not verify_consistency(old.size, new.size, old.root, new.root, path):
                raise HeadContradicts(self.ledger, last.size, head.size)
            if new is head and new.size > old.size:
                self._write(self._path(verifier, "head"), note, OPEN)
            return new

    def _make(self) -> Signer:
        signer = new_signer(self.ledger)
        self._write(self._path(signer.verifier, "pub"), signer.verifier.text + "\n", OPEN)
        self._write(self._path(signer.verifier, "key"), signer.text + "\n", SECRET)
        return signer

    def _path(self, verifier: Verifier, kind: str) -> Path:
        return self.folder / f"{verifier.id.hex()}.{kind}"

    def _write(self, path: Path, text: str, mode: int) -> None:
        publish(
            path,
            self.folder,
            lambda descriptor: write_all(descriptor, text.encode()),
            durable=True,
            mode=mode,
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_private(self.folder)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, SECRET)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
