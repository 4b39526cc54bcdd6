"""A PostgreSQL server for the tests: that of `TYPEDFLOW_POSTGRES` (a connection string), else one of their own.

The own one is made at its first use, in the folder of the run, where tables in memory are made in half the time, and
stopped at the end of the run. It listens on a Unix socket only, and does not wait for the disk. A test gets a schema of
its own.

Where there is no PostgreSQL these tests fail, unless the option `--without-postgres` leaves them out.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from pwd import getpwnam
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from tests import run_folder

if TYPE_CHECKING:
    import psycopg


GIVEN: Final = "TYPEDFLOW_POSTGRES"
WITHOUT: Final = "--without-postgres"
_SCHEMA: Final = "typedflow_test_"


def connect(conninfo: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect; a program of the tests that needs no PostgreSQL does not import psycopg, which takes a while."""
    import psycopg

    return psycopg.connect(conninfo)


class NoPostgres(Exception):
    """There is no PostgreSQL on this machine."""

    def __init__(self) -> None:
        super().__init__(
            "the tests of PostgresStore need PostgreSQL: install it (apt-get install postgresql), or set"
            f" {GIVEN} to the connection string of a server, or leave these tests out with {WITHOUT}"
        )


def find_binaries() -> Path:
    """Return the folder with initdb and pg_ctl, the newest version's; raises `NoPostgres`."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise NoPostgres
    return found[-1].parent


def _user() -> dict[str, Any]:
    """Return as whom the server runs: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class Server:
    """A server in a folder, on a Unix socket there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.binaries = find_binaries()
        self.conninfo = f"postgresql:///postgres?host={folder}&user=tests"

    def make(self, *, durable: bool = False) -> None:
        """Make the cluster. Without `durable` it may lose everything with its machine, and is quicker."""
        user = _user()
        if user:
            os.chown(self.folder, user["user"], user["group"])
        command = ["-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        self._run("initdb", *command, "-D", str(self.folder / "data"))
        lines = [
            "listen_addresses = ''",
            f"unix_socket_directories = '{self.folder}'",
            "max_connections = 200",
            "shared_buffers = 32MB",
            "dynamic_shared_memory_type = mmap",
            "autovacuum = off",
        ]
        if not durable:
            lines += ["fsync = off", "synchronous_commit = off", "full_page_writes = off", "wal_level = minimal"]
            lines += ["max_wal_senders = 0", "checkpoint_timeout = 1h", "max_wal_size = 4GB"]
        with open(self.folder / "data" / "postgresql.conf", "a", encoding="utf-8") as config:
            config.write("\n".join(lines) + "\n")

    def start(self) -> None:
        self._run("pg_ctl", "start", "-w", "-s", "-l", str(self.folder / "log"), "-D", str(self.folder / "data"))

    def restart(self) -> None:
        """Crash it, and start it again."""
        log = ("-l", str(self.folder / "log"))
        self._run("pg_ctl", "restart", "-w", "-s", "-m", "immediate", *log, "-D", str(self.folder / "data"))

    def stop(self) -> None:
        with suppress(subprocess.CalledProcessError):  # it does not run
            self._run("pg_ctl", "stop", "-w", "-s", "-m", "immediate", "-D", str(self.folder / "data"))

    @property
    def pid(self) -> int:
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.binaries / program), *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if program == "initdb" else None,
            text=True,
            check=False,
            **_user(),
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, program, stderr=done.stderr)


def end_run() -> None:
    """Stop the server, or drop what the tests have made in one that was given; called by the process that leads."""
    folder = run_folder.get()
    if (folder / "data" / "postmaster.pid").exists():
        Server(folder).stop()
    elif GIVEN in os.environ and (folder / "schemas").exists():
        with connect(server()) as connection:
            query = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)"
            for (name,) in connection.execute(query, (_SCHEMA,)).fetchall():
                connection.execute(f"DROP SCHEMA {name} CASCADE")


def server() -> str:
    """Return the connection string of the server; starts it where it does not run yet. Raises `NoPostgres`."""
    if GIVEN in os.environ:
        return os.environ[GIVEN]
    found = Server(run_folder.get())
    with open(found.folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (found.folder / "ready").exists():
            found.make()
            found.start()
            _guard(found)
            (found.folder / "ready").touch()
    return found.conninfo


_GUARD: Final = """
while kill -0 "$0" 2>/dev/null; do sleep 1; done
[ ! -e "$2/data/postmaster.pid" ] || kill -QUIT "$1"
rm -rf "$2"
"""


def _guard(found: Server) -> None:
    """End the server when the process that leads the run is gone, also where that was killed."""
    in_background = '/bin/sh -c "$0" "$@" </dev/null >/dev/null 2>&1 &'
    watched = (os.environ[run_folder.LEADER], str(found.pid), str(found.folder))
    subprocess.run(["/bin/sh", "-c", in_background, _GUARD, *watched], check=True, start_new_session=True)


_free: Final[list[tuple[str, str]]] = []
"""Schemas that this process has made, and the test that has used each last: to make one takes a tenth of a second."""
_EMPTY: Final = (
    "DELETE FROM typedflow_executions; DELETE FROM typedflow_flow_states; DELETE FROM typedflow_flow_state_keys"
)


def conninfo_of(folder: Path) -> str:
    """Return the connection string of the schema that belongs to a folder, empty at first; for all processes of a test.

    A test that changes the tables themselves drops the schema at its end.
    """
    from psycopg.conninfo import make_conninfo

    whole = server()
    names = run_folder.get() / "schemas"
    names.mkdir(exist_ok=True)
    known = names / sha256(os.fsencode(folder)).hexdigest()
    with open(names / "lock", "w") as lock, connect(whole) as connection:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not known.exists():
            known.write_text(_new_schema(connection))
        return make_conninfo(whole, options=f"-csearch_path={known.read_text()}")


def url_of(conninfo: str) -> str:
    """Return a connection string as a URL with a password, which a server that trusts all users does not ask for."""
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(conninfo)
    query = urlencode({key: given[key] for key in ("host", "port", "options") if given.get(key)})
    return f"postgresql://{given['user']}:secret@/{given['dbname']}?{query}"


def count_rows(conninfo: str, table: str) -> int:
    """Return how many rows a table has."""
    with connect(conninfo) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def _new_schema(connection: psycopg.Connection[Any]) -> str:
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    for number, (name, user) in enumerate(_free):
        if user != test:
            _free[number] = (name, test)
            found = connection.execute("SELECT to_regclass(%s)", (f"{name}.typedflow_flow_state_keys",)).fetchone()
            if found is not None and found[0] is not None:
                connection.execute(f"SET LOCAL search_path = {name}")
                connection.execute(_EMPTY)
                return name
    name = f"{_SCHEMA}{os.getpid()}_{len(_free)}"
    connection.execute(f"CREATE SCHEMA {name}")
    _free.append((name, test))
    return name
