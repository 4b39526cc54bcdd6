"""Problems of snapshot stores and of the calls on them; all stores share these messages.

The store fills in the location (`Problem.where`: the file, the database).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from typedflow.rules.executions import check_id
from typedflow.rules.options import is_timeout
from typedflow.rules.problems import Problem
from typedflow.rules.wording import describe, quoted

LARGEST_SEQUENCE: Final = 2**63 - 1
"""The largest integer that every database can store in a column."""
LONGEST_NAME: Final = 1000
"""Characters of a flow's name or a status: it has to fit the header of a file."""


def check_sequence(given: object, expected: int | None) -> Problem | None:
    """Check the save sequence of a record against the one that it follows (TF950)."""
    if type(given) is not int or not 0 <= given <= LARGEST_SEQUENCE:
        return Problem("TF950", f"a save sequence is an int from 0 to 2**63 - 1, not {describe(given)}", side="value")
    if expected is not None and given <= expected:
        text = f"save sequence {given} does not follow the expected {expected}"
        return Problem("TF950", text, "count up with every save", side="value")
    return None


def check_saved_at(given: object) -> Problem | None:
    """Check the time of a save (TF950): one without a zone means another moment on another machine."""
    if not isinstance(given, datetime):
        return Problem("TF950", f"saved_at is a datetime, not {describe(given)}", "datetime.now(UTC)", side="value")
    if given.utcoffset() == timedelta(0):
        return None
    return Problem("TF950", f"saved_at is not in UTC: {given.isoformat()}", "datetime.now(UTC)", side="value")


def check_text(what: str, given: object) -> Problem | None:
    """Check a name that becomes a column (TF950): a lone surrogate has no bytes in UTF-8."""
    if not isinstance(given, str):
        return Problem("TF950", f"{what} is a str, not {describe(given)}", side="value")
    if len(given) > LONGEST_NAME:
        text = f"{what} {quoted(given)} has {len(given)} characters"
        return Problem("TF950", text, f"use at most {LONGEST_NAME}", side="value")
    try:
        given.encode()
    except UnicodeEncodeError:
        text = f"{what} {quoted(given)} cannot be written in UTF-8"
        return Problem("TF950", text, "it holds half of a surrogate pair", side="value")
    return None


def check_statuses(status: object, given: object) -> Problem | None:
    """Check the statuses that a list is of (TF950): a str is a collection of str too, and never what was meant."""
    if status is not None:
        return Problem("TF950", "a list takes a status or statuses, not both", "give statuses alone", side="value")
    if isinstance(given, str) or not isinstance(given, Collection):
        hint = f"statuses=({quoted(given)},)" if isinstance(given, str) else 'statuses=("waiting", "failed")'
        return Problem("TF950", f"statuses are a collection of names, not {describe(given)}", hint, side="value")
    return next((problem for each in given if (problem := check_text("status", each)) is not None), None)


def check_limit(given: object) -> Problem | None:
    """Check how long a page may be (TF950)."""
    if given is None or (type(given) is int and given > 0):
        return None
    text = f"the limit of a list is an int from 1, or None for no limit, not {describe(given)}"
    return Problem("TF950", text, side="value")


def check_at(given: object) -> Problem | None:
    """Check the save sequence of a revision (TF950)."""
    if given is None or (type(given) is int and 0 <= given <= LARGEST_SEQUENCE):
        return None
    return Problem("TF950", f"a revision is a save sequence, an int from 0, not {describe(given)}", side="value")


def check_prune(before: object, keep: object, batch: object) -> Problem | None:
    """Check what is to be deleted (TF950)."""
    if before is None and keep is None:
        return Problem("TF950", "prune deletes nothing without before=… or keep=…", side="value")
    if keep is not None and not (type(keep) is int and keep > 0):
        text = f"keep is a number of revisions from 1, not {describe(keep)}"
        return Problem("TF950", text, "before=… deletes whole executions", side="value")
    if type(batch) is not int or batch < 1:
        return Problem("TF950", f"batch is a number of rows from 1, not {describe(batch)}", side="value")
    if before is not None and not (isinstance(before, datetime) and before.utcoffset() is not None):
        text = f"before is a datetime with a zone, not {describe(before)}"
        return Problem("TF950", text, "datetime.now(UTC) - timedelta(days=30)", side="value")
    return None


def check_ready_at(given: object) -> Problem | None:
    """Check the moment from which on a worker may take an execution (TF950)."""
    if given is None or (isinstance(given, datetime) and given.utcoffset() is not None):
        return None
    text = f"an execution is ready from a datetime with a zone on, not {describe(given)}"
    return Problem("TF950", text, "datetime.now(UTC) + timedelta(hours=1)", side="value")


