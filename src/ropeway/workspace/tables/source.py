"""`[source.NAME]` of the project file: where `ropeway data pull` fetches from.

Here is what can be said there; how it is fetched is in `data.sources`.
"""

import re
from posixpath import normpath
from typing import Literal

from ropeway.workspace.settings import Settings

SourceKind = Literal["sql", "http", "s3", "file"]
NEEDS: dict[str, tuple[str, ...]] = {
    "sql": ("url_env", "query"),
    "http": ("url",),
    "s3": ("url",),
    "file": ("path",),
}
"""What a source of each kind cannot do without."""
ONLY_FOR: dict[str, tuple[str, ...]] = {
    "url": ("http", "s3"),
    "url_env": ("sql",),
    "query": ("sql",),
    "cursor": ("sql",),
    "start": ("sql",),
    "path": ("file",),
    "token_env": ("http",),
    "allow_private": ("http",),
    "timeout_s": ("http",),
    "endpoint": ("s3",),
    "region": ("s3",),
}
"""The settings that mean something for some kinds only."""
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CURSOR_IN_QUERY = re.compile(r":cursor\b")


class Source(Settings, frozen=True, kw_only=True):
    """`[source.NAME]`: where new data of a dataset comes from, and how it is joined to what there is."""

    kind: SourceKind
    dataset: str | None = None
    mode: Literal["append", "replace"] = "replace"
    key: list[str] = []
    schedule: str | None = None
    time_zone: str = "UTC"
    max_bytes: int = 2**32
    url: str | None = None
    url_env: str | None = None
    query: str | None = None
    cursor: str | None = None
    start: int | float | str | None = None
    path: str | None = None
    token_env: str | None = None
    allow_private: bool = False
    timeout_s: float = 300.0
    endpoint: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in NEEDS[self.kind]:
            if not getattr(self, name):
                raise ValueError(f"a source of kind '{self.kind}' needs `{name}`")
        for name, kinds in ONLY_FOR.items():
            if self.kind not in kinds and getattr(self, name) not in (None, False, 300.0):
                raise ValueError(f"`{name}` means nothing for a source of kind '{self.kind}'")
        if not 0 < self.timeout_s <= 3600:
            raise ValueError("`timeout_s` must be over 0 and at most 3600")
        if self.max_bytes < 1:
            raise ValueError("`max_bytes` must be at least 1")
        self._check_address()
        self._check_cursor()

    def _check_address(self) -> None:
        """Refuse secrets in the file, and what leads elsewhere than it says."""
        begins = {"http": ("http://", "https://"), "s3": ("s3://",)}.get(self.kind)
        if self.url is not None and begins and not self.url.startswith(begins):
            raise ValueError(f"`url` of a source of kind '{self.kind}' begins with {' or '.join(begins)}")
        if self.url is not None and "@" in self.url.split("://", 1)[-1].split("/")[0]:
            raise ValueError("`url` holds a user or a password, which does not belong into this file")
        for name in ("url_env", "token_env"):
            value = getattr(self, name)
            if value is not None and not _ENVIRONMENT_NAME.fullmatch(value):
                raise ValueError(f"`{name}` is the name of an environment variable, such as SHOP_DB")
        if self.path is not None and (self.path.startswith("/") or normpath(self.path).split("/")[0] == ".."):
            raise ValueError("`path` is within the project's folder")

    def _check_cursor(self) -> None:
        """Refuse a cursor that would not move, or a query that has no place for it."""
        asks = bool(_CURSOR_IN_QUERY.search(self.query or ""))
        if asks != (self.cursor is not None):
            raise ValueError(
                "`cursor` names a column, and `query` has `:cursor` where its last value goes; both or none"
            )
        if self.kind == "sql" and (self.mode == "append") != (self.cursor is not None):
            raise ValueError(
                '`mode = "append"` and `cursor` go together: each pull adds what came since the last'
            )
        if (self.cursor is None) != (self.start is None):
            raise ValueError("`start` is what `:cursor` is at the first pull: it goes with `cursor`")
