"""One file for each check of the gate."""
