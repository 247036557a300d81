"""`POST /v1/traces`: OpenTelemetry's protocol over HTTP, for MLflow's client and any other exporter.

The answer is in the form of the request, as the protocol says: protobuf to protobuf, JSON to JSON. What
cannot be kept of a request is told in its `partial_success`.
"""

import asyncio
import zlib

import msgspec

from ropeway.core.errors import RopewayError, TooLarge
from ropeway.server.mlflow import checks
from ropeway.server.mlflow.errors import Refusal, status_of
from ropeway.serving.bodies import Bodies
from ropeway.serving.door import SAFETY_HEADERS, Receive, Scope, Send, header, reply
from ropeway.serving.errors import NoSuchMethod
from ropeway.tracking.traces import operations as ours
from ropeway.tracking.traces.errors import NoSpans
from ropeway.tracking.traces.otlp import LARGEST_BYTES, read_export
from ropeway.workspace import Workspace

PATH = "/v1/traces"
EXPERIMENT, RUN = b"x-mlflow-experiment-id", b"x-mlflow-run-id"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
PIECE_BYTES = 1 << 20
# gRPC's numbers, of which OTLP's errors are told over HTTP too.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 9, 413: 8, 429: 8, 501: 12, 503: 14}
_INTERNAL = 13
_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class ExportTooLarge(TooLarge):
    """An export that is too large once it is unpacked."""

    code = "export-too-large"

    def __init__(self) -> None:
        super().__init__(
            "The spans are too large.",
            expected=f"at most {LARGEST_BYTES:,} bytes in one request, unpacked",
            next_step="let the exporter send smaller batches (OTEL_BSP_MAX_EXPORT_BATCH_SIZE)",
        )


async def export(workspace: Workspace, scope: Scope, receive: Receive, send: Send, bodies: Bodies) -> None:
    """Keep the spans of a request."""
    media = _media(scope)
    if media not in (PROTOBUF, JSON):
        raise Refusal(f"Invalid Content-Type: {media[:80]}. Expected: {PROTOBUF} or {JSON}")
    body = await bodies.read(scope, receive)
    told = await asyncio.to_thread(_keep, workspace, scope, body, media)
    await reply(send, 200, told, [(b"content-type", media.encode()), *SAFETY_HEADERS])


def refusal(scope: Scope, error: RopewayError) -> tuple[bytes, int, str]:
    """An error in the protocol's form, a `google.rpc.Status`: body, HTTP status and media type."""
    status = error.http_status if isinstance(error, NoSuchMethod) else status_of(error)
    code = _CODES.get(status, _INTERNAL)
    said = " ".join(part for part in (error.what, error.expected and f"Expected {error.expected}.") if part)
    if _media(scope) == PROTOBUF:
        return status_message(code, said), status, PROTOBUF
    return msgspec.json.encode({"code": code, "message": said}), status, JSON


def status_message(code: int, message: str) -> bytes:
    """A `google.rpc.Status` in protobuf: two fields, for which no library of ours has the message."""
    text = message.encode(errors="replace")
    return b"\x08" + bytes([code]) + b"\x12" + _varint(len(text)) + text


def unpacked(body: bytes | bytearray, coding: str) -> bytes | bytearray:
    """A body without its content coding, never more than an export may have.

    Raises:
        Refusal: an unknown coding, or a body that is not in it.
        ExportTooLarge: it unpacks too far.
    """
    if coding in ("", "identity"):
        return body
    if coding not in _WINDOWS:
        raise Refusal(f"Unsupported Content-Encoding: {coding[:80]}. Expected: gzip or deflate")
    unpack, found = zlib.decompressobj(_WINDOWS[coding]), bytearray()
    try:
        rest: bytes | bytearray = body
        while rest and not unpack.eof:
            found += unpack.decompress(rest, PIECE_BYTES)
            rest = unpack.unconsumed_tail
            if len(found) > LARGEST_BYTES:
                raise ExportTooLarge
    except zlib.error as error:
        raise Refusal(f"The body is not in {coding}, as its Content-Encoding says.") from error
    if not unpack.eof:
        raise Refusal(f"The body is cut off before the end of its {coding}.")
    return found


def _keep(workspace: Workspace, scope: Scope, body: bytes | bytearray, media: str) -> bytes:
    experiment = _text(scope, EXPERIMENT)
    if not experiment:
        raise Refusal(f"Missing value for required header '{EXPERIMENT.decode()}'.")
    experiment = checks.check_experiment_id(experiment)
    plain = unpacked(body, header(scope, b"content-encoding").strip().lower())
    if len(plain) > LARGEST_BYTES:
        raise ExportTooLarge
    try:
        read = read_export(plain, is_json=media == JSON)
    except NoSpans:
        # To have nothing to send is no error, as the protocol has it.
        return _answer(0, "", media)
    kept = ours.record_spans(workspace, experiment=experiment, export=workspace.store.put(read.data))
    if run := _text(scope, RUN):
        ours.link_traces(workspace, run=run, traces=kept.traces)
    return _answer(read.rejected, read.why, media)


def _answer(rejected: int, why: str, media: str) -> bytes:
    if not rejected:
        return b"" if media == PROTOBUF else b"{}"
    if media == JSON:
        return msgspec.json.encode({"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": why}})
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTracePartialSuccess,
        ExportTraceServiceResponse,
    )

    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=why)
    return bytes(ExportTraceServiceResponse(partial_success=partial).SerializeToString())


def _media(scope: Scope) -> str:
    return header(scope, b"content-type").partition(";")[0].strip().lower()


def _text(scope: Scope, name: bytes) -> str:
    return header(scope, name).strip()


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
