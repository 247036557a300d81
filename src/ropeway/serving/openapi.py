"""The service described: OpenAPI 3.1 from the signature, and the page that draws it."""

import base64
import hashlib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ropeway.serving.loaded import Loaded
from ropeway.serving.reader import Reader
from ropeway.serving.signature import MAX_ROWS
from ropeway.serving.traffic import Traffic

_ERROR = {"$ref": "#/components/schemas/Error"}
_TEXT = {"type": "string"}
_ERROR_FIELDS = {
    "code": _TEXT,
    "what": _TEXT,
    "expected": _TEXT,
    "next_step": _TEXT,
    "facts": {"type": "object"},
}


def openapi_of(traffic: Traffic) -> dict[str, Any]:
    """The OpenAPI 3.1 document of what answers: requests are those of the live version."""
    live, reader = traffic.live, traffic.reader
    row_example: dict[str, Any] = {name: kind.example for name, kind in live.signature.kinds.items()}
    requests: list[dict[str, Any]] = [{"$ref": "#/components/schemas/Row"}]
    examples: dict[str, Any] = {"one row": {"value": row_example}}
    if reader.carried:
        examples["one row that carries more"] = {
            "value": {**row_example, **{name: f"some {name}" for name in reader.carried}}
        }
    if live.signature.has_batch_form:
        requests.append({"$ref": "#/components/schemas/Rows"})
        examples["many rows"] = {"value": {"rows": [row_example, row_example]}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": live.ref,
            "version": live.ref.partition("@")[2] or "1",
            "description": "Each prediction has an id: by it go feedback and the command: ropeway why ID. "
            "Another version may answer some of them: each answer says which.",
        },
        "paths": {
            "/predict": {"post": _predict(requests, examples)},
            "/feedback": {"post": _feedback(live)},
            "/health": {
                "get": {
                    "summary": "What answers, how traffic is divided, and whether all is as it should be.",
                    "responses": {"200": _json("what answers", {"type": "object"})},
                }
            },
        },
        "components": {"schemas": _schemas(live, reader)},
    }


def _predict(requests: list[dict[str, Any]], examples: dict[str, Any]) -> dict[str, Any]:
    return _operation(
        "Predict one row, or many.",
        {"oneOf": requests} if len(requests) > 1 else requests[0],
        examples,
        {"oneOf": [_ref("Prediction"), _ref("Predictions")]},
        {
            400: "not JSON",
            413: "too large",
            415: "not application/json",
            422: "not as the signature",
        },
    )


def _feedback(live: Loaded) -> dict[str, Any]:
    return _operation(
        "Say what a prediction should have been.",
        _ref("Feedback"),
        {"feedback": {"value": {"id": "p-4k2m9x7q-1-a3", "value": _a_value(live)}}},
        _ref("FeedbackTaken"),
        {404: "no such prediction", 422: "not a value that the model can give"},
    )


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema, **more}}}


def _operation(
    summary: str,
    request: dict[str, Any],
    examples: dict[str, Any],
    answer: dict[str, Any],
    errors: dict[int, str],
) -> dict[str, Any]:
    body = {"application/json": {"schema": request, "examples": examples}}
    responses = {"200": _json("the answer", answer)}
    responses |= {str(status): _json(says, _ERROR) for status, says in errors.items()}
    return {"summary": summary, "requestBody": {"required": True, "content": body}, "responses": responses}


def _a_value(live: Loaded) -> Any:
    outputs = list(live.servable.outputs)
    return 1.5 if outputs == ["prediction"] or not outputs else outputs[0]


def _fields(live: Loaded, reader: Reader) -> dict[str, Any]:
    """The fields of a row: those that the model reads, then those that are only carried."""
    fields = {name: kind.schema for name, kind in live.signature.kinds.items()}
    carried: dict[str, Any] = {
        name: {"type": ["string", "number", "boolean", "null"], "description": "carried: logged, not read"}
        for name in reader.carried
    }
    fields |= carried
    if reader.entity in fields:
        said = "whose the row is: decides which version answers"
        fields[reader.entity] = {**fields[reader.entity], "description": said}
    return fields


def _schemas(live: Loaded, reader: Reader) -> dict[str, Any]:
    row = {
        "type": "object",
        "properties": _fields(live, reader),
        "required": list(live.signature.kinds),
        "additionalProperties": False,
    }
    answer = _answer(live)
    feedback = {"id": _TEXT, "value": answer["prediction"], "by": _TEXT, "note": _TEXT}
    predictions = {"model": _TEXT, "predictions": {"type": "array", "items": _ref("Prediction")}}
    return {
        "Row": row,
        "Rows": {
            "type": "object",
            "properties": {
                "rows": {"type": "array", "items": _ref("Row"), "minItems": 1, "maxItems": MAX_ROWS}
            },
            "required": ["rows"],
            "additionalProperties": False,
        },
        "Prediction": {"type": "object", "properties": answer},
        "Predictions": {"type": "object", "properties": predictions},
        "Feedback": {
            "type": "object",
            "properties": feedback,
            "required": ["id", "value"],
            "additionalProperties": False,
        },
        "FeedbackTaken": {"type": "object", "properties": {"id": _TEXT, "value": {}, "at": _TEXT}},
        "Error": {"type": "object", "properties": {"error": {"type": "object", "properties": _ERROR_FIELDS}}},
    }


def _answer(live: Loaded) -> dict[str, Any]:
    """The fields of an answer: classes with their probabilities, or a value of the model's own kind."""
    classes = [name for name in live.servable.outputs if name != "prediction"]
    answer: dict[str, Any] = {"id": _TEXT, "model": _TEXT}
    answer["prediction"] = {"enum": classes} if classes == list(live.servable.outputs) and classes else {}
    if classes:
        probability = {"type": "number"}
        answer["probabilities"] = {"type": "object", "properties": dict.fromkeys(classes, probability)}
    return answer


@lru_cache(maxsize=1)
def docs_page() -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """The page that draws /openapi.json, and headers that allow only its own script, and only us to reach."""
    page = files("ropeway.serving").joinpath("docs.html").read_text(encoding="utf-8")
    script = page.partition("<script>")[2].partition("</script>")[0]
    style = page.partition("<style>")[2].partition("</style>")[0]
    policy = (
        f"default-src 'none'; script-src {_csp_hash(script)}; style-src {_csp_hash(style)}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store"),
    ]
    return page.encode(), headers


def _csp_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
