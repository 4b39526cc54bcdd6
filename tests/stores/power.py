"""A disk that loses power: what it may hold after each recorded operation.

The model is POSIX at its least: what was not synced is lost, kept, or kept in part, in any order, by sectors; a name
that was made, moved or removed is certain only after its folder was synced. What was never written is zeros.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from tests.stores.recorded import Operation

SECTORS: Final = 512, 4096
MODES: Final = "dropped", "kept", "cut", "some", "torn"
"""What may become of the changes since the last sync: none, all, the first ones, any of them, any sectors of them."""

T = TypeVar("T")
Change = tuple[int, bytes | None]
"""A write at an offset; without bytes, a new size."""
Naming = tuple[str, "File | Folder | None"]
"""A name and what it now stands for; None when it was removed."""


@dataclass(eq=False)
class File:
    """Keep what is certain of a file, and what was done to it since."""

    certain: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.pending:
            apply_change(self.certain, change)
        self.pending.clear()

    def after_loss(self, mode: str, chance: Random) -> bytes:
        content = bytearray(self.certain)
        pending = self.pending
        if mode == "torn":
            size = chance.choice(SECTORS)
            pending = [part for change in pending for part in split(change, size)]
        for change in surviving(pending, mode, chance):
            apply_change(content, change)
        return bytes(content)


@dataclass(eq=False)
class Folder:
    """Keep which names of a folder are certain, and what was done to them since. A rename is one change."""

    certain: dict[str, File | Folder] = field(default_factory=dict)
    now: dict[str, File | Folder] = field(default_factory=dict)
    pending: list[list[Naming]] = field(default_factory=list)

    def name(self, *namings: Naming) -> None:
        apply_namings(self.now, list(namings))
        self.pending.append(list(namings))

    def sync(self) -> None:
        self.certain = dict(self.now)
        self.pending.clear()

    def after_loss(self, mode: str, chance: Random) -> dict[str, File | Folder]:
        names = dict(self.certain)
        for namings in surviving(self.pending, mode, chance):
            apply_namings(names, namings)
        return names


def apply_change(content: bytearray, change: Change) -> None:
    offset, data = change
    content.extend(bytes(max(0, offset - len(content))))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data


def apply_namings(names: dict[str, File | Folder], namings: list[Naming]) -> None:
    for name, node in namings:
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def split(change: Change, size: int) -> list[Change]:
    """Divide a write at the sectors of the disk."""
    offset, data = change
    if data is None:
        return [change]
    first = size - offset % size
    bounds = [0, *range(first, len(data), size), len(data)]
    return [(offset + a, data[a:b]) for a, b in pairwise(bounds)]


def surviving(pending: list[T], mode: str, chance: Random) -> list[T]:
    match mode:
        case "dropped":
            return []
        case "kept":
            return pending
        case "cut":
            return pending[: chance.randint(0, len(pending))]
        case _:
            share = chance.choice((0.1, 0.5, 0.9))
            return [each for each in pending if chance.random() < share]


class Disk:
    """Follow the operations on one folder, itself certain and empty at first."""

    def __init__(self, path: Path) -> None:
        self.root = Folder()
        self._path = path
        self._open: dict[int, File | Folder] = {}

    def follow(self, operation: Operation) -> None:
        match operation.what:
            case "o":
                self._open[operation.fd] = self._opened(operation)
            case "w":
                self._file(operation).pending.append((operation.offset, operation.payload))
            case "t":
                self._file(operation).pending.append((operation.offset, None))
            case "s":
                self._open[operation.fd].sync()
            case "m":
                folder, name = self._find(operation.paths[0])
                folder.name((name, Folder()))
            case "u":
                folder, name = self._find(operation.paths[0])
                folder.name((name, None))
            case "r":
                (folder, old), (other, new) = map(self._find, operation.paths)
                assert folder is other
                folder.name((new, folder.now[old]), (old, None))
            case what:
                raise AssertionError(what)

    def lose_power(self, into: Path, chance: Random) -> None:
        """Write what the disk may hold into a new folder."""
        fixed = chance.choice((None, *MODES))  # for all files and folders, or for each its own
        self._write(self.root, into, fixed, chance)

    def write_all(self, into: Path) -> None:
        """Write what the disk holds while power is on."""
        self._write(self.root, into, "kept", Random(0))

    def _write(self, folder: Folder, into: Path, fixed: str | None, chance: Random) -> None:
        into.mkdir()
        for name, node in folder.after_loss(fixed or chance.choice(MODES), chance).items():
            if isinstance(node, Folder):
                self._write(node, into / name, fixed, chance)
            else:
                (into / name).write_bytes(node.after_loss(fixed or chance.choice(MODES), chance))

    def _opened(self, operation: Operation) -> File | Folder:
        path = operation.paths[0]
        if Path(path) == self._path:
            return self.root
        folder, name = self._find(path)
        if name not in folder.now:
            folder.name((name, File()))
        node = folder.now[name]
        if operation.offset:  # O_TRUNC
            assert isinstance(node, File)
            node.pending.append((0, None))
        return node

    def _file(self, operation: Operation) -> File:
        node = self._open[operation.fd]
        assert isinstance(node, File)
        return node

    def _find(self, path: str) -> tuple[Folder, str]:
        *folders, name = Path(os.path.relpath(path, self._path)).parts
        found = self.root
        for each in folders:
            node = found.now[each]
            assert isinstance(node, Folder)
            found = node
        return found, name
