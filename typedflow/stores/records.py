"""The records that a store keeps and lists: columns that it may be asked for, and bytes that it never decodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias, final

from typedflow.errors import SnapshotError, StoreError


@final
@dataclass(frozen=True, slots=True)
class StoredEntry:
    """List one stored snapshot, without its bytes.

    >>> async def main() -> StoredEntry:
    ...     async with MemoryStore() as store:
    ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...         return (await store.list())[0]
    >>> entry = asyncio.run(main())
    >>> entry.execution_id, entry.flow, entry.status, entry.sequence
    ('r-1', 'review', 'waiting', 2)
    """

    execution_id: str
    flow: str
    status: str
    sequence: int
    saved_at: datetime


@final
@dataclass(frozen=True, slots=True)
class PendingInterrupt:
    """Describe an interrupt of a stored execution that waits for its answer; `continue_with` takes it.

    >>> async def main() -> None:
    ...     async with MemoryStore() as store:
    ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...         for asked in await store.pending("review"):
    ...             execution = await flow.async_open(asked.execution_id, store=store)
    ...             print(asked.payload, await execution.async_continue_with(asked, "Sibley"))
    >>> asyncio.run(main())
    ['Sibley', 'Svensson'] completed
    """

    execution_id: str
    flow: str
    interrupt_id: str
    type: str
    payload: Any
    """JSON-typed; a copy."""
    since: datetime
    """When the step paused, in UTC."""
    deadline: datetime | None
    step: str
    within: tuple[str, ...] = ()
    """The names of the sub_flow nodes that the step is inside of, outermost first."""
    resume_event: str | None = None
    key: str = ""
    """The `data.key` of the paused step; empty for one that an older typedflow has saved."""


@final
@dataclass(frozen=True, slots=True)
class Notes:
    """What a save changes beside the document, for a store that keeps it in rows of its own.

    >>> from typedflow.stores import Notes
    >>> Notes(steps=("search",), changed=("state.found", "tokens")).steps
    ('search',)
    """

    asked: tuple[PendingInterrupt, ...] = ()
    """The interrupts that became pending since the save before."""
    answered: tuple[str, ...] = ()
    """The ids of those that are not pending any more."""
    steps: tuple[str, ...] = ()
    """The steps that ended since the save before, in order; "review/ask" is one in the child flow of node "review"."""
    changed: tuple[str, ...] = ()
    """The parts of the execution that differ from the save before: "state.topic", "tokens", "result"."""
    forked_from: tuple[str, int] | None = None
    """Of a first save: the execution and the revision that it continues."""


@final
class Part(NamedTuple):
    """One part of an execution as a save writes it."""

    key: str
    data: bytes
    digest: bytes


@final
@dataclass(frozen=True, slots=True)
class Delta:
    """The parts that a save writes beside the head, which then is the data of its record.

    A store with `whole_documents = False` keeps head and parts, and puts the document together when it is read
    (`snapshot.joining`); the parts that a save does not name stay.
    """

    writes: tuple[Part, ...]
    deletes: tuple[str, ...]
    count: int
    """The number of all parts behind the save."""
    total: bytes
    """The sum of the digests of all parts, of 16 bytes."""
    afresh: bool = False
    """Delete all parts that are stored before anything is written."""


@final
class Parent(NamedTuple):
    """Whose child an execution is, that runs by itself."""

    execution_id: str
    key: str
    """The key of the step of the parent that waits for it, and when the parent was created."""
    root_id: str
    """The execution that no other has started."""


@final
class Letter(NamedTuple):
    """A message that a save sends: `kind`, `name` and `data` are those of a `Message` of `stores.work`."""

    execution_id: str
    kind: Literal["child", "retry", "cancel"]
    name: str
    data: bytes


@final
class NewChild(NamedTuple):
    """A child execution that a save starts, and what it sends where the child is there already."""

    record: StoredSnapshot
    retry: Letter
    """For the child, where it has failed."""
    over: Letter
    """For the parent, where the child is over."""


@final
@dataclass(frozen=True, slots=True)
class Family:
    """What a save changes of executions that are parents or children of the one that is saved, in its transaction.

    A `WorkStore` inserts each new child, ready to be taken; where it is there already, it sends one of the messages. A
    child of a deleted execution that had the id of the parent, which shows by its key, is replaced. A message to an
    execution that is over, or not there, is dropped. One of kind "child" takes the place of an earlier one with its
    name.
    """

    children: tuple[NewChild, ...] = ()
    letters: tuple[Letter, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """Keep one snapshot of one execution: the columns that a store may be asked for, and the bytes.

    >>> async def main() -> StoredSnapshot | None:
    ...     async with MemoryStore() as store:
    ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...         return await store.get("r-1")
    >>> stored = asyncio.run(main())
    >>> flow.create_execution().load(stored.data)
    <Execution 'r-1' of flow 'review': waiting for 'choose'>
    """

    execution_id: str
    flow: str
    status: str
    sequence: int
    """Grows with every save of the execution, from 0 or more to 2**63 - 1."""
    saved_at: datetime
    """In UTC; kept to the microsecond."""
    data: bytes
    history: int | None = None
    """How many revisions a `HistoryStore` keeps of the execution; 0: all, None: none."""
    notes: Notes | None = field(default=None, compare=False, repr=False)
    """Of a save only, never read back. A store that is no `HistoryStore` may ignore it."""
    due: datetime | None = field(default=None, compare=False, repr=False)
    """Of a save only: the first deadline of its interrupts and sleeps. A store that is no `WorkStore` may ignore it."""
    mail: int = field(default=0, compare=False, repr=False)
    """Of a save only: the number of the last message that the execution has taken."""
    holder: str | None = field(default=None, compare=False, repr=False)
    """Of a save: the name under which the execution is run, if it is to stay with its process while its status is
    "running". Of a read record: who has it at this moment, None where no holder has."""
    held_until: datetime | None = field(default=None, compare=False, repr=False)
    """Of a read record with a holder: until when the holder has it at least."""
    delta: Delta | None = field(default=None, compare=False, repr=False)
    """Of a save only: the parts, where `data` is the head. Only for a store with `whole_documents = False`."""
    head: bytes | None = field(default=None, compare=False, repr=False)
    """Of a read record that is kept in parts: the head; `data` is the whole document."""
    parts: Mapping[str, int] | None = field(default=None, compare=False, repr=False)
    """Of a read record that is kept in parts: the digest of each."""
    parent: Parent | None = field(default=None, compare=False, repr=False)
    """Of the first save of a remote child, and of the read record of one: its parent."""
    family: Family | None = field(default=None, compare=False, repr=False)
    """Of a save only: what it changes of its parent and its children. Only for a `WorkStore`."""

    @property
    def entry(self) -> StoredEntry:
        """Return the columns alone."""
        return StoredEntry(self.execution_id, self.flow, self.status, self.sequence, self.saved_at)


Entries: TypeAlias = list[StoredEntry]
"""A list, named here because the stores' own `list` hides the builtin."""


