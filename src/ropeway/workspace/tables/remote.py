"""`[remote.NAME]` of the project file: where `push` brings versions and `fetch` and `pull` find them.

Here is what can be said there; what lies there is in `remotes`.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from ropeway.workspace.settings import Settings

S3 = "s3://"
FILE = "file:///"
SERVERS = ("http://", "https://")
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
        if self.url.startswith(SERVERS):
            raise ValueError(
                "`url` is a server's: work with its workspace by `ropeway --workspace URL`; a remote is a "
                "folder or s3://BUCKET/PREFIX"
            )
        if problem := problem_of_url(self.url):
            raise ValueError(f"`url` {problem}")
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


def problem_of_url(url: str) -> str:
    """Why an address can be no folder and no bucket, as the end of a sentence; empty where it can."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        return (
            "holds a key, which this file would show to everybody: give it by AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )
    if url.startswith(S3):
        is_sound = parts.hostname and not (parts.query or parts.fragment)
        return "" if is_sound else "must be s3://BUCKET or s3://BUCKET/PREFIX"
    if not url or ("://" in url and not url.startswith(FILE)):
        return "must be s3://BUCKET/PREFIX, file:///FOLDER, or the path of a folder"
    return ""


def check_names(names: Iterable[str]) -> None:
    """Refuse a name that could not be typed before a slash."""
    for name in names:
        if not NAME.fullmatch(name):
            raise ValueError(f"[remote.{name}]: a name is 1 to 64 lower-case letters, digits, '_' or '-'")
