"""What a token looks like, how a fresh one is drawn, and what is kept of it: never the secret itself.

    rw_4k2m9x7q0a1b_9f0c…(52 characters)      rws_… for a session
       the id       the secret

The id is no secret: it finds the one row to compare with. The secret has 260 random bits, so that a plain
SHA-256 of it gives nothing to guess at, and is compared in constant time.

It is drawn where it will be used, by the caller: the server is told the digest, so that no answer, log or
remembered reply ever holds a token that opens anything.
"""

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

from ropeway.core.ids import ALPHABET, ID_LENGTH

TOKEN = "rw"  # noqa: S105  how one begins
SESSION = "rws"

SECRET_LENGTH = 52
_FORM = re.compile(f"(rws?)_([{ALPHABET}]{{{ID_LENGTH}}})_([{ALPHABET}]{{{SECRET_LENGTH}}})")
ID_FORM = re.compile(f"[{ALPHABET}]{{{ID_LENGTH}}}")
DIGEST_FORM = re.compile(r"[0-9a-f]{64}")

NOBODYS = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
"""A digest that belongs to nothing: an unknown id is compared with it, and takes as long as a known one."""


class Secret(NamedTuple):
    """A token or a session's id in its parts."""

    kind: str
    id: str
    secret: str

    @property
    def text(self) -> str:
        """As it is shown once, and sent."""
        return f"{self.kind}_{self.id}_{self.secret}"

    @property
    def digest(self) -> str:
        """What is kept of it."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def fits(self, digest: str | None) -> bool:
        """Whether this is what the digest was made of; takes the same time whatever the answer is."""
        return hmac.compare_digest(self.digest, digest or NOBODYS) and digest is not None


def draw(kind: str) -> Secret:
    """A fresh one."""
    return Secret(kind, _random(ID_LENGTH), _random(SECRET_LENGTH))


def parse(text: str, kind: str) -> Secret | None:
    """Its parts, or None where it is no such thing."""
    match = _FORM.fullmatch(text)
    return Secret(match[1], match[2], match[3]) if match and match[1] == kind else None


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
