"""Pipelines of plain functions: the graph, its sound cache, its executor, and the slice that serves.

Not here: what data is (data), how runs are kept (tracking), how a slice becomes a version (models).
"""
