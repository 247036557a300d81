"""`[remote.NAME]` of the project file: where `push` brings versions and `fetch` and `pull` find them.

Here is what can be said there; what lies there is in `remotes`.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from ropeway.workspace.settings import Settings

S3 = "s3://"
FILE = "file:///"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class RemotePlace(Settings, frozen=True, kw_only=True):
    """`[remote.NAME]`: a folder or a bucket with versions for others to fetch.

    Attributes:
        url: `s3://BUCKET/PREFIX`, or the path of a folder, from the project's on.
        endpoint: of a bucket that is not Amazon's, such as `https://minio.example.org`.
    """

    url: str
    endpoint: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = urlsplit(self.url)
        if "@" in parts.netloc:
            raise ValueError(
                "`url` holds a key, which this file would show to everybody: give it by "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        if self.url.startswith(("http://", "https://")):
            raise ValueError(
                "`url` is a server's: work with its workspace by `ropeway --workspace URL`; a remote is a "
                "folder or s3://BUCKET/PREFIX"
            )
        if self.url.startswith(S3):
            if not parts.hostname or parts.query or parts.fragment:
                raise ValueError("`url` must be s3://BUCKET or s3://BUCKET/PREFIX")
        elif not self.url or ("://" in self.url and not self.url.startswith(FILE)):
            raise ValueError("`url` must be s3://BUCKET/PREFIX, file:///FOLDER, or the path of a folder")
        if self.endpoint is not None:
            there = urlsplit(self.endpoint)
            if not self.url.startswith(S3):
                raise ValueError("`endpoint` is for s3:// only")
            if there.scheme not in ("http", "https") or not there.hostname or "@" in there.netloc:
                raise ValueError("`endpoint` must be https://HOST, without a key")

    @property
    def is_bucket(self) -> bool:
        """Whether it is one, and no folder."""
        return self.url.startswith(S3)


def check_names(names: Iterable[str]) -> None:
    """Refuse a name that could not be typed before a slash."""
    for name in names:
        if not NAME.fullmatch(name):
            raise ValueError(f"[remote.{name}]: a name is 1 to 64 lower-case letters, digits, '_' or '-'")
