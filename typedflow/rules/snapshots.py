"""Problems of snapshots: when they are written, read, or compared with a flow that has changed.

`place` is the part of the document: "state.items[3]". The value there is user data, and is shortened in messages.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Literal, TypeAlias

from typedflow.rules.names import name_hint
from typedflow.rules.problems import Problem
from typedflow.rules.wording import quoted

BROKEN: Final = "take another copy of the snapshot; a damaged one is not loaded in parts"

# -- writing


def not_saved_problem(place: str, reason: str, hint: str = "") -> Problem:
    """Report a value that would not be equal after a save and a load (TF901)."""
    return Problem("TF901", f"{quoted(place)} cannot be saved: {reason}", hint, side="value")


def untyped_value_problem(place: str, inner: str, given: str) -> Problem:
    """Report a value without a declared type that is more than JSON (TF902); `inner` leads to the part at fault."""
    where = f" at {quoted(inner)}" if inner else ""
    text = (
        f"{quoted(place)} cannot be saved: nothing says its type, and {given}{where} is more than JSON "
        "(None, bool, int, float, str, list, dict with str keys)"
    )
    return Problem("TF902", text, "annotate it: the return type of the step that made it says how it is saved")


def never_savable_problem(edge: str, type_: str, reason: str, inner: str = "") -> Problem:
    """Report a declared type whose values cannot be saved (TF903); `edge` names where it is declared."""
    where = f" at {quoted(inner)}" if inner else ""
    text = f"{edge} is {type_}, which cannot be saved{where}: {reason}"
    return Problem("TF903", text, "pass what it is made from, and keep the thing itself in Resources")


# -- reading the document


def not_a_document_problem(given: str) -> Problem:
    """Report a document that is not a snapshot (TF904)."""
    text = f"a snapshot is read from a Snapshot, a mapping, JSON text, bytes or a path, not from {given}"
    return Problem("TF904", text, "a str is always text: give pathlib.Path(…) for a file")


def no_file_problem(path: str) -> Problem:
    """Report a file to load that is not there (TF904)."""
    return Problem("TF904", f"the file {quoted(path)} does not exist", "give the path that execution.save(path) wrote")


def malformed_problem(reason: str, place: str = "") -> Problem:
    """Report a document that is broken: cut short, with bytes behind its end, no JSON, no UTF-8 (TF905)."""
    where = f" at {quoted(place)}" if place else ""
    return Problem("TF905", f"the snapshot is malformed{where}: {reason}", BROKEN)


def altered_problem() -> Problem:
    """Report a document whose checksum does not match (TF906)."""
    return Problem("TF906", "the snapshot was changed after it was written: its checksum does not fit", BROKEN)


def unknown_format_problem(given: str, known: int) -> Problem:
    """Report a document of a format version that this library does not read (TF907)."""
    text = f"the snapshot has format version {given}, this typedflow reads version {known}"
    return Problem("TF907", text, "load it with the typedflow that wrote it, or upgrade typedflow")


def oversized_problem(given: str, allowed: int) -> Problem:
    """Report a document above the cap in bytes (TF908)."""
    text = f"the snapshot has {given} bytes, at most {allowed} are read"
    return Problem("TF908", text, "raise max_bytes if it is to be trusted, or keep less in the state")


def too_deep_problem(place: str = "") -> Problem:
    """Report a document nested deeper than the interpreter can follow (TF909)."""
    where = f" at {quoted(place)}" if place else ""
    return Problem("TF909", f"the snapshot is nested too deep{where}", "no state of that depth was ever saved")


def unknown_field_problem(place: str, name: str, known: Collection[str] = ()) -> Problem:
    """Report a field of the document that its declared type does not have (TF910)."""
    where = f" at {quoted(place)}" if place else ""
    return Problem("TF910", f"the snapshot has an unknown field {quoted(name)}{where}", name_hint(name, known))


def doubled_key_problem(place: str, name: str) -> Problem:
    """Report a key that an object of the document has twice (TF911)."""
    where = f" at {quoted(place)}" if place else ""
    return Problem("TF911", f"the snapshot has the key {quoted(name)} twice{where}", BROKEN)


def unfit_problem(place: str, reason: str) -> Problem:
    """Report a value of the document that is not of its declared type (TF912)."""
    return Problem("TF912", f"{quoted(place)} of the snapshot does not fit: {reason}", side="value")


def dangling_problem(place: str, reason: str) -> Problem:
    """Report a part of the document that refers to one that is not there (TF913)."""
    return Problem("TF913", f"{quoted(place)} of the snapshot leads nowhere: {reason}", BROKEN)


def inconsistent_problem(place: str, reason: str) -> Problem:
    """Report a part of the document that does not go with the rest of it (TF913)."""
    return Problem("TF913", f"{quoted(place)} of the snapshot contradicts the rest of it: {reason}", BROKEN)


# -- setting it against the flow


def not_stored_problem(execution_id: str) -> Problem:
    """Report an execution that a store does not have (TF921)."""
    return Problem("TF921", f"the store has no execution {quoted(execution_id)}", "store.list() gives those it has")


def no_revision_problem(execution_id: str, sequence: int) -> Problem:
    """Report a revision that a store does not have (TF921)."""
    text = f"the store has no revision {sequence} of execution {quoted(execution_id)}"
    return Problem("TF921", text, f"store.history({execution_id!r}) lists those it has")


def other_column_problem(name: str, given: str, expected: str) -> Problem:
    """Report a record of a store that is not one of the document in it (TF905); `name` is the column."""
    text = f"the store has it with {name} {quoted(given)}, in its document it is {quoted(expected)}"
    return Problem("TF905", text, BROKEN)


def other_flow_problem(what: str, given: str, expected: str, *, is_child: bool = False) -> Problem:
    """Report a snapshot of another flow or contract (TF914); `what` is "flow" or "contract"."""
    text = f"the snapshot is one of {what} {quoted(given)}, not of {quoted(expected)}"
    if not is_child:
        return Problem("TF914", text, f"load it into an execution of {quoted(given)}")
    renamed = f'declare formerly=("{given}",) at its to_sub_flow where it was renamed, or ' if what == "flow" else ""
    return Problem("TF914", text, f"{renamed}finish such executions with the flow that saved them")


def newer_contract_problem(contract: str, given: int, known: int) -> Problem:
    """Report a snapshot of a later contract version (TF915)."""
    text = f"the snapshot was saved by contract {quoted(contract)} version {given}, this code has version {known}"
    return Problem("TF915", text, "load it with the newer code: migrations lead upwards only")


def newer_flow_state_problem(name: str, fields: Sequence[str], version: int) -> Problem:
    """Report a stored flow_state with fields that this code does not know, and newer code has added (TF915)."""
    text = f"the stored {name} was written by newer code: it has {', '.join(map(quoted, fields))}"
    hint = f"update this process; if this code has removed the field, declare version={version + 1} and migrate it"
    return Problem("TF915", text, hint)


def changed_contract_problem(part: str, differences: Sequence[str], version: int) -> Problem:
    """Report a saved type that changed under the same contract version (TF916)."""
    text = f"{part} changed without a new contract version: {'; '.join(differences)}"
    return Problem("TF916", text, f"declare version={version + 1} and write the migration from {version}")


def missing_migration_problem(contract: str, version: int, target: int) -> Problem:
    """Report a gap in a contract's chain of migrations (TF917)."""
    text = f"contract {quoted(contract)} has version {target} and no migration from version {version}"
    return Problem("TF917", text, f"write `@{contract}.migrate({version})` over a function of the saved layers")


