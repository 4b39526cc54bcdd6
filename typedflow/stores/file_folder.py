"""The folder of a FileStore: its files, their format and their lock. All of it on the worker's thread.

A file is one header line and the bytes of the snapshot:

    typedflow-snapshot 1 <SHA-256 of the rest of the line> {"execution_id": …, "length": …, "digest": …}

so that a header can be trusted without reading what follows. A file comes into being under another name, is synced, and
then takes its place at once (`os.replace`), so that a reader, who takes no lock, meets the old one or the new one.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, final

from typedflow.errors import SnapshotError, StoreError
from typedflow.rules import stores as texts
from typedflow.rules.wording import quoted
from typedflow.stores.durable_files import replace_file, sync_folder
from typedflow.stores.failures import kind_of_file, store_error
from typedflow.stores.records import DamagedEntry, Listing, StoredEntry, StoredSnapshot
from typedflow.stores.requirements import entry_of

MAGIC: Final = b"typedflow-snapshot"
FORMAT: Final = 1
LONGEST_HEADER: Final = 64 * 1024
"""Bytes; a name of `texts.LONGEST_NAME` characters fits, however it is escaped."""
RETRY_AFTER: Final = 0.001, 0.05
"""Seconds between two tries for the lock: the first pause, and the longest."""


@final
@dataclass(frozen=True, slots=True)
class Header:
    """Keep what the first line of a file says."""

    entry: StoredEntry
    length: int
    digest: str
    size: int
    """Bytes of the line itself."""


def file_name(execution_id: str) -> str:
    """Return the name of the file of an execution: a digest, which is safe and distinct on every file system."""
    return f"{sha256(execution_id.encode()).hexdigest()}.snapshot"


def encode(record: StoredSnapshot) -> bytes:
    """Return the whole file of a record."""
    fields = {
        "execution_id": record.execution_id,
        "flow": record.flow,
        "status": record.status,
        "sequence": record.sequence,
        "saved_at": record.saved_at.isoformat(timespec="microseconds"),
        "length": len(record.data),
        "digest": sha256(record.data).hexdigest(),
    }
    line = json.dumps(fields).encode()
    return b"%s %d %s %s\n%s" % (MAGIC, FORMAT, sha256(line).hexdigest().encode(), line, record.data)


def read_header(file: BufferedReader, name: str) -> Header:
    """Read the first line of a file and compare what it promises with the file's size and name."""
    line = file.readline(LONGEST_HEADER)
    parts = line.rstrip(b"\n").split(b" ", 3)
    if len(parts) != 4 or parts[0] != MAGIC or not line.endswith(b"\n"):
        raise SnapshotError(texts.damaged_problem("it does not begin with the header of a snapshot"))
    if parts[1] != b"%d" % FORMAT:
        raise SnapshotError(texts.newer_store_problem(parts[1].decode("latin-1"), FORMAT))
    if sha256(parts[3]).hexdigest().encode() != parts[2]:
        raise SnapshotError(texts.damaged_problem("its header is not what was written"))
    entry, length, digest = _columns(parts[3])
    found = os.fstat(file.fileno()).st_size - len(line)
    if found != length:
        raise SnapshotError(texts.damaged_problem(f"it holds {found} bytes of data instead of {length}"))
    if name != file_name(entry.execution_id):
        raise SnapshotError(texts.damaged_problem(f"it holds the snapshot of {quoted(entry.execution_id)}"))
    return Header(entry, length, digest, len(line))


_COLUMNS: Final = ("execution_id", "flow", "status", "sequence", "saved_at")


def _columns(line: bytes) -> tuple[StoredEntry, int, str]:
    """Read the fields of a header; its checksum fits, so what is wrong in it was written so."""
    try:
        fields: Any = json.loads(line)
        columns = [fields[name] for name in _COLUMNS]
        length, digest = fields["length"], fields["digest"]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise SnapshotError(texts.damaged_problem("its header is not one that a save writes")) from None
    return entry_of(*columns), length, digest


def open_file(path: Path) -> BufferedReader:
    """Open a file for reading; raises `SnapshotError` for what is none, and never blocks.

    To open a FIFO would wait for a writer, and some devices act when they are opened: so it is looked at first, and
    once more when it is open, as something else may have taken its place.
    """
    _require_file(os.stat(path).st_mode)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _require_file(os.fstat(descriptor).st_mode)
    except BaseException:
        os.close(descriptor)
        raise
    return open(descriptor, "rb")


