"""MLflow's face: the routes its client calls, each translated to operations of ours.

Not here: what a run, a file or a version is (`tracking.afar`, `models.afar`). A route translates, no more.
"""
