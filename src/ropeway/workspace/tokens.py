"""Tokens on this machine: one file for each server, that only its owner may read; or `$ROPEWAY_TOKEN`.

Not here: what a token allows, and who made it; that is the server's business.
"""

import os
import re
import stat
from pathlib import Path

from ropeway.core.hashing import digest_bytes
from ropeway.store.files import make_private
from ropeway.workspace.errors import TokenExposed
from ropeway.workspace.user_folder import user_folder

VARIABLE = "ROPEWAY_TOKEN"
READ_BY_OTHERS = 0o077
_FORM = re.compile(r"[\x21-\x7e]{1,500}")


def token_for(origin: str) -> str | None:
    """The token for a server: the environment's, else the one that `ropeway login` kept; None for none.

    Raises:
        TokenExposed: others may read its file.
    """
    given = of_environment()
    if given:
        return given if is_token(given) else None
    return kept_token(origin)


def of_environment() -> str:
    """What `$ROPEWAY_TOKEN` holds; it does not say for which server that is."""
    return os.environ.get(VARIABLE, "").strip()


def kept_token(origin: str) -> str | None:
    """The token that `ropeway login` kept for a server; None for none.

    Raises:
        TokenExposed: others may read its file.
    """
    path = token_path(origin)
    try:
        with path.open(encoding="ascii", errors="replace") as source:
            if stat.S_IMODE(os.fstat(source.fileno()).st_mode) & READ_BY_OTHERS:
                raise TokenExposed(path)
            kept = source.read(1000).strip()
    except FileNotFoundError:
        return None
    return kept if is_token(kept) else None


def is_token(text: str) -> bool:
    """Whether a text could be a token at all: it goes into a header as it is."""
    return _FORM.fullmatch(text) is not None


def keep_token(origin: str, token: str) -> Path:
    """Keep a token for a server, in place of the one there was; gives the file."""
    path = token_path(origin)
    make_private(path.parent)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as target:
        target.write(f"{token}\n")
    scratch.replace(path)
    return path


def forget_token(origin: str) -> bool:
    """Remove the token that was kept for a server; whether there was one."""
    try:
        token_path(origin).unlink()
    except FileNotFoundError:
        return False
    return True


def token_path(origin: str) -> Path:
    """The file of a server's token, in the user's configuration folder."""
    return user_folder() / "tokens" / file_name(origin)


def file_name(address: str) -> str:
    """A server's address as the name of a file or a folder, such as `https+ropeway.example.org+8443`."""
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    # No host has a plus sign, so two never share a name; a path may have anything.
    name = re.sub(r"[^a-z0-9._-]", "+", f"{scheme}+{host}".lower())
    return f"{name}+{digest_bytes(path.encode())[:12]}" if slash else name
