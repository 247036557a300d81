"""What MLflow's server has and this one does not, and what takes its place; `docs/mlflow.md` has it too."""

ABSENT = {
    "/mlflow/datasets/": "data sets for evaluation are versions of `ropeway data add`",
    "/mlflow/gateway/": "nothing does; call models of others from your own code",
    "/mlflow/issues": "judge traces in code, and keep it with `log_feedback`",
    "/mlflow/scorers/": "judge traces in code, and keep it with `log_feedback`",
    "/mlflow/label-schemas/": "`ropeway labels` has guides, queues and overlap",
    "/mlflow/review-queues/": "`ropeway labels` has guides, queues and overlap",
    "/mlflow/prompt-optimization/jobs": "optimize prompts in code, and register what comes of it",
    "/mlflow/traces/metrics": "bring traces into a frame with `search_traces`",
    "/mlflow/traces/calculate-filter-correlation": "bring traces into a frame with `search_traces`",
    "/mlflow/get-online-trace-details": "nothing does; only Databricks has it",
    "/mlflow/unified-traces": "nothing does; only Databricks has it",
    "/mlflow/workspaces": "a project is a workspace, with a server of its own",
    "/mlflow/artifacts/presigned-": "files go through the server; clients then do so by themselves",
    "/mlflow-artifacts/presigned/": "files go through the server; clients then do so by themselves",
}
"""By the beginning of their paths, without `/api/2.0`."""


def instead_of(path: str) -> str:
    """What takes the place of a route that is not here; empty where MLflow has none either."""
    return next((told for start, told in ABSENT.items() if path.startswith(start)), "")