def no_entry_problem(given: object) -> Problem:
    """Report a position in a list that is none of its entries (TF950)."""
    text = f"a list goes on after one of its entries, not {describe(given)}"
    return Problem("TF950", text, "after=page[-1], the last entry of the page before", side="value")


def check_path(store: str, given: object) -> Problem | None:
    """Check the path of a store (TF950); whether there can be a file of this name only the system knows."""
    if isinstance(given, str):
        return wrong_path_problem(store, given, "it holds a NUL character") if "\0" in given else None
    return Problem("TF950", f"the path of a {store} is a str or a Path, not {describe(given)}", side="value")


def wrong_path_problem(store: str, given: str, reason: str) -> Problem:
    """Report a path that no file can have (TF950)."""
    return Problem("TF950", f"{quoted(given)} is no path for a {store}", reason, side="value")


def check_wait(store: str, given: object) -> Problem | None:
    """Check the timeout of a store (TF950), which has one in any case."""
    if given is not None and is_timeout(given):
        return None
    text = f"the timeout of a {store} is a number of seconds from 0, not {describe(given)}"
    return Problem("TF950", text, "how long a call waits for other processes", side="value")


def check_connections(store: str, given: object) -> Problem | None:
    """Check how many connections a store may have (TF950)."""
    if type(given) is int and given > 0:
        return None
    text = f"the connections of a {store} are an int from 1, not {describe(given)}"
    return Problem("TF950", text, "each does one transaction at a time", side="value")


def wrong_conninfo_problem(store: str, reason: str) -> Problem:
    """Report what names no database (TF950); it may hold a password, and is not shown."""
    text = f"a {store} is given a connection string: {reason}"
    return Problem("TF950", text, "postgresql://user@host/database", side="value")


def no_psycopg_problem() -> Problem:
    """Report a PostgresStore without the package that connects to the server (TF953)."""
    text = "PostgresStore needs psycopg, which is not installed"
    return Problem("TF953", text, "pip install 'typedflow[postgres]'")


def no_procrastinate_problem() -> Problem:
    """Report a ProcrastinateWaker without the package of its queue (TF953)."""
    text = "ProcrastinateWaker needs procrastinate, which is not installed"
    return Problem("TF953", text, "pip install 'typedflow[distributed]'")


def no_jobs_problem() -> Problem:
    """Report a database without the tables of procrastinate (TF953)."""
    text = "the database has no tables of procrastinate"
    return Problem("TF953", text, "await ProcrastinateWaker.make_tables(conninfo)")


def wrong_encoding_problem(encoding: str) -> Problem:
    """Report a database that cannot hold every name (TF953)."""
    text = f"the database has the encoding {quoted(encoding)}, not 'UTF8'"
    return Problem("TF953", text, "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0")


def doubtful_post_problem(execution_id: str) -> Problem:
    """Report a message of which it cannot be known whether it was posted (TF953)."""
    text = f"the connection was lost while a message was posted to {quoted(execution_id)}, and the mail was taken since"
    return Problem("TF953", text, "look at the execution before you send it again")


def check_expected(given: object) -> Problem | None:
    """Check the sequence that a save follows (TF950)."""
    if given is None or type(given) is int:
        return None
    text = f"the expected save sequence is an int, or None for no snapshot, not {describe(given)}"
    return Problem("TF950", text, side="value")


def no_record_problem(given: object) -> Problem:
    """Report an argument that is not a record (TF950)."""
    return Problem("TF950", f"a store keeps a StoredSnapshot, not {describe(given)}", side="value")


def check_data(given: object) -> Problem | None:
    """Check the bytes of a record (TF950)."""
    if isinstance(given, bytes):
        return None
    return Problem("TF950", f"the data of a record are bytes, not {describe(given)}", side="value")


def wrong_replay_problem(flow: str, given: object) -> Problem:
    """Report a change of a flow_state that came to something else than its new bytes (TF950)."""
    text = f"the change of the flow_state of {quoted(flow)} returned {describe(given)}"
    return Problem("TF950", text, "replay is a plain function that returns the new bytes", side="value")


def wrong_update_problem(flow: str, given: object) -> Problem:
    """Report an update of a flow_state that returned something else than a FlowStateUpdate (TF950)."""
    text = f"the update of the flow_state of {quoted(flow)} returned {describe(given)}"
    return Problem("TF950", text, "change is a plain function that returns a FlowStateUpdate", side="value")


def wrong_key_problem(given: object) -> Problem:
    """Report a key that does not identify an update (TF950)."""
    return Problem("TF950", f"the key of an update is an UpdateKey or None, not {describe(given)}", side="value")


