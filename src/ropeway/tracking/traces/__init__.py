"""Traces: what a program did, span by span, as OpenTelemetry's exporters and MLflow's client tell it.

One acknowledged export is one object in the store, in OpenTelemetry's own form, and one event that says of
which traces it is. What is asked of traces is answered by tables that those events move; the spans themselves
are read from the objects.

Not here: HTTP, and the words of MLflow's API (`server.mlflow`).
"""
