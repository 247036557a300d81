"""`[policy]`: when a model is trained anew."""

import re
from typing import Literal

from ropeway.workspace.settings import Scalar, Settings, check_durations

Trigger = Literal["drift", "degradation", "new-data", "schedule"]
"""What may begin a retraining besides a person."""
QUIET = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")
"""Hours of the day as `[policy] quiet` writes them."""


class PolicyData(Settings, frozen=True, kw_only=True):
    """`[policy.data]`: what a retraining learns from beside the data there is."""

    feedback: bool = True
    last: str = "90d"
    min_rows: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        check_durations(self, "last")
        if self.min_rows < 1:
            raise ValueError("`min_rows` must be at least 1")


class Policy(Settings, frozen=True, kw_only=True):
    """`[policy]`: when a model is trained anew, with what, and who lets it out."""

    model: str | None = None
    environment: str = "production"
    triggers: list[Trigger] = []
    schedule: str | None = None
    time_zone: str = "UTC"
    params: dict[str, Scalar] = {}
    data: PolicyData = PolicyData()
    approval: Literal["two-person", "self", "by-rule"] = "two-person"
    quiet: list[str] = []
    max_runs: int = 4
    per: str = "30d"
    cooldown: str = "1d"
    max_rollbacks: int = 2
    rollbacks_within: str = "7d"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_durations(self, "per", "cooldown", "rollbacks_within")
        if "schedule" in self.triggers and not self.schedule:
            raise ValueError('the trigger "schedule" needs `schedule`, such as "0 3 * * 1"')
        if self.schedule and "schedule" not in self.triggers:
            raise ValueError('`schedule` is set, but `triggers` has no "schedule"')
        if self.max_runs < 1:
            raise ValueError("`max_runs` must be at least 1; without a policy nothing runs by itself")
        if self.max_rollbacks < 1:
            raise ValueError("`max_rollbacks` must be at least 1")
        for hours in self.quiet:
            if not QUIET.fullmatch(hours):
                raise ValueError(f"`quiet` has '{hours}'; write hours as \"22:00-06:00\"")
            if hours[:5] == hours[6:]:
                raise ValueError(f"`quiet` has '{hours}', which ends as it begins: no time, or the whole day")
