"""Answering predictions: one HTTP service for one model reference, and the log of what it answered."""
