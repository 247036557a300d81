"""A tracking server that does nothing: each answer is ready before it is asked for. Prints its port.

What MLflow's client reaches against it is the client's own limit.
"""

import asyncio

RUN = (
    b'{"run":{"info":{"run_id":"00000000000000000000000000000001","run_uuid":"00000000000000000000000000000001",'
    b'"experiment_id":"0","run_name":"hollow","status":"RUNNING","start_time":1,"artifact_uri":"","user_id":"",'
    b'"lifecycle_stage":"active"},"data":{},"inputs":{}}}'
)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class Hollow(asyncio.Protocol):
    """One connection: as soon as a request is whole, its answer goes out."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._data = b""

    def data_received(self, data: bytes) -> None:
        """Part of a request, or all of it."""
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._data = body[_length(head) :]
        path = head.split(b" ", 2)[1]
        answer = RUN if b"/runs/create" in path or b"/runs/get" in path else b"{}"
        self._transport.write(HEAD % len(answer) + answer)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def serve() -> None:
    """Until it is ended."""
    server = await asyncio.get_running_loop().create_server(Hollow, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(serve())
