"""The tables of this room."""

import ropeway.continuous.retraining.projections  # noqa: F401
import ropeway.continuous.rollouts.projections  # noqa: F401
