"""`[labels.NAME]`: where ratings come from, and how they become labels."""

from typing import Literal

from ropeway.workspace.settings import Settings

Scale = Literal["nominal", "ordinal", "interval"]


class Cutoff(Settings, frozen=True, kw_only=True):
    """One class of a cut scale: means `below` the bound, or `upto` it; the last one has no bound."""

    label: str
    below: float | None = None
    upto: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.below is not None and self.upto is not None:
            raise ValueError("a cut-off has `below` or `upto`, not both")

    @property
    def bound(self) -> float | None:
        """The number at which the class ends."""
        return self.below if self.below is not None else self.upto


class LabelSet(Settings, frozen=True, kw_only=True):
    """`[labels.NAME]`: where ratings come from, under which guide, and how they become one label."""

    dataset: str
    guide: str
    snapshot: str
    item: str = "id"
    ratings: str | None = None
    rater: str | None = None
    value: str | None = None
    scale: Scale = "nominal"
    allowed: list[float | str] | None = None
    aggregate: Literal["majority", "mean"] = "majority"
    cutoffs: list[Cutoff] = []
    adjudicate_below: float = 0.6
    keep: list[str] = []

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.ratings is None) == (self.value is None):
            raise ValueError(
                "ratings come as a list in one column (`ratings`) or one a row (`value`): name one"
            )
        if self.aggregate == "mean" and not self.cutoffs:
            raise ValueError('`aggregate = "mean"` needs `cutoffs`, to make classes of means')
        if self.aggregate == "mean" and self.scale == "nominal":
            raise ValueError('a nominal scale has no mean: use `aggregate = "majority"` or another `scale`')
        bounds = [cutoff.bound for cutoff in self.cutoffs]
        inner = [bound for bound in bounds[:-1] if bound is not None]
        if bounds and (bounds[-1] is not None or len(inner) < len(bounds) - 1 or inner != sorted(inner)):
            raise ValueError("`cutoffs` must rise, each with a bound but the last")
