"""MLflow's face: the routes its client calls, each translated to operations of ours.

Not here: what a run, a file or a version is (`tracking.afar`, `models`). A route translates, and nothing else.
"""
