"""A scripted OpenAI-compatible server: real HTTP and server-sent events on 127.0.0.1.

    with Server() as server:
        server.script(
            says("Let me see.") + calls("add", x=1, y=2),
            answers("1 + 2 is 3."),
        )
        ... ask `server.url` ...
        assert server.requests[0]["temperature"] == 0

Each request takes the next reply. A reply is defined down to the byte: chunks as dicts, raw bytes,
pauses, a disconnect; `split` cuts the bytes on the wire anywhere. A reply with a `body` is sent in
one piece, with any headers, instead of streamed.
"""

from __future__ import annotations

import gzip
import json
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NOTEBOOK_ARGUMENTS = ('{"', "x", '":', "10", ',"', "y", '":', "10", "}")
NOTEBOOK_ANSWER = (
    *('{"', "answer", '":"', "10", " +", " ", "10", " equals", " ", "20", ".", '","', "tools"),
    *("_used", '":["', "functions", ".add", '"]', "}"),
)


@dataclass(frozen=True)
class Pause:
    """Sends nothing for some seconds."""

    seconds: float


NEVER = Pause(600)
"""Longer than any test waits: the client has to give up, or to be interrupted."""


@dataclass(frozen=True)
class Until:
    """Sends nothing until the event is set, for five minutes at most."""

    event: threading.Event


class Hangup:
    """Closes the connection in the middle of the response."""


Frame = bytes | Pause | Until | Hangup
Part = dict[str, Any] | Frame


@dataclass(frozen=True)
class Reply:
    """The reply to one request. `+` joins several into one message.

    Parts are streamed as events. A body is sent in one piece, and so is an error without parts; it
    is JSON unless the headers say otherwise. `before` precedes the first byte of HTTP.
    """

    parts: tuple[Part, ...] = ()
    finish_reason: str | None = "stop"
    usage: tuple[int, int] | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    done: bool = True
    split: Callable[[bytes], Sequence[bytes]] | None = None
    before: tuple[Frame, ...] = ()

    @property
    def streams(self) -> bool:
        """Whether the reply is a stream of events."""
        return bool(self.parts) or (self.status == 200 and not self.body)

    def __add__(self, other: Reply) -> Reply:
        known = sum(1 for part in self.parts if _opens_call(part))
        moved = tuple(_with_index_raised(part, known) for part in other.parts)
        return replace(other, parts=self.parts + moved)

    def but(self, **changes: Any) -> Reply:
        """Return the reply with some fields changed."""
        return replace(self, **changes)


def delta(**fields: Any) -> dict[str, Any]:
    """A chunk whose one choice has this delta."""
    return {"choices": [{"index": 0, "delta": fields}]}


def ends(reason: str = "stop") -> dict[str, Any]:
    """A chunk with a finish reason; more chunks may follow."""
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def call_delta(
    index: int | None = 0,
    *,
    id: Any = None,
    name: str | None = None,
    arguments: Any = None,
) -> dict[str, Any]:
    """A chunk with a fragment of a tool call; None omits a field."""
    function = {"name": name, "arguments": arguments}
    call: dict[str, Any] = {
        "function": {key: value for key, value in function.items() if value is not None}
    }
    call |= {} if index is None else {"index": index}
    call |= {} if id is None else {"id": id, "type": "function"}
    return delta(tool_calls=[call])


def says(*fragments: str, **fields: Any) -> Reply:
    """A message of text in these fragments."""
    return Reply(tuple(delta(content=fragment) for fragment in fragments), **fields)


def calls(
    tool: str, /, fragments: Sequence[str] | None = None, id: str = "", **arguments: Any
) -> Reply:
    """A tool call whose arguments come in these fragments, or in one."""
    pieces = [json.dumps(arguments)] if fragments is None else fragments
    first = call_delta(id=id or f"call_{tool}", name=tool, arguments="")
    rest = (call_delta(arguments=piece) for piece in pieces)
    return Reply((first, *rest), finish_reason="tool_calls")


def answers(text: str, *, tools_used: Sequence[str] = (), size: int = 4) -> Reply:
    """A call of final_answer with this text, in fragments of `size` characters."""
    arguments = json.dumps({"answer": text, "tools_used": list(tools_used)})
    pieces = [arguments[at : at + size] for at in range(0, len(arguments), size)]
    return calls("final_answer", pieces)


