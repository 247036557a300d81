"""The operations of this room."""

import ropeway.continuous.outlook
import ropeway.continuous.retraining.operations
import ropeway.continuous.rollouts.operations
import ropeway.continuous.rollouts.reconcile  # noqa: F401