def check_migration(contract: str, version: object, newest: int, known: Collection[int]) -> Problem | None:
    """Check that a migration can be part of a contract's chain: from a version below its own, one each (TF918)."""
    if type(version) is not int or not 1 <= version < newest:
        return stray_migration_problem(contract, repr(version), f"its own version is {newest}")
    return stray_migration_problem(contract, repr(version), "there is one already") if version in known else None


def stray_migration_problem(contract: str, given: str, reason: str) -> Problem:
    """Report a migration that cannot be part of the chain (TF918)."""
    text = f"contract {quoted(contract)} cannot take a migration from version {given}: {reason}"
    return Problem("TF918", text, "a migration leads from one version to the next: migrate(1) from 1 to 2")


def failed_migration_problem(contract: str, version: int, reason: str) -> Problem:
    """Report a migration that raised, or did not return the saved layers (TF919)."""
    text = f"the migration of contract {quoted(contract)} from version {version} to {version + 1} {reason}"
    return Problem("TF919", text, "the snapshot is unchanged: fix the function and load it again")


def lost_event_problem(what: str, event: str, contract: str, known: Collection[str]) -> Problem:
    """Report an interrupt whose answer is to be emitted as an event that the contract does not declare (TF920)."""
    text = f"{what} is to emit event {quoted(event)}, which contract {quoted(contract)} does not declare any more"
    nearest = name_hint(event, known, known="its events")
    again = "declare it again until such executions have ended"
    return Problem("TF920", text, f"{nearest}{'; ' if nearest else ''}{again}")


def other_answer_problem(what: str, whose: str, differences: Sequence[str]) -> Problem:
    """Report an interrupt whose answer is of a type that accepts less, or something else (TF920)."""
    text = f"{what} waits for the payload of {whose}, which is another one now: {'; '.join(differences)}"
    return Problem("TF920", text, f"let the new type accept what the old one did, or {KEEP}")


def changed_result_problem(differences: Sequence[str]) -> Problem:
    """Report a result that is set, and is of another type in the changed contract (TF920)."""
    text = f"the result that is set is of another type now: {'; '.join(differences)}"
    return Problem("TF920", text, f'raise the contract\'s version and migrate document["result"], or {KEEP}')


Way: TypeAlias = Literal["renamed", "retyped", "named", "answered", "rewired"]
"""What helps something in flight that has lost its node: see `orphaned_problem`."""

KEEP: Final = "keep the definition that saved it in previous=(…,) until it has ended"


def orphaned_problem(
    what: str, node: str, reason: str, known: Collection[str] = (), *, way: Way = "rewired"
) -> Problem:
    """Report something in flight whose node is absent from the changed flow, or differs there (TF920).

    `way` is what may help: a former name, a migration, names for nodes that share one, or the old definition only.
    """
    text = f"{what} stands at node {quoted(node)}, which {reason}"
    ways: dict[Way, str] = {
        "renamed": f'declare formerly=("{node}",) where it was renamed, or ',
        "retyped": f"raise the contract's version and migrate values[{quoted(node)}], or ",
        "named": f'name= each of them, with formerly=("{node}",) at the one that is meant, or ',
        "answered": "let the new type accept what the old one did, or ",
        "rewired": "",
    }
    nearest = name_hint(node, known, known="its nodes")
    return Problem("TF920", text, f"{nearest}{'; ' if nearest else ''}{ways[way]}{KEEP}")
