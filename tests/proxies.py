"""Scripted proxies: real connections on 127.0.0.1."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer

Talk = Callable[[socket.socket], None]


def answers_to_connect(reply: bytes) -> Talk:
    """An HTTP proxy that answers every request with this."""

    def talk(client: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += client.recv(1 << 16)
        client.sendall(reply)

    return talk


def reads_on(client: socket.socket) -> None:
    """A proxy that reads and never answers."""
    while client.recv(1 << 16):
        pass


def speaks_socks(client: socket.socket) -> None:
    """A SOCKS5 proxy without logins (RFC 1928)."""
    _, count = client.recv(2)
    client.recv(count)
    client.sendall(b"\x05\x00")
    *_, kind = client.recv(4)
    host = socket.inet_ntoa(client.recv(4)) if kind == 1 else client.recv(client.recv(1)[0])
    (port,) = struct.unpack("!H", client.recv(2))
    with socket.create_connection((host, port)) as server:
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
        back.start()
        _pass_on(client, server)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # either side may go away
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def proxy(talk: Talk) -> Iterator[str]:
    """Run a proxy; yields its host and port."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            talk(self.request)

    class Proxy(ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Ignore clients that disconnect."""

    with Proxy(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"127.0.0.1:{running.server_address[1]}"
        finally:
            running.shutdown()
            thread.join()
