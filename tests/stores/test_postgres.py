"""What a PostgresStore does beyond the suites of all stores: lost connections, locks, damage, and what it refuses."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests import postgres
from tests.stores.conformance import NOON, execute, record
from tests.stores.proxies import Fault, Proxy
from typedflow import SnapshotError, StoreError
from typedflow.stores import (
    FlowStateChange,
    Lease,
    Message,
    Notes,
    PendingInterrupt,
    PostgresStore,
    Release,
    UpdateKey,
    postgres_database,
    postgres_work,
)
from typedflow.stores.flow_state_sharing import FlowStateUpdate
from typedflow.stores.postgres_texts import escape, unescape
from typedflow.stores.work import LEASES

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[2]
TTL = timedelta(seconds=30)
KEY = UpdateKey("a", "step", "1")


@pytest.fixture
def conninfo(tmp_path: Path) -> str:
    return postgres.conninfo_of(tmp_path)


@pytest.fixture
async def store(conninfo: str) -> AsyncIterator[PostgresStore]:
    async with PostgresStore(conninfo) as opened:
        yield opened


def add(stored: bytes | None) -> FlowStateUpdate:
    number = b"%d" % (int(stored or b"0") + 1)
    return FlowStateUpdate(number, number)


def add_one(stored: bytes | None) -> bytes:
    return add(stored).data


# -- what is refused


@pytest.mark.parametrize(
    "arguments, options, text",
    [
        (
            (5,),
            {},
            "TF950: a PostgresStore is given a connection string: it is a int (postgresql://user@host/database)",
        ),
        (
            ("postgresql://me:secret@[::1",),
            {},
            "TF950: a PostgresStore is given a connection string: this is none (postgresql://user@host/database)",
        ),
        (("runs.db",), {}, "TF950: a PostgresStore is given a connection string: this is none"),
        (("postgresql:///runs\0x",), {}, "TF950: a PostgresStore is given a connection string: this is none"),
        (("",), {"connections": 0}, "TF950: the connections of a PostgresStore are an int from 1, not 0 (int)"),
        (("",), {"timeout": -1}, "TF950: the timeout of a PostgresStore is a number of seconds from 0, not -1 (int)"),
        (("",), {"answer_within": None}, "TF950: the timeout of a PostgresStore is a number of seconds from 0, not"),
    ],
)
def test_what_names_no_database_is_refused_before_anything_is_connected(
    arguments: Any, options: Any, text: str
) -> None:
    with pytest.raises(StoreError) as caught:
        PostgresStore(*arguments, **options)
    assert str(caught.value).startswith(text)
    assert "secret" not in str(caught.value)


async def test_a_server_that_is_not_there_is_named_at_once_and_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        async with PostgresStore(f"postgresql://me:secret@/runs?host={tmp_path}"):
            pass
    assert str(caught.value).startswith(f"TF953: database 'host={tmp_path} dbname=runs': cannot open it: connection ")
    assert str(caught.value).endswith("(start the server, or look at host, port, database, user and password)")
    assert "secret" not in str(caught.value)


async def test_a_database_that_is_not_there_is_not_waited_for(conninfo: str) -> None:
    with pytest.raises(StoreError, match=r'cannot open it: .*database "nowhere" does not exist'):
        async with PostgresStore(make_conninfo(conninfo, dbname="nowhere")):
            pass


async def test_a_database_of_another_encoding_is_refused(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("CREATE DATABASE plain ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match=r"TF953: .*the database has the encoding 'SQL_ASCII', not 'UTF8' \(CREATE"):
        async with PostgresStore(make_conninfo(conninfo, dbname="plain", options="")):
            pass
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("DROP DATABASE plain")


async def test_tables_of_a_newer_format_are_left_alone(tmp_path: Path, conninfo: str) -> None:
    async with PostgresStore(conninfo):
        execute("postgres", tmp_path, "UPDATE typedflow_schema SET version = 2")
    with pytest.raises(StoreError, match=r"TF956: .*its format is 2 \(int\), known is 1"):
        async with PostgresStore(conninfo):
            pass
    execute("postgres", tmp_path, "UPDATE typedflow_schema SET version = 1")


@pytest.fixture
def schema(conninfo: str) -> Iterator[str]:
    """A schema without tables."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA typedflow_empty")
        yield "typedflow_empty"
        connection.execute("DROP SCHEMA typedflow_empty CASCADE")


