"""Files: what is in the folder, and what a file that is not what was written comes to."""

from __future__ import annotations

import copy
import fcntl
import json
import os
import re
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import chdir
from hashlib import sha256
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests.budget import budget
from tests.stores.conformance import ODD_IDS, record
from typedflow.errors import SnapshotError, StoreError
from typedflow.stores import DamagedEntry, FileStore, Listing
from typedflow.stores.file_folder import encode, file_name

SAVED = record("a", 7, b'{"state": {"topic": "msgspec"}}')


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    before = os.umask(0)
    try:
        async with FileStore(folder) as store:
            await store.put(SAVED, expected=None)
    finally:
        os.umask(before)
    assert mode(folder) == 0o700
    assert {path.name: mode(path) for path in list_files(folder)} == {".lock": 0o600, file_name("a"): 0o600}


async def test_a_change_of_the_current_folder_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with FileStore("snapshots") as store:
        await store.put(SAVED, expected=None)
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert await store.get("a") == SAVED
        await store.put(record("b"), expected=None)
    assert os.listdir(tmp_path / "elsewhere") == []


def list_files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_names_of_files_are_digests(tmp_path: Path) -> None:
    async with FileStore(tmp_path) as store:
        for execution_id in ODD_IDS:
            await store.put(record(execution_id), expected=None)
    names = {path.name for path in list_files(tmp_path)} - {".lock"}
    assert names == {file_name(execution_id) for execution_id in ODD_IDS}
    assert file_name("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb.snapshot"


def test_the_format_stays_readable() -> None:
    assert encode(record("a", 7, b"bytes")) == (
        b"typedflow-snapshot 1 4def1a20dc54d078bd9fbf6f3b6ca372142e197aadca3ca9d961c79afb7d2d29 "
        b'{"execution_id": "a", "flow": "review", "status": "running", "sequence": 7, '
        b'"saved_at": "2026-01-02T12:00:07.123456+00:00", "length": 5, '
        b'"digest": "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9"}\nbytes'
    )


async def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    async with FileStore(tmp_path) as store:
        await store.put(SAVED, expected=None)
        unfinished = (tmp_path / file_name("a")).with_suffix(".unfinished")
        unfinished.write_bytes(b"half")
        await store.put(record("a", 8), expected=7)
        assert not unfinished.exists()
        unfinished.write_bytes(b"half")
    async with FileStore(tmp_path) as store:
        assert not unfinished.exists()
        assert await store.get("a") == record("a", 8)


async def test_data_is_on_the_disk_before_its_name_and_the_name_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    fsync = os.fsync

    def record_fsync(fd: int) -> None:
        fsync(fd)
        synced.append((os.readlink(f"/proc/self/fd/{fd}"), target.exists()))

    target = tmp_path / file_name("a")
    async with FileStore(tmp_path) as store:
        monkeypatch.setattr(os, "fsync", record_fsync)
        await store.put(SAVED, expected=None)
        assert synced == [(str(target.with_suffix(".unfinished")), False), (str(tmp_path), True)]
        synced.clear()
        await store.delete("a")
        assert synced == [(str(tmp_path), False)]


# -- damage


def damaged(whole: bytes) -> Iterator[bytes]:
    """Yield every prefix, every byte with a bit or all bits flipped, and more than there was."""
    for position in range(len(whole)):
        yield whole[:position]
        for mask in (0x01, 0x20, 0xFF):
            yield whole[:position] + bytes([whole[position] ^ mask]) + whole[position + 1 :]
    yield whole + b"\n"
    yield whole + whole
    yield whole.replace(b"\n", b" \n", 1)


async def test_no_damaged_file_is_loaded(tmp_path: Path) -> None:
    whole = encode(SAVED)
    path = tmp_path / file_name("a")
    async with FileStore(tmp_path) as store:
        for broken in damaged(whole):
            path.write_bytes(broken)
            with pytest.raises(SnapshotError, match=rf"^TF95[56]: file '{re.escape(str(path))}' of execution 'a': "):
                await store.get("a")
        path.write_bytes(whole)
        assert await store.get("a") == SAVED


@pytest.mark.long
@pytest.mark.parametrize("position", ["first", "middle", "last"])
async def test_a_flipped_bit_of_a_large_file_is_noticed(position: str, tmp_path: Path) -> None:
    large = encode(record(data=bytes(int(500_000 * budget()))))
    at = {"first": large.index(b"\n") + 1, "middle": len(large) // 2, "last": len(large) - 1}[position]
    (tmp_path / file_name("a")).write_bytes(large[:at] + b"\1" + large[at + 1 :])
    async with FileStore(tmp_path) as store:
        with pytest.raises(SnapshotError, match=r"its data is not what was written"):
            await store.get("a")


@pytest.mark.parametrize(
    "broken, text",
    [
        (b"", "TF955: {}: damaged: it does not begin with the header of a snapshot"),
        (b"x" * 100_000, "TF955: {}: damaged: it does not begin with the header of a snapshot"),
        (encode(SAVED).replace(b"snapshot 1", b"snapshot 2"), "TF956: {}: its format is '2' (str), known is 1"),
        (encode(SAVED).replace(b"review", b"REVIEW"), "TF955: {}: damaged: its header is not what was written"),
        (encode(SAVED)[:-1], "TF955: {}: damaged: it holds 30 bytes of data instead of 31"),
        (encode(SAVED)[:-1] + b"!", "TF955: {}: damaged: its data is not what was written"),
        (encode(record("b")), "TF955: {}: damaged: it holds the snapshot of 'b'"),
    ],
)
async def test_a_damaged_file_says_what_is_wrong(broken: bytes, text: str, tmp_path: Path) -> None:
    path = tmp_path / file_name("a")
    path.write_bytes(broken)
    async with FileStore(tmp_path) as store:
        with pytest.raises(SnapshotError) as caught:
            await store.get("a")
    hint = "update typedflow" if "format" in text else "move it away, or bring it back from a backup"
    place = f"file {str(path)!r} of execution 'a'"
    assert str(caught.value) == f"{text.format(place)} ({hint})"


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, chdir(path.parent):  # its address may have 107 bytes
        server.bind(path.name)


def header_of(**fields: object) -> bytes:
    """Return a file with a header that a save could have written, but for some of its fields; None: without it."""
    line = encode(SAVED).split(b" ", 3)[3].partition(b"\n")[0]
    changed = json.loads(line) | fields
    line = json.dumps({name: value for name, value in changed.items() if value is not None}).encode()
    return b"typedflow-snapshot 1 %s %s\n%s" % (sha256(line).hexdigest().encode(), line, SAVED.data)


STRANGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "it does not begin with the header"),
    "zeros": (lambda path: path.write_bytes(bytes(300_000)), "it does not begin with the header"),
    "cut": (lambda path: path.write_bytes(encode(SAVED)[:-1]), "it holds 30 bytes of data instead of 31"),
    "cut header": (lambda path: path.write_bytes(encode(SAVED)[:150]), "it does not begin with the header"),
    "longer": (lambda path: path.write_bytes(encode(SAVED) + b"x"), "it holds 32 bytes of data instead of 31"),
    "newer": (lambda path: path.write_bytes(encode(SAVED).replace(b"t 1", b"t 2", 1)), "its format is '2' (str)"),
    "folder": (lambda path: path.mkdir(), "it is a folder, not a file"),
    "fifo": (make_fifo, "it is a FIFO, not a file"),
    "socket": (make_socket, "it is a socket, not a file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
    "loop": (lambda path: path.symlink_to(path), "cannot read it: Too many levels of symbolic links"),
    "no length": (lambda path: path.write_bytes(header_of(length=None)), "its header is not one that a save writes"),
    "no status": (lambda path: path.write_bytes(header_of(status=None)), "its header is not one that a save writes"),
    "odd id": (lambda path: path.write_bytes(header_of(execution_id=["a"])), "its execution_id is ['a'] (list)"),
    "odd flow": (lambda path: path.write_bytes(header_of(flow=5)), "its flow is 5 (int), which no save has written"),
    "odd status": (lambda path: path.write_bytes(header_of(status="\ud800")), "its status is"),
    "odd sequence": (lambda path: path.write_bytes(header_of(sequence="7")), "its sequence is '7' (str)"),
    "negative": (lambda path: path.write_bytes(header_of(sequence=-1)), "its sequence is -1 (int)"),
    "no time": (lambda path: path.write_bytes(header_of(saved_at="noon")), "its saved_at is 'noon' (str)"),
    "number as time": (lambda path: path.write_bytes(header_of(saved_at=5)), "its saved_at is 5 (int)"),
    "no zone": (lambda path: path.write_bytes(header_of(saved_at="2026-01-02")), "its saved_at is '2026-01-02' (str)"),
}
KNOWN_BY_ITS_HEADER = {"cut", "longer", "newer", "no length", "no status", "odd flow", "odd status", "odd sequence"}
KNOWN_BY_ITS_HEADER |= {"negative", "no time", "number as time", "no zone", "cut header"}


@pytest.mark.parametrize("kind", STRANGE)
async def test_one_strange_file_leaves_the_others_listed(kind: str, tmp_path: Path) -> None:
    make, text = STRANGE[kind]
    make(tmp_path / file_name("a"))
    async with FileStore(tmp_path) as store:
        for execution_id in ("b", "c"):
            await store.put(record(execution_id), expected=None)
        entries = await store.list()
        assert [entry.execution_id for entry in entries] == ["b", "c"]
        (damaged,) = entries.damaged
        assert damaged.execution_id == ("a" if kind in KNOWN_BY_ITS_HEADER else None)
        assert text in str(damaged.error)
        assert str(tmp_path / file_name("a")) in str(damaged.error)
        if damaged.execution_id is not None:
            assert "of execution 'a'" in str(damaged.error)
        assert [entry.execution_id for entry in await store.list("review", "running")] == ["b", "c"]
        with pytest.raises((SnapshotError, StoreError), match="'a'") as caught:
            await store.get("a")
        assert text.replace("read it", "read 'a'") in str(caught.value)
        with pytest.raises((SnapshotError, StoreError), match="'a'"):
            await store.put(record("a", 8), expected=7)
        assert await store.get("b") == record("b")


@pytest.mark.parametrize("kind", sorted(STRANGE.keys() - {"folder"}))
async def test_a_strange_file_can_be_deleted(kind: str, tmp_path: Path) -> None:
    STRANGE[kind][0](tmp_path / file_name("a"))
    async with FileStore(tmp_path) as store:
        assert await store.delete("a") is True
        assert (await store.list()).damaged == ()


async def test_a_folder_in_the_place_of_a_file_is_not_deleted(tmp_path: Path) -> None:
    STRANGE["folder"][0](tmp_path / file_name("a"))
    async with FileStore(tmp_path) as store:
        with pytest.raises(StoreError, match="cannot delete 'a'"):
            await store.delete("a")


async def test_what_is_strange_among_unfinished_files_keeps_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "x.unfinished").mkdir()
    make_fifo(tmp_path / "y.unfinished")
    (tmp_path / "notes.txt").write_text("mine")
    async with FileStore(tmp_path) as store:
        await store.put(SAVED, expected=None)
        entries = await store.list()
    assert (entries, entries.damaged) == ([SAVED.entry], ())
    assert not (tmp_path / "y.unfinished").exists()


