"""Versions that travel: pushed to a folder or a bucket, fetched and pulled from there.

A remote holds objects (`store.depot`), for each version a manifest that says all that is known of it, and a
ref by which it is found. What is pulled becomes a version here by events of its own, which name the manifest
that it came with; what was decided elsewhere is read and not obeyed.

Not here: a workspace that a server keeps (`workspace.remote`), and sources of new data (`data.pull`).
"""
