"""The operations of this room."""

import ropeway.continuous.rollouts.operations  # noqa: F401
