"""`[monitor]`, `[alerts.NAME]` and `[sinks.NAME]`: what is looked at in production, and who is told."""

from typing import Literal

from ropeway.workspace.settings import Settings, check_durations

Watched = Literal["drift", "degradation", "quality", "errors", "latency", "coverage", "silence"]
"""What an alert rule can be about."""


class Monitor(Settings, frozen=True, kw_only=True):
    """`[monitor]`: how production is cut into windows, and what counts as drift."""

    window: str = "1d"
    min_rows: int = 100
    alpha: float = 0.01
    min_effect: float = 0.1
    segment: str = "5m"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_durations(self, "window", "segment")
        if self.min_rows < 1:
            raise ValueError("`min_rows` must be at least 1")
        if not 0 < self.alpha < 1:
            raise ValueError("`alpha` must be over 0 and under 1, such as 0.01")
        if not 0 <= self.min_effect < 1:
            raise ValueError("`min_effect` must be at least 0 and under 1, such as 0.1")


SHARES = ("drift", "quality", "errors", "coverage")
"""What alerts are told of by a figure from 0 to 1."""


class AlertRule(Settings, frozen=True, kw_only=True):
    """`[alerts.NAME]`: when somebody is to be told, and through which sinks."""

    when: Watched
    above: float | None = None
    below: float | None = None
    windows: int = 1
    severity: Literal["warn", "page"] = "warn"
    sinks: list[str] = []

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.above is not None and self.below is not None:
            raise ValueError("an alert has `above` or `below`, not both")
        self._check_limit()
        if self.windows < 1:
            raise ValueError("`windows` must be at least 1")

    def _check_limit(self) -> None:
        """Refuse a limit that is always broken, or never."""
        # A metric such as r2 may be under nothing.
        if self.when == "degradation":
            return
        if self.above is not None and self.above < 0:
            raise ValueError(f'`above` is {self.above:g}: what "{self.when}" is about is always more')
        if self.below is not None and self.below <= 0:
            raise ValueError(f'`below` is {self.below:g}: what "{self.when}" is about is never less')
        if self.when in SHARES and self.above is not None and self.above >= 1:
            raise ValueError(f'`above` is {self.above:g}: "{self.when}" is told from 0 to 1')
        if self.when == "silence" and self.below is not None:
            raise ValueError("`below` means nothing of silence; `above` is how many windows may pass")
        if self.when != "coverage" and self.below is not None:
            raise ValueError(f'`below` would tell that all is well with "{self.when}"; `above` is its limit')


class Sink(Settings, frozen=True, kw_only=True):
    """`[sinks.NAME]`: where alerts go: a signed webhook, or lines in a file."""

    kind: Literal["webhook", "file"]
    url: str | None = None
    secret_env: str | None = None
    path: str | None = None
    allow_private: bool = False
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind == "webhook":
            if not self.url or not self.url.startswith(("http://", "https://")):
                raise ValueError("a webhook needs `url`, beginning with http:// or https://")
            if not self.secret_env:
                raise ValueError(
                    "a webhook is signed: `secret_env` names the environment variable with the secret"
                )
        elif not self.path:
            raise ValueError("a file sink needs `path`")
        if not 0 < self.timeout_s <= 60:
            raise ValueError("`timeout_s` must be over 0 and at most 60")
