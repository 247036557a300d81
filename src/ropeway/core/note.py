"""Signed notes and checkpoints: a few lines of text that say what a ledger is, and who stands for it.

The forms are C2SP's (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), Ed25519 through `cryptography`, which
loads when something is signed or verified and not before. A checkpoint's text is three lines: the origin,
here the ledger's id; how many events; the root of their tree in base64.
"""

import base64
import hashlib
import re
from collections.abc import Iterable

import msgspec

from ropeway.core.errors import Damaged, Invalid

ED25519 = b"\x01"
ID_BYTES = 4
KEY_BYTES = 32
SIGNATURE_LINE = "— "
PRIVATE = "PRIVATE+KEY+"
LARGEST_NOTE = 64_000


class NoteInvalid(Damaged):
    """A note that cannot be read, or whose signature is not that of the key."""

    code = "note-invalid"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"A signed note does not hold: {reason}.",
            expected="a checkpoint as it was signed, byte for byte",
            reason=reason,
        )


class KeyInvalid(Invalid):
    """A text that is no verifier key."""

    code = "key-invalid"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"This is no verifier key: {reason}.",
            expected="one line NAME+HASH+KEY, as `ropeway audit key` prints it",
            next_step="ropeway audit key",
            reason=reason,
        )


class Verifier(msgspec.Struct, frozen=True):
    """The public half of a key, with the name it signs under."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that tell which key a signature is of."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:ID_BYTES]

    @property
    def text(self) -> str:
        """The key as one line, to keep and to hand out."""
        return f"{self.name}+{self.id.hex()}+{_base64(ED25519 + self.public)}"

    def accepts(self, text: str, signature: bytes) -> bool:
        """Whether the signature is this key's, over this text."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


class Signer(msgspec.Struct, frozen=True):
    """A private key, with the name it signs under."""

    name: str
    private: bytes

    def __repr__(self) -> str:
        return f"Signer({self.name!r})"

    @property
    def verifier(self) -> Verifier:
        """Its public half."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        public = Ed25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()
        return Verifier(self.name, public)

    @property
    def text(self) -> str:
        """The key as one line, to be kept secret."""
        return f"{PRIVATE}{self.name}+{self.verifier.id.hex()}+{_base64(ED25519 + self.private)}"

    def sign(self, text: str) -> str:
        """The note: the text, an empty line, the signature."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        signature = Ed25519PrivateKey.from_private_bytes(self.private).sign(text.encode())
        return f"{text}\n{SIGNATURE_LINE}{self.name} {_base64(self.verifier.id + signature)}\n"


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a note says: of which ledger, how many events, which root; and the note itself."""

    origin: str
    size: int
    root: bytes
    note: str


def new_signer(name: str) -> Signer:
    """A fresh key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Signer(name, Ed25519PrivateKey.generate().private_bytes_raw())


def parse_verifier(text: str) -> Verifier:
    """A verifier key from its line.

    Raises:
        KeyInvalid: it is none, or its hash is another key's.
    """
    name, _, rest = text.strip().partition("+")
    found, _, encoded = rest.partition("+")
    verifier = Verifier(name, _key(encoded))
    if not name or verifier.id.hex() != found:
        raise KeyInvalid("its hash is not that of its name and key")
    return verifier


def parse_signer(text: str) -> Signer:
    """A private key from its line.

    Raises:
        KeyInvalid: it is none.
    """
    if not text.startswith(PRIVATE):
        raise KeyInvalid(f"a private key begins with '{PRIVATE}'")
    name, _, rest = text.strip().removeprefix(PRIVATE).partition("+")
    signer = Signer(name, _key(rest.partition("+")[2]))
    if signer.verifier.id.hex() != rest.partition("+")[0]:
        raise KeyInvalid("its hash is not that of its name and key")
    return signer


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """The text that a checkpoint signs."""
    return f"{origin}\n{size}\n{_base64(root)}\n"


def parse_checkpoint(note: str) -> Checkpoint:
    """What a note says, whoever signed it; `signer_of` says who did.

    Raises:
        NoteInvalid: it is no checkpoint.
    """
    text, _ = _parts(note)
    lines = text.split("\n")
    if len(lines) < len(("origin", "size", "root", "")) or not lines[0]:
        raise NoteInvalid("it has not the three lines of a checkpoint")
    if not re.fullmatch(r"0|[1-9][0-9]{0,17}", lines[1]):
        raise NoteInvalid(f"'{lines[1][:40]}' is no number of events")
    root = _unbase64(lines[2])
    if root is None or len(root) != hashlib.sha256().digest_size:
        raise NoteInvalid("the root is no SHA-256 in base64")
    return Checkpoint(origin=lines[0], size=int(lines[1]), root=root, note=note)


def signer_of(note: str, verifiers: Iterable[Verifier]) -> Verifier | None:
    """Which of the keys signed a note; None where none of them did. Other keys' signatures are passed over.

    Raises:
        NoteInvalid: a signature bears a key's name and hash, and is not that key's.
    """
    text, signatures = _parts(note)
    for verifier in verifiers:
        for name, blob in signatures:
            if (name, blob[:ID_BYTES]) == (verifier.name, verifier.id):
                if not verifier.accepts(text, blob[ID_BYTES:]):
                    raise NoteInvalid(f"the signature is not that of the key {verifier.id.hex()}")
                return verifier
    return None


def _parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """A note's text and its signatures, each a name and bytes."""
    text, gap, below = note.rpartition("\n\n")
    if not gap or not below.endswith("\n") or len(note) > LARGEST_NOTE:
        raise NoteInvalid("it is not a text, an empty line and signatures")
    signatures = []
    for line in below[:-1].split("\n"):
        name, _, encoded = line.removeprefix(SIGNATURE_LINE).partition(" ")
        blob = _unbase64(encoded)
        if not line.startswith(SIGNATURE_LINE) or not name or blob is None or len(blob) <= ID_BYTES:
            raise NoteInvalid("a signature line cannot be read")
        signatures.append((name, blob))
    return text + "\n", signatures


def _key(encoded: str) -> bytes:
    blob = _unbase64(encoded)
    if blob is None or blob[:1] != ED25519 or len(blob) != 1 + KEY_BYTES:
        raise KeyInvalid("it does not hold an Ed25519 key in base64")
    return blob[1:]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unbase64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None
