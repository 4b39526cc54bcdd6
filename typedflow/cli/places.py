"""The store that a command uses: `--store`, else the setting, else `.typedflow/runs.db` of the project."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from typedflow import stores
from typedflow.cli.exits import Mistake
from typedflow.cli.paging import shown_numbers
from typedflow.cli.settings import Settings
from typedflow.rules.names import is_id
from typedflow.rules.wording import quoted, text_of
from typedflow.stores.file import FileStore
from typedflow.stores.records import StoredSnapshot
from typedflow.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from typedflow.stores.postgres import PostgresStore

DatabaseStore: TypeAlias = "SQLiteStore | PostgresStore"
AnyStore: TypeAlias = "DatabaseStore | FileStore"

SCHEMES: Final = ("postgresql://", "postgres://")
"""What the URL of a PostgreSQL database begins with."""
_DATABASE: Final = re.compile(
    r"(postgres(ql)?:|(host|hostaddr|port|dbname|user|password|service|sslmode)\s*=)", re.IGNORECASE
)
"""What begins like a URL, or like `host=… dbname=…`."""


@dataclass(frozen=True, slots=True)
class StorePlace:
    """Where a store is: a SQLite file, a folder of files, or a PostgreSQL database."""

    text: str
    """As it was typed, or as the settings have it."""
    path: Path
    is_default: bool
    """It was not typed, so that a command that is to be typed need not name it either."""

    @property
    def is_database(self) -> bool:
        """Whether it is the URL of a PostgreSQL database."""
        return self.text.startswith(SCHEMES)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of files: one that exists, or a path that ends in a slash."""
        return not self.is_database and (self.text.endswith("/") or self.path.is_dir())

    @property
    def shown(self) -> str:
        """The text without a password."""
        if not self.is_database:
            return self.text
        scheme, _, rest = self.text.partition("://")
        user, at, host = rest.partition("?")[0].rpartition("@")
        return f"{scheme}://{user.partition(':')[0]}{at}{host}"

    def exists(self) -> bool:
        """Return whether anything was ever stored there; of a database that is not known before it is opened."""
        return self.is_database or self.path.exists()

    def open(self) -> AnyStore:
        """Return the store, to be used as an async context manager; raises `Mistake` if there is none."""
        if not self.exists():
            raise Mistake(f"there is no store {quoted(self.text)}", "`typedflow run` makes it; --store names another")
        return self._store()

    def make(self) -> AnyStore:
        """Return the store; it is made if there is none, with its folder, which version control ignores.

        A database is not: the tables in it are.
        """
        folder = self.path.parent
        try:
            if not self.is_database:
                folder.mkdir(parents=True, exist_ok=True)
                if folder.name == ".typedflow" and not (folder / ".gitignore").exists():
                    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise Mistake(f"cannot make the folder of the store {quoted(self.text)}: {text_of(error)}") from None
        return self._store()

    def _store(self) -> AnyStore:
        """Return the store; raises `StoreError` for a URL that is none, and without the package that connects."""
        if self.is_database:
            return stores.PostgresStore(self.text)
        return FileStore(self.path) if self.is_folder else SQLiteStore(self.path)


def store_place(settings: Settings, given: str | None) -> StorePlace:
    """Return the place of the store of a command; a setting is relative to the project, an option is not."""
    text = settings.store if given is None else given
    if not text:
        raise Mistake(
            "the name of the store is empty", "is the variable set that it is of? else leave out --store, or name one"
        )
    if _looks_like_database(text):  # it may have a password, and is not shown
        raise Mistake("a database is named by a URL", "--store postgresql://user@host/database")
    if "://" in text and not text.startswith(SCHEMES):
        scheme = text.partition("://")[0]
        raise Mistake(
            f"there is no store for {quoted(scheme + '://')}",
            "a store is a SQLite file, a folder, or postgresql://user@host/database",
        )
    return StorePlace(text, Path(text) if given is not None else settings.root / text, given is None)


def _looks_like_database(text: str) -> bool:
    """Return whether a text is meant as a database, and is no URL of one: it would become the name of a file."""
    return not text.startswith(SCHEMES) and _DATABASE.match(text) is not None


async def find_stored(store: AnyStore, text: str, at: int | None = None) -> StoredSnapshot:
    """Return the execution of an id, or of the only one that begins with a text; raises `Mistake` if there is none.

    With `at`, as it was at that save.
    """
    stored = await store.get(text) if is_id(text) else None
    if stored is None:
        stored = await store.get(await _id_from(store, text))
    if stored is None:
        raise _unknown(text)
    if at is None:
        return stored
    return await _revision(history_of(store, "--at"), stored, at)


async def _id_from(store: AnyStore, text: str) -> str:
    """Return the id of the only execution that begins with a text; raises `Mistake`."""
    found = [entry.execution_id for entry in await store.list() if text and entry.execution_id.startswith(text)]
    if not found:
        raise _unknown(text)
    if len(found) > 1:
        raise Mistake(f"{len(found)} executions begin with {quoted(text)}", f"they are {', '.join(found[:3])}")
    return found[0]


def _unknown(text: str) -> Mistake:
    return Mistake(f"the store has no execution {quoted(text)}", "`typedflow runs list` shows what it has")


async def _revision(store: DatabaseStore, newest: StoredSnapshot, at: int) -> StoredSnapshot:
    id_ = newest.execution_id
    stored = await store.get(id_, at=at)
    if stored is not None:
        return stored
    kept = [revision.sequence for revision in await store.history(id_)]
    hint = f"it has {shown_numbers(kept)}" if kept else "it keeps no history: `typedflow run --history 20` does"
    raise Mistake(f"execution {quoted(id_)} has no save {at}", hint)


def history_of(store: AnyStore, option: str) -> DatabaseStore:
    """Return the store as one that keeps revisions; a folder of files does not."""
    if isinstance(store, FileStore):
        raise Mistake(f"a folder of files keeps no history, which {option} needs", "--store names a SQLite file")
    return store
