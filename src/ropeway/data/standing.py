"""The digest of a contract's file as it now stands: what a version's verdict is compared with. No polars."""

from pathlib import Path

from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest
from ropeway.data.naming import check_name

FOLDER = "contracts"


def contract_name(name: str) -> str:
    """The contract file of a dataset, within the project's folder.

    Raises:
        BadName: the name, which a server may have told us, is none that a file may be called after.
    """
    return f"{FOLDER}/{check_name(name)}.toml"


def was_edited(root: Path, name: str, recorded: Digest) -> bool:
    """Whether the contract's file no longer says what was recorded when a version was held against it.

    A file that is gone says nothing: the verdict stands as recorded.
    """
    try:
        data = (root / contract_name(name)).read_bytes()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    # As `read_contract` reads it: without a mark at the start, and with this system's line ends.
    text = data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return digest_bytes(text.encode()) != recorded
