"""The store that a command uses: `--store`, else the setting, else `.typedflow/runs.db` of the project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from typedflow.cli.exits import Mistake
from typedflow.cli.settings import Settings
from typedflow.rules.wording import quoted, text_of
from typedflow.stores.file import FileStore
from typedflow.stores.protocol import StoredEntry, StoredSnapshot
from typedflow.stores.sqlite import SQLiteStore

LocalStore = SQLiteStore | FileStore


@dataclass(frozen=True, slots=True)
class StorePlace:
    """Where a store is: a SQLite file, or a folder of files."""

    text: str
    """As it was typed, or as the settings have it."""
    path: Path
    is_default: bool
    """It was not typed, so that a command that is to be typed need not name it either."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of files: one that exists, or a path that ends in a slash."""
        return self.text.endswith("/") or self.path.is_dir()

    def exists(self) -> bool:
        """Return whether anything was ever stored there."""
        return self.path.exists()

    def open(self) -> LocalStore:
        """Return the store, to be used as an async context manager; raises `Mistake` if there is none."""
        if not self.exists():
            raise Mistake(f"there is no store {quoted(self.text)}", "`typedflow run` makes it; --store names another")
        return self._store()

    def make(self) -> LocalStore:
        """Return the store; it is made if there is none, with its folder, which version control ignores."""
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if folder.name == ".typedflow" and not (folder / ".gitignore").exists():
                (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise Mistake(f"cannot make the folder of the store {quoted(self.text)}: {text_of(error)}") from None
        return self._store()

    def _store(self) -> LocalStore:
        return FileStore(self.path) if self.is_folder else SQLiteStore(self.path)


def store_place(settings: Settings, given: str | None) -> StorePlace:
    """Return the place of the store of a command; a setting is relative to the project, an option is not."""
    text = settings.store if given is None else given
    if "://" in text:
        raise Mistake(f"the store {quoted(text)} is no path", "a store is a SQLite file or a folder")
    return StorePlace(text, Path(text) if given is not None else settings.root / text, given is None)


async def find_stored(store: LocalStore, text: str) -> StoredSnapshot:
    """Return the execution of an id, or of the only one that begins with a text; raises `Mistake` if there is none."""
    entries = await store.list()
    ids = [entry.execution_id for entry in entries]
    found = [text] if text in ids else [id_ for id_ in ids if text and id_.startswith(text)]
    if len(found) > 1:
        shown = ", ".join(found[:3])
        raise Mistake(f"{len(found)} executions begin with {quoted(text)}", f"they are {shown}")
    stored = await store.get(found[0]) if found else None
    if stored is None:
        raise Mistake(f"the store has no execution {quoted(text)}", "`typedflow runs list` shows what it has")
    return stored


def shown_time(entry: StoredEntry) -> str:
    """Return when an execution was saved, in UTC, to the second."""
    return f"{entry.saved_at:%Y-%m-%d %H:%M:%S}"
