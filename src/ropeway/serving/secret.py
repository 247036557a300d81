"""The salt under which entities are hashed in this workspace: one file, made once, for its owner only.

Stable, unlike the salts of segments: an entity that is hashed must stay one entity over processes and
months. Whoever has the file can test a guess; without it the digests say nothing.
"""

import os
import secrets
from pathlib import Path

from ropeway.serving.errors import EntitySaltDamaged, LogUnavailable

SALT = "entity.salt"
SALT_BYTES = 32


def entity_salt(home: Path) -> bytes:
    """The workspace's salt for entities, made when there is none.

    Several processes may ask at once: all get the same one.

    Raises:
        EntitySaltDamaged: the file is there and holds no salt.
        LogUnavailable: it cannot be read or made.
    """
    path = home / SALT
    try:
        if not path.exists():
            _make(path)
        salt = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError as error:
        raise EntitySaltDamaged(path) from error
    except OSError as error:
        raise LogUnavailable(error.strerror or "the salt of entities cannot be read") from error
    if len(salt) != SALT_BYTES:
        raise EntitySaltDamaged(path)
    return salt


def _make(path: Path) -> None:
    """Whole or absent, and never in another's place: linked under its name once it is on disk."""
    newborn = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(newborn, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(SALT_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(newborn, path)
    except FileExistsError:
        return
    finally:
        newborn.unlink(missing_ok=True)