def fails(status: int, message: str = "", headers: dict[str, str] | None = None) -> Reply:
    """An error in the form of OpenAI's."""
    body = json.dumps({"error": {"message": message}}).encode() if message else b""
    return Reply(status=status, body=body, headers=headers or {})


def page(html: str, status: int = 200) -> Reply:
    """A web page."""
    return Reply(status=status, body=html.encode(), headers={"Content-Type": "text/html"})


def whole(payload: Any, status: int = 200) -> Reply:
    """A JSON body, not streamed."""
    return Reply(status=status, body=json.dumps(payload).encode())


def completion(finish_reason: str = "stop", **message: Any) -> Reply:
    """A complete message from a server that does not stream."""
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return whole({"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]})


def lists(*models: str) -> Reply:
    """The list of models."""
    return whole({"object": "list", "data": [{"id": each, "object": "model"} for each in models]})


def gzipped(reply: Reply) -> Reply:
    """The same stream, compressed and without its pauses."""
    body = b"".join(frame for frame in _frames(reply) if isinstance(frame, bytes))
    headers = reply.headers | {"Content-Encoding": "gzip"}
    return reply.but(
        parts=(gzip.compress(body),), finish_reason=None, usage=None, done=False, headers=headers
    )


def notebook() -> tuple[Reply, Reply]:
    """The two messages of the notebook's transcript of `What is 10 + 10`."""
    return calls("add", NOTEBOOK_ARGUMENTS), calls("final_answer", NOTEBOOK_ANSWER)


class Server:
    """The server; a context manager that runs it in a thread.

    Args:
        certificate: a file with a certificate and its key, for https.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.requests: list[dict[str, Any]] = []
        """The bodies of the requests for a completion, in order."""
        self.headers: list[dict[str, str]] = []
        """Their headers, with lower-case names."""
        self.times: list[float] = []
        """When they arrived, by time.monotonic."""
        self.visits: list[str] = []
        """The method and path of every request of any kind."""
        self.models = fails(404)
        """The reply to requests for the list of models."""
        self.disconnected = threading.Event()
        """Set once a client has disconnected before the end of a reply."""
        self._replies: Iterator[Reply] = iter(())
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self._scheme = "http"
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
            self._scheme = "https"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._http.server_address[1]}/v1"

    def script(self, *replies: Reply, forever: bool = False) -> None:
        """Answer the next requests with these, and later ones with an error, unless `forever`."""
        self._replies = _repeated(replies) if forever else iter(replies)

    def next_reply(self, headers: dict[str, str], request: dict[str, Any]) -> Reply:
        with self._lock:
            self.requests.append(request)
            self.headers.append(headers)
            self.times.append(time.monotonic())
            return next(self._replies, fails(418, "the script has no more replies"))

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def wait_for_request(server: Server, count: int = 1) -> None:
    """Wait until there have been so many requests for completions."""
    end = time.monotonic() + 300
    while len(server.requests) < count:
        assert time.monotonic() < end
        time.sleep(0.01)


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _repeated(replies: Sequence[Reply]) -> Iterator[Reply]:
    while True:
        yield from replies


def _opens_call(part: Part) -> bool:
    return any("name" in call["function"] for call in _calls_in(part))


def _calls_in(part: Part) -> list[dict[str, Any]]:
    if not isinstance(part, dict):
        return []
    return [call for choice in part["choices"] for call in choice["delta"].get("tool_calls", [])]


def _with_index_raised(part: Part, by: int) -> Part:
    if not _calls_in(part):
        return part
    copy: dict[str, Any] = json.loads(json.dumps(part))
    for call in _calls_in(copy):
        call["index"] += by
    return copy


def _frames(reply: Reply) -> Iterator[Frame]:
    for part in reply.parts:
        yield _event(part) if isinstance(part, dict) else part
    if reply.finish_reason:
        yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish_reason}]})
    if reply.usage:
        prompt, completion = reply.usage
        counts = {"prompt_tokens": prompt, "completion_tokens": completion}
        yield _event({"choices": [], "usage": counts | {"total_tokens": sum(reply.usage)}})
    if reply.done:
        yield b"data: [DONE]\n\n"


def _event(chunk: dict[str, Any]) -> bytes:
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "scripted",
    }
    return b"data: " + json.dumps(whole | chunk).encode() + b"\n\n"


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self._answer(server.models if self.path.endswith("/models") else fails(404))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._answer(server.next_reply(headers, body))

        def _answer(self, reply: Reply) -> None:
            server.visits.append(f"{self.command} {self.path}")
            try:
                self._send(reply)
            except (BrokenPipeError, ConnectionResetError):
                server.disconnected.set()
                self.close_connection = True

        def _send(self, reply: Reply) -> None:
            if not self._play(reply.before, self.wfile.write):
                return
            self.send_response(reply.status)
            kind = "text/event-stream" if reply.streams else "application/json"
            for name, value in ({"Content-Type": kind} | reply.headers).items():
                self.send_header(name, value)
            if not reply.streams:
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            if self._play(_frames(reply), self._write, reply.split):
                self.wfile.write(b"0\r\n\r\n")

        def _play(
            self,
            frames: Iterable[Frame],
            write: Callable[[bytes], object],
            split: Callable[[bytes], Sequence[bytes]] | None = None,
        ) -> bool:
            """Send the frames; return whether the connection is still open."""
            for frame in frames:
                match frame:
                    case Pause(seconds):
                        self._wait(seconds)
                    case Until(event):
                        event.wait(300)
                    case Hangup():
                        self.close_connection = True
                        return False
                    case bytes():
                        for piece in split(frame) if split else [frame]:
                            write(piece)
            return True

        def _write(self, piece: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

        def _wait(self, seconds: float) -> None:
            """Wait, unless the client disconnects."""
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                self.connection.settimeout(min(left, 0.05))
                try:
                    if not self.connection.recv(1):
                        raise ConnectionResetError
                except TimeoutError:
                    continue
                finally:
                    self.connection.settimeout(None)

    return Handler


MARKDOWN = """\
# Interest on **1,000**

At `5 %` a year it grows by *compound* interest, `base * (1 + rate) ** years`:

| Years | Amount | Growth |
|------:|-------:|:------:|
| 1 | 1,050.00 | 5 % |
| 2 | 1,102.50 | 10.25 % |
| 10 | 1,628.89 | **62.89 %** |

1. Take the base.
2. For every year
   - multiply by `1.05`,
   - and keep the result.

```python
def amount(base: float, rate: float, years: int) -> float:
    \"\"\"What a sum grows to.\"\"\"
    return base * (1 + rate) ** years  # 1628.89 after 10
```

> It is ~~magic~~ arithmetic; see [compound interest](https://example.org/interest).
"""

SCENARIOS: dict[str, tuple[Reply, ...]] = {
    "notebook": notebook(),
    "failing": (calls("exponentiate", x=0, y=-1), answers("0 has no negative power.")),
    "parallel": (calls("add", x=1, y=2) + calls("multiply", x=3, y=4), answers("3 and 12.")),
    "endless": (calls("add", x=1, y=1),),
    "cut": (calls("add", ['{"x": 10, "y": 1']).but(finish_reason="length"),),
    "broken": (Reply((*calls("add", ['{"x": 10, "y": 1']).parts, Hangup())),),
    "wrong-key": (fails(401, "Incorrect API key provided: sk-wrong."),),
    "markdown": (calls("exponentiate", x=1.05, y=10), answers(MARKDOWN).but(usage=(412, 301))),
    "long": (
        answers(
            "\n\n".join(f"Paragraph {number}: " + "word " * 60 for number in range(1, 31)), size=9
        ),
    ),
}


def _slowed(reply: Reply, seconds: float) -> Reply:
    return reply.but(parts=tuple(each for part in reply.parts for each in (part, Pause(seconds))))


def main() -> None:
    """Serve one scenario until interrupted: python -m tests.server SCENARIO [SECONDS]."""
    scenario = sys.argv[1] if len(sys.argv) > 1 else "notebook"
    seconds = sys.argv[2] if len(sys.argv) > 2 else "0.05"
    with Server() as server:
        server.script(*(_slowed(r, float(seconds)) for r in SCENARIOS[scenario]), forever=True)
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
