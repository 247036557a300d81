"""Where blobs can lie: a local folder, or a bucket that speaks S3. One port, the same contract for both."""

from ropeway.store.backends.backend import Backend, Blob
from ropeway.store.backends.local import LocalBackend
from ropeway.store.backends.s3 import S3Backend
from ropeway.store.backends.url import open_backend

__all__ = ["Backend", "Blob", "LocalBackend", "S3Backend", "open_backend"]
