"""MLflow's routes in the server's description: OpenAPI 3.1, from the same table and messages that answer."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ropeway.server.mlflow.messages import Message
from ropeway.server.mlflow.routes import BARE, ENDPOINTS, Endpoint

API = "/api/2.0"
ERROR = {
    "type": "object",
    "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
    "required": ["error_code", "message"],
}
_REFUSED = {
    "description": "refused, in MLflow's words",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/MlflowError"}}},
}
_DONE = {"description": "done", "content": {"application/json": {"schema": {"type": "object"}}}}
_OCTETS = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def messages() -> list[type[Message]]:
    """Every kind of message that a route takes."""
    return list(dict.fromkeys(each.message for each in ENDPOINTS))


def paths(schemas: Mapping[type[Message], Any], components: Mapping[str, Any]) -> dict[str, Any]:
    """The routes by path.

    Args:
        schemas: of the messages, as references.
        components: what they refer to.
    """
    told: dict[str, Any] = {}
    for each in ENDPOINTS:
        told.setdefault(each.path if each.path in BARE else API + each.path, {})[each.method.lower()] = (
            _route(each, schemas, components)
        )
    return told


def _route(endpoint: Endpoint, schemas: Mapping[type[Message], Any], components: Mapping[str, Any]) -> Any:
    schema = schemas[endpoint.message]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", endpoint.path)
    ]
    is_file = endpoint.carries is not None
    described: dict[str, Any] = {
        "operationId": f"mlflow {endpoint.method} {endpoint.path.removeprefix('/')}",
        "summary": f"As MLflow's {endpoint.method} {endpoint.path}.",
        "tags": ["mlflow"],
        "x-permission": endpoint.permission,
        "responses": {"200": _DONE, "default": _REFUSED},
    }
    if is_file and endpoint.method == "GET":
        described["responses"]["200"] = {"description": "the file", "content": {"*/*": {}}}
    if is_file and endpoint.method == "PUT":
        described["requestBody"] = {"required": True, "content": _OCTETS}
    elif endpoint.method == "GET":
        known = components[schema["$ref"].rpartition("/")[2]]["properties"]
        parameters += [
            {"name": field.encode_name, "in": "query", "required": False, "schema": known[field.encode_name]}
            for field in msgspec.structs.fields(endpoint.message)
        ]
    elif not is_file:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if parameters:
        described["parameters"] = parameters
    return described
