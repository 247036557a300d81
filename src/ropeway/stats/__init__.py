"""Statistics: agreement, metrics and intervals; pure functions, each with its paper."""
