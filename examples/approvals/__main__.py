"""Serve approvals: `python -m examples.approvals --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

import uvicorn

from examples.approvals.app import build_app
from typedflow.stores import SQLiteStore


class PrintedMail:
    """Mail that is printed, each key once; a real one would give the key to its service."""

    def __init__(self) -> None:
        self._sent: set[str] = set()

    def send(self, key: str, to: str, text: str) -> None:
        """Print a mail, unless it was printed before."""
        if key not in self._sent:
            self._sent.add(key)
            print(f"mail to {to}: {text}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m examples.approvals", description="Serve approvals of purchases.")
    parser.add_argument("--store", default="approvals.db", metavar="file", help="the SQLite file (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="the port, on the loopback address (%(default)s)")
    options = parser.parse_args(arguments)
    app = build_app(partial(SQLiteStore, options.store), PrintedMail())
    uvicorn.run(app, host="127.0.0.1", port=options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
