"""Ropeway: one line from data to production and back."""
