"""Webhooks: addresses that a person named, which are told of what happens to models. Signed, in order.

Not here: alerts, whose sinks stand in the project file (`monitoring`); MLflow's routes (`server.mlflow`).
"""
