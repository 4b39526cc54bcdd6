r"""Texts in PostgreSQL, which has no NUL in them: it is written as ``\0``, and a backslash as ``\\``.

Both ways are done by the connection, so that no statement has to think of it. All other names are stored as they are.
"""

from __future__ import annotations

import re
from typing import Any, Final

import psycopg
from psycopg.types.string import StrDumperUnknown, TextBinaryLoader, TextLoader

_ESCAPED: Final = re.compile(r"\\([\\0])")


def escape(text: str) -> str:
    """Return a text as a column holds it."""
    return text.replace("\\", "\\\\").replace("\0", "\\0")


def unescape(text: str) -> str:
    """Return the text that a column stands for; what no `escape` has written stays as it is."""
    return _ESCAPED.sub(lambda found: "\0" if found[1] == "0" else "\\", text) if "\\" in text else text


class _Dumper(StrDumperUnknown):
    def dump(self, obj: str) -> Any:
        return super().dump(escape(obj))


class _Loader(TextLoader):
    def load(self, data: Any) -> Any:
        return unescape(super().load(data))  # type: ignore[arg-type]  # a str, as the client encoding is UTF-8


class _BinaryLoader(TextBinaryLoader):
    def load(self, data: Any) -> Any:
        return unescape(super().load(data))  # type: ignore[arg-type]  # as above


def adapt_texts(connection: psycopg.Connection[Any]) -> None:
    """Configure a connection to escape and unescape all texts."""
    connection.adapters.register_dumper(str, _Dumper)
    connection.adapters.register_loader("text", _Loader)
    connection.adapters.register_loader("text", _BinaryLoader)
