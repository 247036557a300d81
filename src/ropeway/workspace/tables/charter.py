"""`[charter]`: the boxes of the canvas, and the numbers that the gate reads."""

from datetime import date
from typing import Literal

from ropeway.workspace.settings import Settings

Metric = Literal[
    "accuracy", "balanced_accuracy", "brier", "log_loss", "macro_f1", "mae", "r2", "rmse", "roc_auc"
]
"""What the charter can name; `stats.metrics` computes them, and a test holds the two lists together."""
OF_NUMBERS = ("mae", "r2", "rmse")
"""Those of numbers, of which no error is the largest."""


class Charter(Settings, frozen=True, kw_only=True):
    """`[charter]`: every box of the machine-learning canvas, and the numbers that the gate reads."""

    value: str = ""
    decision: str = ""
    task: str = ""
    sources: str = ""
    collecting: str = ""
    features: str = ""
    predictions: str = ""
    renewal: str = ""
    offline_evaluation: str = ""
    live_evaluation: str = ""
    metric: Metric = "macro_f1"
    bar: float | None = None
    confidence: float = 0.95
    deadline: date | None = None
    budget: float | None = None
    cost: dict[str, dict[str, float]] = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.5 <= self.confidence < 1:
            raise ValueError("`confidence` must be at least 0.5 and under 1, such as 0.95")
        if any(cost < 0 for row in self.cost.values() for cost in row.values()):
            raise ValueError("`cost` must not be negative: 0 is the cost of a right answer")


CANVAS = (
    "value",
    "decision",
    "task",
    "sources",
    "collecting",
    "features",
    "predictions",
    "renewal",
    "offline_evaluation",
    "live_evaluation",
)
"""The boxes of the canvas that are words, in the order in which they are read."""
