"""A proxy before a PostgreSQL server that fails as networks do: it drops what is under way, or stops to answer."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, Self

Fault = Literal["before", "after", "hang"]
"""Of the next commit: drop it before the server gets it, drop the answer to it, or never answer."""

_PORT: Final = ".s.PGSQL.5432"


class Proxy:
    """Listens on a Unix socket in a folder, and forwards to the server's."""

    def __init__(self, folder: Path, server: Path) -> None:
        self.conninfo = f"postgresql:///postgres?host={folder}&user=tests"
        self._server = str(server / _PORT)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / _PORT))
        self._listening.listen()
        self._sockets: list[socket.socket] = []
        self._pairs: list[_Pair] = []
        self._fault: Fault | None = None
        self.faults = 0
        """How often it has failed."""

    def fail(self, fault: Fault) -> None:
        """Fail at the next commit of a transaction that writes, once."""
        self._fault = fault

    def hang(self) -> None:
        """Pass on nothing any more between those that are connected, and drop no connection; new ones work."""
        for pair in self._pairs:
            pair.hangs = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        for each in (self._listening, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                self._sockets += [client, server]
                pair = _Pair(self, client, server)
                self._pairs.append(pair)
                threading.Thread(target=pair.to_server, daemon=True).start()
                threading.Thread(target=pair.to_client, daemon=True).start()

    def take_fault(self, data: bytes) -> Fault | None:
        """Return how to fail now, for what a client sends."""
        fault = self._fault
        if fault is None or b"COMMIT\0" not in data:
            return None
        self._fault = None
        self.faults += 1
        return fault


class _Pair:
    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self.hangs = False
        self._writes = False
        self._answers = True
        self._answered = threading.Event()
        """Set when the server has answered what the client shall not hear."""

    def to_server(self) -> None:
        with suppress(OSError):
            while data := self._client.recv(65536):
                if self.hangs:
                    continue
                if b"BEGIN" in data:
                    self._writes = b"READ COMMITTED" in data
                fault = self._proxy.take_fault(data) if self._writes else None
                if fault == "before":
                    break
                self._answers = fault is None and self._answers
                self._server.sendall(data)
                if fault == "after":
                    self._answered.wait(60)  # the commit is done
                    break
        self._close()

    def to_client(self) -> None:
        with suppress(OSError):
            while data := self._server.recv(65536):
                if self.hangs:
                    continue
                if self._answers:
                    self._client.sendall(data)
                else:
                    self._answered.set()
        if self._answers:
            self._close()

    def _close(self) -> None:
        for each in (self._client, self._server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
