"""Cutting the power at work: what was acknowledged must be on the disk, not on its way there.

A plain kill tests no `fsync`: the page cache outlives the process. Here each workspace has a disk of its own,
which stops dead with the process; the file behind it is copied, its journal replayed, and the oracle asks
there. A control that syncs nothing must lose work, or the campaign could not have noticed a loss.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
from tests.faults.campaign import Campaign, run_campaign
from tests.faults.catalogue import OPERATIONS
from tests.faults.kill import Kill
from tests.faults.operations.loop import ControlLoop
from tests.faults.operations.serving import ServePredictions
from tests.faults.operations.tracking import LogPoints

DURABLE = [
    name for name in OPERATIONS if name not in (LogPoints.name, ServePredictions.name, ControlLoop.name)
]
"""What promises to survive a power cut on return. Points before `flush` and predictions in the log do not."""
CONTROLLED = ("ledger transaction", "store.put", "data add", "tracked run")


class PowerCuts(msgspec.Struct, frozen=True, kw_only=True):
    """The campaign and its control."""

    cuts: Campaign
    control: Campaign

    @property
    def control_lost(self) -> int:
        """How many cuts of the control cost it work that it had acknowledged."""
        return sum(bool(kill.problems) for kill in self.control.kills)

    @property
    def problems(self) -> list[str]:
        """Everything that the oracle found, and whether it could find anything at all."""
        toothless = [] if self.control_lost else ["the control lost nothing: these cuts prove nothing"]
        return self.cuts.problems + toothless


def cut_power(
    folder: Path,
    *,
    cuts: int,
    controls: int,
    seed: int,
    operations: list[str] | None = None,
    progress: Callable[[Kill], None] | None = None,
) -> PowerCuts:
    """Cut so often, and so often beside it in the control."""
    return PowerCuts(
        cuts=run_campaign(
            folder / "cuts",
            kills=cuts,
            seed=seed,
            operations=operations or DURABLE,
            progress=progress,
            cuts_power=True,
        ),
        control=run_campaign(
            folder / "control",
            kills=controls,
            seed=seed,
            operations=[name for name in CONTROLLED if name in (operations or DURABLE)],
            progress=progress,
            cuts_power=True,
            is_careless=True,
        ),
    )
