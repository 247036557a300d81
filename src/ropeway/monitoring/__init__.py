"""Watching what production sends and answers: windows, drift, quality, performance, alerts."""
