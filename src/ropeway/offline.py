"""Checks an exported ledger with the export and the public key alone: no database, nothing else of Ropeway.

    python -m ropeway.offline EXPORT KEY
    python offline.py EXPORT KEY             the same, copied anywhere

EXPORT is what `ropeway audit export` wrote. KEY is a verifier key, or a file with one in each line: have it
from somebody else than whoever gives you the export. Needs Python and `cryptography`. The exit code is 0 when
the events are as written, 5 when they are not.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = 1
CHANGED_EXIT, USAGE_EXIT = 5, 2
ID_BYTES = 4


class Key:
    """A verifier key, from its line NAME+HASH+BASE64."""

    def __init__(self, line: str) -> None:
        self.name, self.hash, encoded = line.strip().split("+", 2)
        blob = base64.b64decode(encoded, validate=True)
        self.id = hashlib.sha256(self.name.encode() + b"\n" + blob).digest()[:ID_BYTES]
        if blob[:1] != b"\x01" or self.id.hex() != self.hash:
            raise ValueError("its hash is not that of its name and key")
        self.public = Ed25519PublicKey.from_public_bytes(blob[1:])

    def signed(self, note: str) -> bool:
        """Whether this key signed the note."""
        text, _, below = note.rpartition("\n\n")
        for line in below.splitlines():
            mark, _, rest = line.partition(" ")
            name, _, encoded = rest.partition(" ")
            blob = base64.b64decode(encoded)
            if (mark, name, blob[:ID_BYTES]) == ("—", self.name, self.id):
                try:
                    self.public.verify(blob[ID_BYTES:], f"{text}\n".encode())
                except InvalidSignature:
                    return False
                return True
        return False


class Tree:
    """RFC 6962's tree, as it grows: the roots of its perfect subtrees, by level."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: dict[int, bytes] = {}

    def add(self, record: bytes) -> None:
        """Append a leaf."""
        node, level = hashlib.sha256(b"\x00" + record).digest(), 0
        while level in self._subtrees:
            node = hashlib.sha256(b"\x01" + self._subtrees.pop(level) + node).digest()
            level += 1
        self._subtrees[level] = node
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        nodes = [self._subtrees[level] for level in sorted(self._subtrees)]
        root = nodes[0] if nodes else hashlib.sha256().digest()
        for node in nodes[1:]:
            root = hashlib.sha256(b"\x01" + node + root).digest()
        return root


class Check:
    """One export's check: feed its lines in order, then read `problems` and `covered`."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = keys
        self.problems: list[str] = []
        self.covered = 0
        self.unknown = 0
        self.tree = Tree()
        self._ledger: str | None = None
        self._heads: dict[int, set[bytes]] = {}
        self._at = ""
        self._end: int | None = None

    def feed(self, line: dict[str, Any]) -> None:
        """One line of the export."""
        if self._end is not None:
            self.problems.append("there are lines after the end")
        if "ropeway_export" in line:
            self._ledger = line["ledger"]
            if line["ropeway_export"] != FORMAT:
                self.problems.append(f"the export has format {line['ropeway_export']}; known is {FORMAT}")
        elif "checkpoint" in line or "head" in line:
            self._take_head(line.get("checkpoint") or line["head"])
        elif "record" in line:
            self._take_event(line["record"], line.get("payload"))
        elif "end" in line:
            self._end = line["end"]

    def close(self) -> None:
        """What can be said only at the end."""
        size = self.tree.size
        if self._end != size:
            self.problems.append(f"the export ends at {size} events and should at {self._end}")
        for beyond in sorted(each for each in self._heads if each > size):
            self.problems.append(f"a head over {beyond} events was signed, and there are {size}")

    def _take_head(self, note: str) -> None:
        origin, size, root = note.split("\n")[:3]
        if origin != self._ledger or not any(key.name == origin for key in self.keys):
            self.problems.append(f"a head is of '{origin}', which is not the ledger of the export and key")
        elif any(key.signed(note) for key in self.keys):
            self._heads.setdefault(int(size), set()).add(base64.b64decode(root))
        else:
            self.unknown += 1

    def _take_event(self, text: str, payload: dict[str, str] | None) -> None:
        record, seq = json.loads(text), self.tree.size + 1
        if record["seq"] != seq:
            self.problems.append(f"event {record['seq']} stands where event {seq} should")
        if record["at"] < self._at:
            self.problems.append(f"event {seq} is earlier than the one before it")
        self._at = max(self._at, record["at"])
        if payload is not None:
            kept = bytes.fromhex(payload["nonce"]) + payload["value"].encode()
            if hashlib.sha256(kept).hexdigest() != record["payload"]:
                self.problems.append(f"the payload of event {seq} is not what it committed to")
        self.tree.add(text.encode())
        for root in self._heads.get(seq, ()):
            if root == self.tree.root():
                self.covered = seq
            else:
                self.problems.append(f"events {self.covered + 1} to {seq} are not those that were signed")


def check_export(path: Path, keys: Sequence[Key]) -> Check:
    """Read an export and check all of it."""
    check = Check(keys)
    try:
        for line in _lines(path):
            check.feed(line)
        check.close()
    # Whatever is not as an export is: the words of the fault are enough.
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        check.problems.append(f"the export cannot be read: {type(error).__name__} {error}")
    return check


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield json.loads(line)


def main(words: Sequence[str]) -> int:
    """The command: the export, then the key or keys."""
    if len(words) < len(("export", "key")):
        sys.stderr.write(f"{__doc__}\n")
        return USAGE_EXIT
    try:
        given = [Path(word) for word in words[1:]]
        texts = [each.read_text(encoding="utf-8") if each.is_file() else str(each) for each in given]
        keys = [Key(line) for text in texts for line in text.splitlines() if line.strip()]
    except ValueError as error:
        sys.stderr.write(f"This is no verifier key: {error}\n")
        return USAGE_EXIT
    check = check_export(Path(words[0]), keys)
    size = check.tree.size
    for problem in check.problems:
        sys.stdout.write(f"! {problem}\n")
    sys.stdout.write(f"{size} events: {check.covered} covered by a signed head, {size - check.covered} not\n")
    if check.unknown:
        sys.stdout.write(f"{check.unknown} heads are by none of the keys given, and count for nothing\n")
    # An export that no head covers proves nothing: as if it were changed.
    is_sound = not check.problems and (check.covered > 0 or size == 0)
    sys.stdout.write("as written\n" if is_sound else "NOT as written\n")
    return 0 if is_sound else CHANGED_EXIT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