def _require_file(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise SnapshotError(texts.damaged_problem(f"it is {kind_of_file(mode)}, not a file"))


_ID: Final = re.compile(rb'"execution_id": ("[A-Za-z0-9_.-]{1,128}")')


def owner_of(path: Path) -> str | None:
    """Return the execution that a damaged file is of, where its first line still has the id: the name proves it."""
    try:
        with open_file(path) as file:
            found = _ID.search(file.read(LONGEST_HEADER))
    except (OSError, SnapshotError):
        return None
    execution_id = "" if found is None else str(json.loads(found[1]))
    return execution_id if path.name == file_name(execution_id) else None


def _where(path: Path, owner: str | None = None) -> str:
    """Name a file, for messages; a path is never cut."""
    return f"file {str(path)!r}" if owner is None else f"file {str(path)!r} of execution {quoted(owner)}"


@final
class Folder:
    """Read and write the files of one folder; made, and swept of what killed writers left, by `open`."""

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self._timeout = timeout

    def open(self) -> None:
        """Make the folder, and remove unfinished files: a process that writes one has the lock, so they have no writer.

        Its own name and those above it are made durable, also where they are there already: another process may have
        made them just now, and not have come to that yet.
        """
        names = [folder for folder in (self._path, *self._path.parents) if folder != folder.parent]
        made = [folder for folder in names if not folder.exists()]
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in names:
            with nullcontext() if folder in made else suppress(OSError):  # one may not be allowed to open it
                sync_folder(folder.parent)
        with self.locked():
            for unfinished in self._path.glob("*.unfinished"):
                with suppress(OSError):  # a folder, say, which no writer has left
                    unfinished.unlink()

    def entry(self, execution_id: str) -> StoredEntry | None:
        """Read the header of a snapshot, None when there is none."""
        path = self._file(execution_id)
        with self._reading(path, execution_id) as file:
            return None if file is None else read_header(file, path.name).entry

    def read(self, execution_id: str) -> StoredSnapshot | None:
        """Read a snapshot, None when there is none."""
        path = self._file(execution_id)
        with self._reading(path, execution_id) as file:
            if file is None:
                return None
            header = read_header(file, path.name)
            data = file.read()
            if len(data) != header.length or sha256(data).hexdigest() != header.digest:
                raise SnapshotError(texts.damaged_problem("its data is not what was written"))
            entry = header.entry
            return StoredSnapshot(entry.execution_id, entry.flow, entry.status, entry.sequence, entry.saved_at, data)

    def entries(self) -> Listing:
        """Read all headers; what is no readable snapshot is listed apart."""
        found: list[StoredEntry] = []
        damaged: list[DamagedEntry] = []
        for path in sorted(self._path.glob("*.snapshot")):
            try:
                with self._reading(path) as file:
                    if file is not None:  # deleted since
                        found.append(read_header(file, path.name).entry)
            except SnapshotError as error:
                owner = owner_of(path)
                where = _where(path, owner)
                problems = (replace(problem, where=where) for problem in error.problems)
                damaged.append(DamagedEntry(owner, SnapshotError(problems)))
            except OSError as error:
                damaged.append(DamagedEntry(None, store_error("read it", _where(path), error)))
        return Listing(found, damaged)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other writers out, those of other processes too; the system frees the lock of one that dies."""
        lock = os.open(self._path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._wait_for(lock)
            yield
        finally:
            os.close(lock)

    def write(self, record: StoredSnapshot) -> None:
        """Put a snapshot in its place, on the disk before it returns; only within `locked`."""
        target = self._file(record.execution_id)
        unfinished = target.with_suffix(".unfinished")
        data = encode(record)
        unfinished.unlink(missing_ok=True)  # a writer was killed
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        replace_file(target, data, unfinished, descriptor)

    def remove(self, execution_id: str) -> bool:
        """Remove a snapshot, damaged or not; return whether there was one."""
        with self.locked():
            try:
                self._file(execution_id).unlink()
            except FileNotFoundError:
                return False
            sync_folder(self._path)
            return True

    def _file(self, execution_id: str) -> Path:
        return self._path / file_name(execution_id)

    @contextmanager
    def _reading(self, path: Path, owner: str | None = None) -> Iterator[BufferedReader | None]:
        try:
            with open_file(path) as file:
                yield file
        except FileNotFoundError:
            yield None
        except SnapshotError as error:
            raise SnapshotError(problem.at(_where(path, owner)) for problem in error.problems) from None

    def _wait_for(self, lock: int) -> None:
        deadline = time.monotonic() + self._timeout
        pause, longest = RETRY_AFTER
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    hint = "find it, or give the store a longer timeout=…"
                    raise StoreError(texts.failed_problem("lock it", "another process holds the lock", hint)) from None
            time.sleep(pause)
            pause = min(2 * pause, longest)
