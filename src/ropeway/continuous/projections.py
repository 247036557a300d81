"""The tables of this room."""

import ropeway.continuous.retraining.projections
import ropeway.continuous.rollouts.projections  # noqa: F401