def in_schema(conninfo: str, path: str, *settings: str) -> str:
    return make_conninfo(conninfo, options=" ".join([f"-csearch_path={path}", *settings]))


async def test_the_tables_are_those_of_the_first_schema(conninfo: str, schema: str) -> None:
    first = str(conninfo_to_dict(conninfo)["options"]).partition("=")[2]
    async with PostgresStore(conninfo) as theirs, PostgresStore(in_schema(conninfo, f"{schema},{first}")) as ours:
        await theirs.put(record(), expected=None)
        assert await ours.list() == []
        await ours.put(record("b"), expected=None)
        assert [entry.execution_id for entry in await theirs.list()] == ["a"]


async def test_a_schema_that_is_not_there_is_named(conninfo: str) -> None:
    with pytest.raises(StoreError, match=r"no schema has been selected to create in \(CREATE SCHEMA, and give"):
        async with PostgresStore(in_schema(conninfo, "typedflow_nowhere")):
            pass


@pytest.mark.parametrize("table", ["typedflow_executions (id int)", "typedflow_schema (name text)"])
async def test_tables_of_somebody_else_are_left_alone(conninfo: str, schema: str, table: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute(f"CREATE TABLE {schema}.{table}")
    with pytest.raises(StoreError, match=r"\(the tables of this schema are not those of a PostgresStore: give it a"):
        async with PostgresStore(in_schema(conninfo, schema)):
            pass


async def test_where_writing_was_turned_off_a_store_reads(conninfo: str) -> None:
    name = str(conninfo_to_dict(conninfo)["options"]).partition("=")[2]
    async with PostgresStore(conninfo) as store:
        await store.put(record(), expected=None)
    async with PostgresStore(in_schema(conninfo, name, "-cdefault_transaction_read_only=on")) as store:
        assert await store.get("a") == record()
        with pytest.raises(StoreError, match=r"cannot save 'a': .*\(this is a standby .*or writing was turned off\)"):
            await store.put(record(sequence=1), expected=0)


async def test_a_server_without_a_free_connection_is_named(conninfo: str) -> None:
    name, where = f"typedflow_few_{os.getpid()}", str(conninfo_to_dict(conninfo)["options"]).partition("=")[2]
    async with PostgresStore(conninfo):
        pass
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'few' CONNECTION LIMIT 1")
        connection.execute(f"GRANT USAGE ON SCHEMA {where} TO {name}")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {where} TO {name}")
        try:
            async with PostgresStore(make_conninfo(conninfo, user=name, password="few"), timeout=0.1) as store:
                found = await asyncio.gather(store.get("a"), store.get("b"), return_exceptions=True)
            assert found[0] is None
            assert str(found[1]).endswith(
                "(start the server, or free a connection: fewer connections=…, or more of them)"
            )
        finally:
            connection.execute(f"DROP OWNED BY {name}")
            connection.execute(f"DROP ROLE {name}")


def test_without_psycopg_the_other_stores_work_and_this_one_names_the_extra() -> None:
    program = """if True:
    import sys
    sys.modules["psycopg"] = None
    from typedflow import StoreError
    from typedflow.stores import MemoryStore, SQLiteStore
    try:
        from typedflow.stores import PostgresStore
    except StoreError as error:
        print(error)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == (
        "TF953: PostgresStore needs psycopg, which is not installed (pip install 'typedflow[postgres]')\n"
    )


@pytest.mark.parametrize("text", ["", "a\0b", "\\", "\\0", "\\\\0\0", "é\\n", "\0" * 3])
def test_every_text_has_a_form_that_a_column_can_hold(text: str) -> None:
    assert "\0" not in escape(text)
    assert unescape(escape(text)) == text


# -- what a save costs


async def test_a_save_of_whoever_has_the_lease_is_two_statements(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    execute = postgres_database._Bounded.execute

    def counted(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        statements.append(str(query).split()[0])
        return execute(self, query, *arguments, **options)

    monkeypatch.setattr(postgres_database._Bounded, "execute", counted)
    holder = store.new_holder()
    counts = []
    for sequence in range(3):
        statements.clear()
        saved = replace(record(sequence=sequence), holder=holder)
        await store.put(saved, expected=sequence - 1 if sequence else None)
        counts.append([each for each in statements if each not in ("BEGIN", "COMMIT")])
    assert counts[1:] == [["SELECT", "UPDATE"]] * 2


# -- calls whose caller has stopped waiting


def blocked_by(connection: Any) -> int:
    """Return how many sessions wait for a lock of a connection."""
    with postgres.connect(connection.info.dsn) as other:
        query = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
        row = other.execute(query, (connection.info.backend_pid,)).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_read_behind_a_cancelled_save_returns_its_outcome(store: PostgresStore, conninfo: str) -> None:
    await store.put(record(), expected=None)
    with postgres.connect(conninfo) as other:
        other.execute("SELECT 1 FROM typedflow_executions FOR UPDATE")
        saving = asyncio.create_task(store.put(record(sequence=1), expected=0))
        while not blocked_by(other):  # noqa: ASYNC110  # a server does not notify
            await asyncio.sleep(0.01)
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
        reading = asyncio.create_task(store.get("a"))
        assert await store.get("b") is None  # on another connection
        assert not reading.done()
    assert await reading == record(sequence=1)
    await store.put(record(sequence=2), expected=1)


async def test_a_save_follows_the_end_of_the_lease_before_it(store: PostgresStore, conninfo: str) -> None:
    holder = store.new_holder()
    await store.put(replace(record(), holder=holder), expected=None)
    with postgres.connect(conninfo) as other:
        other.execute("SELECT 1 FROM typedflow_executions FOR UPDATE")
        store.let_go(holder, "a")
        saving = asyncio.create_task(store.put(record(sequence=1), expected=0))
        await asyncio.sleep(0)  # it is begun
        assert max(thread.unfinished for thread in store._threads) == 2
    await saving


# -- a process that is stopped


async def test_others_go_on_where_a_process_is_stopped_between_two_statements(conninfo: str) -> None:
    async with PostgresStore(conninfo, answer_within=0.5, timeout=20) as store:
        await store.put(record(), expected=None)
        command = (sys.executable, "-m", "tests.stores.stopping", conninfo)
        stopped = await asyncio.to_thread(subprocess.Popen, command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            await asyncio.to_thread(os.waitpid, stopped.pid, os.WUNTRACED)
            await store.put(record(sequence=1, data=b"mine"), expected=0)
        finally:
            stopped.send_signal(signal.SIGCONT)
            printed, _ = await asyncio.to_thread(stopped.communicate, timeout=30)
        assert printed == "TF951\n"
        assert await store.get("a") == record(sequence=1, data=b"mine")


# -- lost connections


@pytest.fixture
def proxy(conninfo: str) -> Iterator[Proxy]:
    with tempfile.TemporaryDirectory(prefix="typedflow-", dir="/tmp") as folder:
        with Proxy(Path(folder), Path(str(conninfo_to_dict(conninfo)["host"]))) as made:
            yield made


@pytest.fixture
async def failing(conninfo: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PostgresStore]:
    """A store behind the proxy, with one execution "a" that waits for an answer, and one "b" that is ready."""
    monkeypatch.setattr(postgres_database, "GRACE", 0.0)
    behind = make_conninfo(proxy.conninfo, options=conninfo_to_dict(conninfo)["options"])
    async with PostgresStore(behind, connections=1, answer_within=0.5) as opened:
        await opened.put(record("a", 1, status="waiting"), expected=None)
        await opened.submit(record("b", 1))
        yield opened


async def leased(store: PostgresStore) -> Lease:
    lease = await store.acquire("b", holder="me", ttl=TTL)
    assert lease is not None
    return lease


async def put(store: PostgresStore) -> Any:
    return await store.put(record("a", 2), expected=1, flow_state=FlowStateChange("review", add_one))


async def put_first(store: PostgresStore) -> Any:
    return await store.put(record("c"), expected=None)


async def put_last(store: PostgresStore, lease: Lease) -> Any:
    await store.held(lease).put(record("b", 2, status="completed"), expected=1)
    return await store.next_ready(["review"])


async def submit(store: PostgresStore) -> Any:
    await store.submit(record("c"))
    return [each.execution_id for each in await store.take(["review"], holder="me", ttl=TTL, limit=5)]


async def post(store: PostgresStore) -> Any:
    number = await store.post("a", lambda stored: Message("answer", "q", b"1"))
    return number, [replace(message, posted_at=None) for message in await store.mail("a", 0)]


async def take(store: PostgresStore) -> Any:
    return [(each.execution_id, each.crashes) for each in await store.take(["review"], holder="me", ttl=TTL, limit=5)]


async def acquire(store: PostgresStore) -> Any:
    lease = await store.acquire("b", holder="me", ttl=TTL)
    return lease and (lease.fence % LEASES, lease.crashes)


async def release(store: PostgresStore, lease: Lease) -> Any:
    return await store.release(lease, Release()), await store.next_ready(["review"])


async def delete(store: PostgresStore) -> Any:
    return await store.delete("a"), await store.get("a")


async def delete_nothing(store: PostgresStore) -> Any:
    return await store.delete("nothing")


async def delete_flow_state(store: PostgresStore) -> Any:
    return await store.delete_flow_state("before"), await store.get_flow_state("before")


async def release_quarantine(store: PostgresStore, lease: Lease) -> Any:
    return await store.release_quarantine("b"), await store.quarantined()


async def update(store: PostgresStore) -> Any:
    return await store.update_flow_state("review", KEY, add), await store.get_flow_state("review")


async def renew(store: PostgresStore, lease: Lease) -> Any:
    return {name: fence % LEASES for name, fence in store.renew_here("me", TTL).items()}


CALLS: dict[str, tuple[Callable[..., Awaitable[Any]], Any]] = {
    "put": (put, b"1"),
    "put first": (put_first, None),
    "put last": (put_last, None),
    "submit": (submit, ["b", "c"]),
    "post": (post, (1, [Message("answer", "q", b"1", 1)])),
    "take": (take, [("b", 0)]),
    "acquire": (acquire, (1, 0)),
    "release": (release, (False, None)),
    "delete": (delete, (True, None)),
    "delete nothing": (delete_nothing, False),
    "delete a flow_state": (delete_flow_state, (True, None)),
    "release from quarantine": (release_quarantine, (True, [])),
    "update": (update, (b"1", b"1")),
    "renew": (renew, {"b": 1}),
}
FAULTS: tuple[Fault, ...] = ("before", "after", "hang")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.thin(5)
async def test_a_connection_that_is_lost_in_a_commit_changes_nothing_for_the_caller(
    failing: PostgresStore, proxy: Proxy, name: str, fault: Fault
) -> None:
    call, expected = CALLS[name]
    arguments = (await leased(failing),) if name in ("put last", "release", "renew") else ()
    if "quarantine" in name:
        lease = await leased(failing)
        await failing.release(lease, Release(quarantined=True))
        arguments = (lease,)
    await failing.update_flow_state("before", None, add)
    proxy.fail(fault)
    if (name, fault) == ("update", "before"):
        with pytest.raises(StoreError, match="cannot update the flow_state of 'review'"):
            await call(failing)  # its function is called once at the most
        assert await failing.get_flow_state("review") is None
    else:
        assert await call(failing, *arguments) == expected
    assert proxy.faults == 1
    if name == "put":
        stored = await failing.get("a")
        assert stored is not None
        assert stored.sequence == 2
        assert await failing.get_flow_state("review") == b"1"


async def test_an_update_without_a_key_whose_commit_is_lost_is_an_error_and_not_repeated(
    failing: PostgresStore, proxy: Proxy
) -> None:
    await failing.update_flow_state("review", None, add)
    proxy.fail("after")
    with pytest.raises(StoreError, match="cannot update the flow_state of 'review'"):
        await failing.update_flow_state("review", None, add)
    assert await failing.get_flow_state("review") == b"2"


async def test_a_message_that_may_have_been_taken_since_is_not_posted_again(store: PostgresStore) -> None:
    await store.submit(record())
    await store.post("a", lambda stored: Message("event", "heard", b"1"))
    lease = await store.acquire("a", holder="me", ttl=TTL)
    assert lease is not None
    await store.release(lease, Release(mail=1))
    posted = postgres_work.Posted(1, "now", b"digest")
    with pytest.raises(StoreError, match="the connection was lost while a message was posted to 'a'"):
        await store._read("look", lambda db: postgres_work.was_posted(db, "a", posted))


async def test_sessions_that_the_server_has_ended_are_made_again(store: PostgresStore, conninfo: str) -> None:
    await store.put(record(), expected=None)
    await store.update_flow_state("review", None, add)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
            " WHERE application_name = 'typedflow' AND pid <> pg_backend_pid()"
        )
    assert await store.get("a") == record()
    assert store.update_flow_state_sync("review", KEY, add) == b"2"
    assert await store.put(record(sequence=1), expected=0) is None


# -- locks


async def test_a_row_that_somebody_locks_is_waited_for_and_named(conninfo: str) -> None:
    async with PostgresStore(conninfo, timeout=0.3, answer_within=0.1) as store:
        await store.put(record(), expected=None)
        with psycopg.connect(conninfo) as other:
            other.execute("SELECT 1 FROM typedflow_executions FOR UPDATE")
            with pytest.raises(StoreError, match=r"cannot save 'a': .*pg_stat_activity shows"):
                await store.put(record(sequence=1), expected=0)
            assert await store.get("a") == record()
        await store.put(record(sequence=1), expected=0)


async def test_what_is_locked_is_not_taken_and_its_lease_is_not_lost(store: PostgresStore, conninfo: str) -> None:
    for name in ("a", "b"):
        await store.submit(record(name))
    with psycopg.connect(conninfo) as other:
        other.execute("SELECT 1 FROM typedflow_executions WHERE execution_id = 'a' FOR UPDATE")
        [lease] = await store.take(["review"], holder="me", ttl=TTL, limit=5)
        assert lease.execution_id == "b"
    [first] = await store.take(["review"], holder="me", ttl=TTL, limit=5)
    with psycopg.connect(conninfo) as other:
        other.execute("SELECT 1 FROM typedflow_executions WHERE execution_id = 'a' FOR UPDATE")
        assert store.renew_here("me", TTL) == {"a": first.fence, "b": lease.fence}


async def test_what_many_workers_take_at_once_is_taken_once(conninfo: str) -> None:
    async with PostgresStore(conninfo) as one, PostgresStore(conninfo) as two:
        await asyncio.gather(*(one.submit(record(f"e{number}")) for number in range(60)))
        taken = await asyncio.gather(
            *(store.take(["review"], holder=f"h{n}", ttl=TTL, limit=5) for n in range(8) for store in (one, two))
        )
        ids = [lease.execution_id for leases in taken for lease in leases]
        assert len(ids) == len(set(ids)) >= 40


NAME = "hashtextextended('typedflow flow_state ' || current_schema() || ' review', 0)"


async def test_a_coroutine_waits_for_a_flow_state_without_blocking_the_loop(conninfo: str) -> None:
    async with PostgresStore(conninfo) as store:
        with psycopg.connect(conninfo) as other:
            other.execute(f"SELECT pg_advisory_xact_lock({NAME})")
            waiting = asyncio.create_task(store.update_flow_state("review", None, add))
            assert await store.update_flow_state("other", None, add) == b"1"
            assert not waiting.done()
            other.commit()
        assert await waiting == b"1"


async def test_a_plain_call_names_who_holds_a_flow_state(conninfo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with PostgresStore(conninfo, timeout=0.1) as store:
        store.update_flow_state_sync("review", None, add)
        with psycopg.connect(conninfo) as other:
            other.execute(f"SELECT pg_advisory_xact_lock({NAME})")
            with pytest.raises(StoreError, match=r"another writer held the lock for 0\.1 s"):
                store.update_flow_state_sync("review", None, add)
        assert store.update_flow_state_sync("review", None, add) == b"2"


# -- damage

ODD_ROWS = {
    "saved_at = 'infinity'": "its saved_at is",
    "saved_at = '10000-01-01Z'": "its saved_at is",
    "sequence = -5": "its sequence is -5 (int)",
    "execution_id = 'a b'": "its execution_id is 'a b' (str)",
}


@pytest.mark.parametrize("change", ODD_ROWS)
async def test_one_damaged_row_leaves_the_others_listed(store: PostgresStore, tmp_path: Path, change: str) -> None:
    for name in ("a", "b"):
        await store.put(record(name), expected=None)
    execute("postgres", tmp_path, f"UPDATE typedflow_executions SET {change} WHERE execution_id = 'a'")
    for options in ({}, {"flow": "review"}, {"limit": 5}):
        found = await store.list(**options)
        assert [entry.execution_id for entry in found] == ["b"]
        [damaged] = found.damaged
        assert ODD_ROWS[change] in str(damaged.error)
        assert str(damaged.error).startswith("TF955: database 'host=")
        assert damaged.execution_id == (None if change.startswith("execution_id") else "a")


@pytest.mark.parametrize(
    "change", ["data = x'00'", "status = 'done'", "sequence = 9", "saved_at = saved_at + interval '1 second'"]
)
async def test_a_changed_row_is_not_loaded(store: PostgresStore, tmp_path: Path, change: str) -> None:
    saved = replace(record("a", 1), history=0)
    await store.put(saved, expected=None)
    await store.put(replace(record("a", 2), history=0), expected=1)
    execute("postgres", tmp_path, f"UPDATE typedflow_executions SET {change}")
    with pytest.raises(SnapshotError, match=r"TF955: database .*the snapshot of 'a' is not what was saved"):
        await store.get("a")


@pytest.mark.parametrize("table, column", [("flow_states", "data"), ("flow_state_keys", "value"), ("mail", "data")])
async def test_damaged_rows_are_refused(store: PostgresStore, tmp_path: Path, table: str, column: str) -> None:
    await store.put(record(), expected=None)
    await store.update_flow_state("review", KEY, add)
    await store.post("a", lambda stored: Message("event", "heard", b"1"))
    execute("postgres", tmp_path, f"UPDATE typedflow_{table} SET {column} = x'39'")
    key = KEY if "keys" in table else None
    call = store.mail("a", 0) if table == "mail" else store.update_flow_state("review", key, add)
    with pytest.raises(SnapshotError, match="TF955: database"):
        await call


@pytest.mark.parametrize("change", ["since = 'infinity'", "data = x'00'", "type = 'robot'", "deadline = now()"])
async def test_a_damaged_question_leaves_the_others_listed(store: PostgresStore, tmp_path: Path, change: str) -> None:
    for name in ("a", "b"):
        asked = PendingInterrupt(name, "review", "q", "human", None, NOON, None, "ask")
        await store.put(replace(record(name), notes=Notes((asked,))), expected=None)
    execute("postgres", tmp_path, f"UPDATE typedflow_pending SET {change} WHERE execution_id = 'a'")
    found = await store.pending()
    assert [each.execution_id for each in found] == ["b"]
    assert [each.execution_id for each in found.damaged] == ["a"]


# -- processes and threads


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "typedflow PostgresStore"]


async def test_few_connections_are_opened_as_few_are_needed(conninfo: str) -> None:
    before = len(threads())
    async with PostgresStore(conninfo, connections=3) as store:
        for number in range(5):
            await store.put(record(sequence=number), expected=number - 1 if number else None)
        assert len(threads()) == before + 1
        await asyncio.gather(*(store.get("a") for _ in range(20)))
        assert len(threads()) == before + 3


async def test_a_store_that_is_closed_or_dropped_ends_its_threads(conninfo: str) -> None:
    before = set(threads())
    async with PostgresStore(conninfo) as store:
        await store.list()
        (thread,) = set(threads()) - before
    await asyncio.to_thread(thread.join, 60)
    dropped = PostgresStore(conninfo)
    await dropped.list()
    (thread,) = set(threads()) - before
    del dropped
    gc.collect()
    await asyncio.to_thread(thread.join, 60)


FORKED = """
import asyncio, os, sys
from typedflow.errors import StoreError
from typedflow.stores import PostgresStore

store = PostgresStore(sys.argv[1])
asyncio.run(store.get("a"))
if os.fork() == 0:
    try:
        asyncio.run(store.get("a"))
    except StoreError as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
print(asyncio.run(store.get("a")))
asyncio.run(store.close())
"""


def test_a_store_that_was_opened_before_a_fork_says_so(conninfo: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED, conninfo]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "TF957: the PostgresStore was opened in another process (make one in each process)\nNone\n"