async def test_a_status_that_nobody_knows_is_listed_as_it_is(tmp_path: Path) -> None:
    (tmp_path / file_name("a")).write_bytes(header_of(status="sleeping"))
    async with FileStore(tmp_path) as store:
        (entry,) = await store.list(status="sleeping")
        assert (entry.execution_id, entry.status) == ("a", "sleeping")


async def test_a_fifo_that_takes_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / file_name("a")
    real = os.stat

    def stat_then_swap(given: Any, **options: Any) -> os.stat_result:
        found = real(given, **options)
        if given == path and stat.S_ISREG(found.st_mode):
            path.unlink()
            make_fifo(path)
        return found

    async with FileStore(tmp_path) as store:
        await store.put(SAVED, expected=None)
        monkeypatch.setattr(os, "stat", stat_then_swap)
        with pytest.raises(SnapshotError, match="it is a FIFO, not a file"):
            await store.get("a")


def test_a_listing_is_a_list_with_the_damaged_beside_it() -> None:
    damaged = DamagedEntry("b", SnapshotError("damaged"))
    listing = Listing([SAVED.entry], [damaged])
    assert listing == [SAVED.entry]
    assert copy.copy(listing).damaged == (damaged,)
    assert Listing() == []


async def test_a_list_reads_no_data(tmp_path: Path) -> None:
    async with FileStore(tmp_path) as store:
        await store.put(SAVED, expected=None)
        path = tmp_path / file_name("a")
        path.write_bytes(encode(SAVED)[:-1] + b"!")
        assert await store.list() == [SAVED.entry]


