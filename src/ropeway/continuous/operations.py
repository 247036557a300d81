"""The operations of this room."""

import ropeway.continuous.retraining.operations  # noqa: F401
import ropeway.continuous.rollouts.operations  # noqa: F401
import ropeway.continuous.rollouts.reconcile  # noqa: F401
