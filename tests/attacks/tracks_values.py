"""What no client of MLflow's sends: texts, values of JSON, bodies, content types."""

import gzip
import zlib

JSON = {"content-type": "application/json"}
ODD_TEXTS = (
    "", " ", "\0", "a\0b", "\r\nset-cookie: a=b", "\u202e", "\U0001f600", "é" * 300, "x" * 120_000,
    "a" * 5_000_000,
    "<script>alert(1)</script>", "'; drop table run; --", '" or 1=1 --', "%s{}$x${y}", "%00", "%ff%fe",
    "1e400", "\uff19\uff19", "\u0661", "1_0", " 1", "-1", "99999999999999999999", "m-" + "0" * 32, "0" * 32,
    "NaN", "null", "[]",
    "name = 'a' OR 1=1", "(" * 5_000, "metrics.a > 1e999", "start_time > 1e999",
    "attributes.start_time <= 1e309",
    "tags.a LIKE '" + "%" * 60_000 + "'", "tags.a LIKE '" + "[" * 30_000 + "'",
    "params.a ILIKE '%" + "_%" * 25_000 + "'",
    " AND ".join(["metrics.a > 1"] * 150), "run_id IN ('" + "','".join(map(str, range(9_000))) + "')",
    "version_number = 1e400", "tags.`" + "k" * 90_000 + "` = 'x'", "metrics.a > 9" + "9" * 400, "\ufeff",
    "\x7f\x1b[2J",
)  # fmt: skip
RAW = (
    b"null", b"true", b"false", b"0", b"-1", b"1.5", b"1e400", b"-1e400", b"NaN", b"Infinity", b"-Infinity",
    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"18446744073709551616",
    b"9" * 400,
    b"9" * 5_000, b"0.1e-9999", b"[]", b"{}", b"[null]", b"[[]]", b"[{}]", b'[""]', b'{"a":1}', b'{"key":1}',
    b"[" * 60 + b"]" * 60, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff\xfe"', b'"\xc0\xaf"', b'"\x00"', b'"\\u0000"', b"'a'",
    b"01", b"1,2",
    b'[{"key":"a","value":"b"},{"key":"a","value":"c"}]', b'[{"key":"a","value":{}}]', b'[{"key":["a"]}]',
    b"[" + b",".join([b'{"key":"k","value":1,"timestamp":1,"step":1}'] * 10_000) + b"]",
    b"[" + b",".join(b'"metrics.m%d"' % n for n in range(50)) + b"]",
    b'[{"key":"a","value":NaN,"timestamp":1}]', b'[{"key":"a","value":1,"timestamp":1e300}]',
    b'[{"key":"a","value":1,"timestamp":9223372036854775807,"step":9223372036854775807}]',
    b'[{"key":"a","value":1,"timestamp":1,"step":9223372036854775808}]',
    b'[{"model_id":"../../etc","step":1e30}]',
)  # fmt: skip
BODIES = (
    b"", b" ", b"null", b"[]", b'"x"', b"1", b"NaN", b"{", b"}", b'{"a"', b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}", b"{}{}",
    b"[" * 100_000, b'{"a":' * 100_000, b"\x00" * 1_000, b'{"run_id":"a","run_id":"b"}',
    b'{"run_id": "\xff"}',
    b"<xml/>", b"a=b&c=d", b'{"__proto__":{}, "constructor":1}',
)  # fmt: skip
KINDS: tuple[dict[str, str], ...] = (
    {},
    {"content-type": "text/plain"},
    {"content-type": "application/json; charset=utf-16"},
    {"content-type": "multipart/form-data; boundary=x"},
    {"content-encoding": "gzip", **JSON},
)
ODD_KEYS = tuple(
    f"a{character}b"
    for character in (*map(chr, range(0x80)), "\x85", "\u2028", "\u200b", "\ufeff", "\ufffe", "\U000e0001")
    if not (character.isalnum() and character.isascii())
)
"""Keys with each character that is no letter and no digit, of which MLflow allows a few."""
SPANS = (
    b"", b"{}", b"\x00", b"\xff" * 64, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x00" * 20_000, b"\x0b" * 50_000,
    b'{"resourceSpans":' + b"[" * 50_000,
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"../../x","spanId":"\\u0000"}]}]}]}',
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b",".join([b'{"name":"n"}'] * 20_000) + b"]}]}]}",
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"' + b"a" * 32 + b'","spanId":"' + b"b" * 16
    + b'","name":"\\ud800","startTimeUnixNano":"18446744073709551615","endTimeUnixNano":"-1","attributes":'
    b'[{"key":"a","value":' + b'{"arrayValue":{"values":[' * 900 + b"]}}" * 900 + b"}]}]}]}]}",
    gzip.compress(bytes(30_000_000)), gzip.compress(b"{}")[:-4],
    gzip.compress(gzip.compress(bytes(9_000_000))), zlib.compress(bytes(30_000_000)),
)  # fmt: skip
"""Exports of OpenTelemetry, as protobuf or JSON, plain or packed."""
