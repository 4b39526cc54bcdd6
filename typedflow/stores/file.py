"""Snapshots as files of one folder, one file each: to be looked at, copied and backed up with plain tools."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar, cast, final

from typedflow.errors import ConflictError, SnapshotError, StoreError
from typedflow.rules.wording import quoted
from typedflow.stores.failures import store_error
from typedflow.stores.file_folder import Folder
from typedflow.stores.flow_state_sharing import FlowStateChange
from typedflow.stores.records import Listing, StoredEntry, StoredSnapshot
from typedflow.stores.requirements import (
    page_of,
    require_expected,
    require_id,
    require_no_flow_state,
    require_page,
    require_place,
    require_record,
    require_statuses,
    require_text,
    require_whole,
)
from typedflow.stores.rewriting import Rewriter, Rewritten, Tally
from typedflow.stores.sync_forms import SyncStore
from typedflow.stores.threads import Outcome, StoreThread

T = TypeVar("T")


@final
class FileStore(SyncStore):
    """Keep each snapshot in a file of a folder on a local disk.

    A put that returned survives a crash of the process and of the machine. Saves take turns, those of other processes
    too; reads never wait for them. The folder is made where there is none, and files can be read by their owner only.
    A relative path is one in the folder that is the current one now. `timeout` is how long a call waits for other
    processes, in seconds. Needs the file locks of a POSIX system. It does not share flow_state. Each save writes
    the whole document: for large states that change a little at a time there is SQLiteStore.

    >>> async def main() -> None:
    ...     async with FileStore(folder / "reviews") as store:
    ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...         print(await store.delete("r-1"), await store.list())
    >>> asyncio.run(main())
    True []
    """

    shares_flow_state: bool = False
    whole_documents: bool = True

    def __init__(self, path: str | os.PathLike[str], *, timeout: float = 30.0) -> None:
        path, timeout = require_place("FileStore", path, timeout)
        self.path: Final = os.path.abspath(path)
        self._folder = Folder(Path(self.path), timeout)
        self._thread = StoreThread("FileStore", _Session(self._folder, self.path))

    async def get(self, execution_id: str) -> StoredSnapshot | None:
        """Read the snapshot of an execution, None when there is none."""
        require_id(execution_id)
        return await self._call(f"read {quoted(execution_id)}", lambda folder: folder.read(execution_id))

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        """Save a snapshot in place of the one with the expected sequence; see `SnapshotStore.put`."""
        require_record(record, expected)
        require_whole("FileStore", record)
        require_no_flow_state("FileStore", flow_state)
        return await self._call(f"save {quoted(record.execution_id)}", lambda folder: _save(folder, record, expected))

    async def list(
        self,
        flow: str | None = None,
        status: str | None = None,
        *,
        after: StoredEntry | None = None,
        limit: int | None = None,
        statuses: Collection[str] | None = None,
    ) -> Listing:
        """List what is stored, oldest save first, then by id: all of it, or a page; see `PagedStore.list`.

        It opens every file, and reads its first line, for a page too. What is no readable snapshot (a file that was
        cut, a folder, a FIFO) is in `damaged` of the list.
        """
        require_text("flow", flow)
        wanted = require_statuses(status, statuses)
        require_page(after, limit)
        entries = await self._call("list", lambda folder: folder.entries())
        return page_of(entries, flow, wanted, after, limit, entries.damaged)

    async def delete(self, execution_id: str) -> bool:
        """Delete the snapshot of an execution, damaged or not; return whether there was one."""
        require_id(execution_id)
        return await self._call(f"delete {quoted(execution_id)}", lambda folder: folder.remove(execution_id))

    async def get_flow_state(self, flow: str) -> bytes | None:
        """Return None: a FileStore shares no flow_state."""
        require_text("flow", flow)
        return await self._call("read a flow_state", lambda folder: None)

    async def rewrite(self, rewriter: Rewriter, *, batch: int = 100) -> Rewritten:
        """Write all snapshots anew, one after the other; see `RewritingStore.rewrite`."""
        entries, tally = await self._call("list", lambda folder: folder.entries()), Tally()
        tally.damaged += entries.damaged
        for entry in entries:
            doing = f"rewrite {quoted(entry.execution_id)}"
            await self._call(doing, partial(_rewrite, execution_id=entry.execution_id, rewriter=rewriter, tally=tally))
        return tally.total()

    async def close(self) -> None:
        """Finish the calls under way and end the thread."""
        await self._thread.close()

    async def __aenter__(self) -> Self:
        """Open the folder now, so that a path that cannot be used fails here."""
        await self._call("open it", lambda folder: None)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the store."""
        await self.close()

    async def _call(self, doing: str, work: Callable[[Folder], T]) -> T:
        return cast(T, await self._thread.call((doing, work)))


def _save(folder: Folder, record: StoredSnapshot, expected: int | None) -> None:
    with folder.locked():
        stored = folder.entry(record.execution_id)
        require_expected(record.execution_id, None if stored is None else stored.sequence, expected)
        folder.write(record)


def _rewrite(folder: Folder, execution_id: str, rewriter: Rewriter, tally: Tally) -> None:
    with folder.locked():
        record = tally.attempt(execution_id, lambda: folder.read(execution_id))
        data = None if record is None else tally.attempt(execution_id, lambda: rewriter.snapshot(record))
        if record is not None and data is not None:
            folder.write(replace(record, data=data))
            tally.executions += 1


class _Session:
    """Runs calls one by one: a file has no commit that they could share."""

    def __init__(self, folder: Folder, path: str) -> None:
        self._folder = folder
        self._where = f"folder {path!r}"  # a path is never cut
        self._opened = False

    def run(self, jobs: list[tuple[str, Callable[[Folder], object]]]) -> list[Outcome]:
        return [self._do(doing, work) for doing, work in jobs]

    def finish(self) -> None:
        """Keep nothing open between two calls."""

    def _do(self, doing: str, work: Callable[[Folder], object]) -> Outcome:
        try:
            if not self._opened:
                self._folder.open()
                self._opened = True
            return Outcome(work(self._folder))
        except (ConflictError, SnapshotError) as error:
            return Outcome(error=error)
        except StoreError as error:
            return Outcome(error=StoreError(problem.at(self._where) for problem in error.problems))
        except Exception as error:  # whatever it was, its caller must hear of it, and the thread goes on
            return Outcome(error=store_error(doing, self._where, error))