@final
@dataclass(frozen=True, slots=True)
class DamagedEntry:
    """Describe something in a store that stands where a snapshot should and cannot be read as one.

    >>> async def main() -> None:
    ...     async with FileStore(folder / "reviews") as store:
    ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...         for file in (folder / "reviews").glob("*.snapshot"):
    ...             file.write_bytes(file.read_bytes()[:-50])
    ...         for entry in (await store.list()).damaged:
    ...             print(entry.execution_id, type(entry.error).__name__)
    >>> asyncio.run(main())
    r-1 SnapshotError
    """

    execution_id: str | None
    """None where the id is not known: what is left does not tell it."""
    error: SnapshotError | StoreError
    """What is wrong, and where it lies. `get` of the execution raises the same."""


@final
class Listing(Entries):
    """A list of the entries that can be read, and beside it what cannot.

    It compares as the list. A damaged entry never keeps the others from being listed.

    >>> async def main() -> Listing:
    ...     async with MemoryStore() as store:
    ...         return await store.list()
    >>> asyncio.run(main()), asyncio.run(main()).damaged
    ([], ())
    """

    __slots__ = ("damaged",)

    def __init__(self, entries: Iterable[StoredEntry] = (), damaged: Iterable[DamagedEntry] = ()) -> None:
        super().__init__(entries)
        self.damaged: tuple[DamagedEntry, ...] = tuple(damaged)
        """Those of other flows and statuses included: a damaged entry does not tell which it is of."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle with the damaged ones."""
        return Listing, ([*self], self.damaged)


@final
class PendingListing(list[PendingInterrupt]):
    """A list of pending interrupts, and beside it what cannot be read. It compares as the list.

    >>> async def main() -> PendingListing:
    ...     async with MemoryStore() as store:
    ...         return await store.pending()
    >>> asyncio.run(main()), asyncio.run(main()).damaged
    ([], ())
    """

    __slots__ = ("damaged",)

    def __init__(self, found: Iterable[PendingInterrupt] = (), damaged: Iterable[DamagedEntry] = ()) -> None:
        super().__init__(found)
        self.damaged: tuple[DamagedEntry, ...] = tuple(damaged)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle with the damaged ones."""
        return PendingListing, ([*self], self.damaged)