async def test_a_file_that_vanishes_while_the_list_is_read_is_not_listed(tmp_path: Path) -> None:
    async with FileStore(tmp_path) as store:
        await store.put(SAVED, expected=None)
        (tmp_path / file_name("b")).symlink_to(tmp_path / "nowhere")  # listed by the folder, and not there
        assert await store.list() == [SAVED.entry]


async def test_a_damaged_file_is_not_replaced_but_can_be_deleted(tmp_path: Path) -> None:
    path = tmp_path / file_name("a")
    async with FileStore(tmp_path) as store:
        path.write_bytes(b"damaged")
        for expected in (None, 7):
            with pytest.raises(SnapshotError):
                await store.put(record("a", 8), expected=expected)
        assert path.read_bytes() == b"damaged"
        assert await store.delete("a") is True
        await store.put(record("a", 8), expected=None)
        assert await store.get("a") == record("a", 8)


async def test_a_header_that_makes_no_sense_is_an_error(tmp_path: Path) -> None:
    line = b'{"execution_id": "a"}'
    (tmp_path / file_name("a")).write_bytes(b"typedflow-snapshot 1 %s %s\n" % (sha256(line).hexdigest().encode(), line))
    async with FileStore(tmp_path) as store:
        with pytest.raises(SnapshotError, match="its header is not one that a save writes"):
            await store.get("a")


