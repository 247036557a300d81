"""Models: versions with their slice, the gate, the registry and its state machine."""
