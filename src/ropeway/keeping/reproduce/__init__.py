"""Doing a run again, from what is on record alone, and saying whether it comes out the same."""