# -- what the system refuses


async def test_an_input_output_error_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / file_name("a")).symlink_to("/proc/self/mem")  # its first page is not mapped: EIO
    async with FileStore(tmp_path) as store:
        with pytest.raises(StoreError) as caught:
            await store.get("a")
    problem = caught.value.problems[0]
    assert problem.text == "cannot read 'a': Input/output error"
    assert isinstance(caught.value.__cause__, OSError)


async def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FileStore(tmp_path / "file" / "folder")
    with pytest.raises(StoreError) as caught:
        await store.__aenter__()
    assert caught.value.problems[0].text == "cannot open it: Not a directory"
    assert caught.value.problems[0].where.startswith("folder '")
    await store.close()


async def test_a_folder_that_vanished_is_a_store_error(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    async with FileStore(folder) as store:
        (folder / ".lock").unlink()
        folder.rmdir()
        assert await store.get("a") is None
        with pytest.raises(StoreError, match="cannot save 'a': No such file or directory"):
            await store.put(SAVED, expected=None)


async def test_a_lock_that_is_not_released_is_a_store_error(tmp_path: Path) -> None:
    async with FileStore(tmp_path, timeout=0) as store:
        await store.put(SAVED, expected=None)
        with (tmp_path / ".lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(StoreError) as caught:
                await store.put(record("a", 8), expected=7)
            assert await store.get("a") == SAVED
        await store.put(record("a", 8), expected=7)
    problem = caught.value.problems[0]
    assert (problem.text, problem.hint) == (
        "cannot lock it: another process holds the lock",
        "find it, or give the store a longer timeout=…",
    )


async def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    async with FileStore(tmp_path, timeout=60) as store:
        await store.put(SAVED, expected=None)
        lock = os.open(tmp_path / ".lock", os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
        Timer(0.05, os.close, [lock]).start()
        await store.put(record("a", 8), expected=7)
        with pytest.raises(OSError, match="Bad file descriptor"):  # it was closed before
            os.fstat(lock)
