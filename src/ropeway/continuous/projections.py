"""The tables of this room."""

import ropeway.continuous.rollouts.projections  # noqa: F401