def check_stored(
    execution_id: object, flow: object, status: object, sequence: object, saved_at: object, expected: int | None
) -> list[Problem]:
    """Check the columns of a record, all at once (TF816, TF950)."""
    wrong = check_expected(expected)
    if wrong is not None:
        return [wrong]
    found = (
        check_id(execution_id),
        check_text("flow", flow),
        check_text("status", status),
        check_sequence(sequence, expected),
        check_saved_at(saved_at),
    )
    return [problem for problem in found if problem is not None]


def conflict_problem(execution_id: str, stored: int | None, expected: int | None) -> Problem:
    """Report a save that does not follow what is stored (TF951); None: there is no record."""
    found = "nothing is stored" if stored is None else f"save {stored} is stored"
    wanted = "none was expected" if expected is None else f"save {expected} was expected"
    text = f"execution {quoted(execution_id)}: {found}, {wanted}"
    hint = "another process saved or deleted it: load it again" if expected is not None else "the id is in use: load it"
    return Problem("TF951", text, hint)


def leased_problem(execution_id: str, holder: str, until: str) -> Problem:
    """Report a save without a lease while another process has one (TF958)."""
    text = f"execution {quoted(execution_id)} is run by {holder}, until {until} at least"
    return Problem("TF958", text, "leave it to that process, or open it again when it is done")


def lost_lease_problem(execution_id: str, holder: str | None) -> Problem:
    """Report a save under a lease that is over (TF958)."""
    now = "no process has it" if holder is None else f"{holder} has it now"
    text = f"the lease on execution {quoted(execution_id)} is lost: {now}"
    again = "what it was doing is run again by the next holder, from the last save"
    return Problem("TF958", text, again if holder is not None else f"{again}, unless it is over or was deleted")


def second_answer_problem(execution_id: str, interrupt: str) -> Problem:
    """Report a second answer to one interrupt (TF951)."""
    text = f"interrupt {quoted(interrupt)} of execution {quoted(execution_id)} was answered already"
    return Problem("TF951", text, "the first answer stands")


def taken_id_problem(execution_id: str) -> Problem:
    """Report a remote child whose id another execution has (TF951)."""
    text = f"execution {quoted(execution_id)} is stored, and is not the child that is to be started under its id"
    return Problem("TF951", text, "ids that end with a dot and 16 hexadecimal digits are those of children")


def closed_problem(store: str) -> Problem:
    """Report a call on a store that was closed (TF952)."""
    return Problem("TF952", f"the {store} was closed", "open another one on the same place")


def failed_problem(doing: str, reason: str, hint: str = "") -> Problem:
    """Report a failure of the system or the database (TF953): "cannot save …: disk full"."""
    return Problem("TF953", f"cannot {doing}: {reason}", hint or "what was saved before is untouched")


def busy_problem(doing: str, seconds: float) -> Problem:
    """Report a lock that a plain call has not got within the time that it may block (TF953)."""
    text = f"cannot {doing}: another writer held the lock for {seconds:g} s, and a plain call blocks no longer"
    return Problem("TF953", text, "nothing was changed; `await` the async form, which waits without blocking")


def nested_problem(doing: str) -> Problem:
    """Report an update that the function of another update on the same store calls (TF953)."""
    text = f"cannot {doing}: the function of another update on this store has called it"
    return Problem("TF953", text, "call it before or after that update")


def no_wal_problem(mode: str) -> Problem:
    """Report a database that cannot have a write-ahead log (TF953): in memory, on some network file systems."""
    text = f"SQLite gives journal_mode {quoted(mode)} here instead of 'wal'"
    return Problem("TF953", text, "use a file on a local disk; for no file at all there is MemoryStore")


def no_parts_problem(store: str) -> Problem:
    """Report a save in parts passed to a store that keeps whole documents (TF950)."""
    text = f"a {store} keeps whole documents, and was given parts of one"
    return Problem("TF950", text, "whole_documents = True asks for whole ones", side="value")


def no_flow_state_problem(store: str) -> Problem:
    """Report a flow_state change passed to a store that does not share flow_state (TF954)."""
    return Problem("TF954", f"a {store} does not share flow_state", "ask store.shares_flow_state, or use a SQLiteStore")


def damaged_problem(reason: str) -> Problem:
    """Report stored bytes that differ from those written (TF955)."""
    return Problem("TF955", f"damaged: {reason}", "move it away, or bring it back from a backup")


def newer_store_problem(found: object, known: int) -> Problem:
    """Report a file or database that a newer typedflow wrote (TF956)."""
    return Problem("TF956", f"its format is {describe(found)}, known is {known}", "update typedflow")


def other_process_problem(store: str) -> Problem:
    """Report a store that was opened before a fork (TF957): connections and threads do not survive one."""
    return Problem("TF957", f"the {store} was opened in another process", "make one in each process")
