"""The server described: OpenAPI 3.1, from the operations' own signatures."""

import inspect
from collections.abc import Iterable
from typing import Any, get_args

import msgspec

from ropeway.server.mlflow import described as mlflow
from ropeway.server.routes import API, Route
from ropeway.workspace import Operation

_REF = "#/components/schemas/{name}"
_ERROR = {
    "description": "refused",
    "content": {"application/json": {"schema": {"$ref": _REF.format(name="Error")}}},
}
_TEXT = {"type": "string"}
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "ropeway_session"},
}
_ERROR_SCHEMA = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": _TEXT,
                "what": _TEXT,
                "expected": _TEXT,
                "next_step": _TEXT,
                "facts": {"type": "object"},
            },
            "required": ["code", "what"],
        }
    },
}


def describe(routes: Iterable[Route], title: str, version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a server."""
    routes = list(routes)
    operations = [route.operation for route in routes if route.operation is not None]
    names, theirs = [each.name for each in operations], mlflow.messages()
    types = [each.arguments for each in operations] + [_result(each) for each in operations] + theirs
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    arguments = dict(zip(names, schemas, strict=False))
    results = dict(zip(names, schemas[len(names) :], strict=False))
    messages = dict(zip(theirs, schemas[2 * len(names) :], strict=True))
    paths: dict[str, Any] = {}
    for route in routes:
        if route.operation is not None:
            name = route.operation.name
            paths[route.path] = {"post": _operation(route.operation, arguments[name], results[name])}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "description": "Every operation of the project. Commands take an Idempotency-Key.",
        },
        "paths": {
            **paths,
            **_objects_and_jobs(),
            **_about_the_caller(),
            **mlflow.paths(messages, components),
        },
        "components": {
            "schemas": {**components, "Error": _ERROR_SCHEMA, "MlflowError": mlflow.ERROR},
            "securitySchemes": _SCHEMES,
        },
        # The empty one: a project without members asks nobody.
        "security": [{"token": []}, {"session": []}, {}],
    }


def _result(operation: Operation[..., Any]) -> Any:
    """What an answer holds; of a stream, what each event holds."""
    if operation.kind == "stream":
        return get_args(operation.result)[0]
    return operation.result


def _operation(operation: Operation[..., Any], arguments: Any, result: Any) -> dict[str, Any]:
    summary, _, rest = inspect.cleandoc(operation.__doc__ or operation.name).partition("\n")
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": summary,
        "description": rest.partition("Args:")[0].strip(),
        "tags": [operation.name.partition(".")[0]],
        "x-kind": operation.kind,
        "x-permission": operation.permission,
        "requestBody": {"required": True, "content": {"application/json": {"schema": arguments}}},
        "responses": {**_answers(operation, result), "default": _ERROR},
    }
    if operation.kind in ("command", "job"):
        described["parameters"] = [
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": _TEXT}
        ]
    return described


def _answers(operation: Operation[..., Any], result: Any) -> dict[str, Any]:
    if operation.kind == "stream":
        return {"200": {"description": "events", "content": {"text/event-stream": {"itemSchema": result}}}}
    if operation.kind == "job":
        job = {"type": "object", "properties": {"job": _TEXT}, "required": ["job"]}
        return {"202": {"description": "accepted", "content": {"application/json": {"schema": job}}}}
    return {"200": {"description": "the answer", "content": {"application/json": {"schema": result}}}}


def _objects_and_jobs() -> dict[str, Any]:
    octets = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    digest = {"type": "object", "properties": {"digest": _TEXT, "size_bytes": {"type": "integer"}}}
    kept = {"description": "kept", "content": {"application/json": {"schema": digest}}}
    return {
        f"{API}objects": {
            "put": {
                "summary": "Keep some bytes; gives their digest.",
                "x-permission": "objects:write",
                "requestBody": {"required": True, "content": octets},
                "responses": {"200": kept, "default": _ERROR},
            }
        },
        f"{API}objects/{{digest}}": {
            "get": {
                "summary": "The bytes with that digest, verified.",
                "x-permission": "objects:read",
                "parameters": [_in_path("digest")],
                "responses": {"200": {"description": "bytes", "content": octets}, "default": _ERROR},
            }
        },
        f"{API}jobs/{{job}}": {
            "get": {
                "summary": "A job as it stands.",
                "x-permission": "jobs:read",
                "parameters": [_in_path("job")],
                "responses": {"200": {"description": "the job"}, "default": _ERROR},
            }
        },
    }


def _about_the_caller() -> dict[str, Any]:
    said = {"type": "object", "properties": {"name": _TEXT, "role": {"type": ["string", "null"]}}}
    me = {"description": "the caller", "content": {"application/json": {"schema": said}}}
    return {
        f"{API}me": {
            "get": {
                "operationId": "me",
                "summary": "Who the caller is here: name, role, permissions, and until when.",
                "x-permission": "server:describe",
                "responses": {"200": me, "default": _ERROR},
            }
        },
        f"{API}session": {
            "post": {
                "operationId": "sign-in",
                "summary": "Sign in: exchange the token that is sent for a session's cookie.",
                "x-permission": "server:describe",
                "responses": {"200": me, "default": _ERROR},
            },
            "delete": {
                "operationId": "sign-out",
                "summary": "Sign out: end the session, and take its cookie back.",
                "x-permission": "server:describe",
                "responses": {"200": {"description": "signed out"}, "default": _ERROR},
            },
        },
    }


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}
