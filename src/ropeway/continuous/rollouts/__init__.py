"""Rollouts: how a version proves itself on real traffic, step by step, and goes back when it does not."""
