"""Every route that a client of MLflow knows of: run by its interpreter, one line each.

build/clients/mlflow3/bin/python tests/mlflow/client_routes.py >> tests/mlflow/recorded_routes.txt
"""

import importlib

from mlflow.protos import databricks_pb2

import mlflow

SERVICES = ("service_pb2", "model_registry_pb2", "mlflow_artifacts_pb2", "webhooks_pb2")


def routes() -> list[str]:
    """Such as `3.17.2 GET /api/2.0/mlflow/runs/get`, with what stands for an id as `x`."""
    found = set()
    for name in SERVICES:
        try:
            services = importlib.import_module(f"mlflow.protos.{name}").DESCRIPTOR.services_by_name
        except ImportError:  # 2.x has no webhooks
            continue
        for method in (each for service in services.values() for each in service.methods):
            for end in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                parts = ["x" if part[:1] in "{<" else part for part in end.path.split("/") if part]
                found.add(f"{mlflow.__version__} {end.method} /api/{end.since.major}.0/{'/'.join(parts)}")
    return sorted(found)


if __name__ == "__main__":
    print("\n".join(routes()))
