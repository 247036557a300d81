"""A backend by its address: `s3://bucket/prefix`, `file:///folder`, or a folder's path."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ropeway.store.backends.backend import Backend
from ropeway.store.backends.local import LocalBackend
from ropeway.store.backends.s3 import S3Backend
from ropeway.store.errors import BadBackend


def open_backend(address: str) -> Backend:
    """The backend at an address.

    Raises:
        BadBackend: the address is none that is known.
        BackendMissing: the extra for it is not installed.

    Example:
        >>> open_backend("ftp://there")
        Traceback (most recent call last):
        ...
        ropeway.store.errors.BadBackend: 'ftp://there' is no place for blobs.
        expected s3://BUCKET/PREFIX, file:///FOLDER, or the path of a folder
    """
    parts = urlsplit(address)
    if parts.scheme == "s3" and parts.hostname and not (parts.username or parts.query or parts.fragment):
        return S3Backend(parts.netloc, parts.path.strip("/"))
    if parts.scheme == "file" and not parts.netloc and parts.path:
        return LocalBackend(Path(unquote(parts.path)))
    if "://" not in address and address:
        return LocalBackend(Path(address))
    raise BadBackend(address)
