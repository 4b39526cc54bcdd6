"""The catalogue of rules, one row each: a number, the mypy code that silences it, a title.

The runtime and the mypy plugin read the same table, so a number means the same in both. The hundreds
are the areas: 1 resources, 2 paths, 3 capture, 4 write_back, 5 events, 6 contracts and state, 7 flow definition,
8 execution, 9 snapshots. A number is never reused. The texts live beside the checks that make them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

RESOURCE: Final = "typedflow-resource"
PATH: Final = "typedflow-path"
CAPTURE: Final = "typedflow-capture"
WRITE_BACK: Final = "typedflow-write-back"
EVENT: Final = "typedflow-event"
STATE: Final = "typedflow-state"
FLOW: Final = "typedflow-flow"
DYNAMIC: Final = "typedflow-dynamic"
UNUSED: Final = "typedflow-unused"
RUNTIME: Final = ""

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        RESOURCE: "resources that a contract does not declare, or of another class",
        PATH: "paths that do not lead to a field",
        CAPTURE: "values handed to a child flow",
        WRITE_BACK: "values taken back from a child flow",
        EVENT: "events that a contract does not declare, or with another payload",
        STATE: "contracts, state classes and what is written to them",
        FLOW: "how a flow is put together",
        DYNAMIC: "keys that are no literals, so that nothing can be checked (off by default)",
        UNUSED: "fields, events and resources that nothing in their module uses (off by default)",
    }
)
"""The mypy codes, each with its subject."""


class Rule(NamedTuple):
    """One rule of the catalogue."""

    number: str
    code: str
    """The mypy code, one of `CODES`; empty if only the runtime checks the rule."""
    title: str


def _table(rows: Iterable[tuple[str, str, str]]) -> Mapping[str, Rule]:
    return MappingProxyType({number: Rule(number, code, title) for number, code, title in rows})


RULES: Final[Mapping[str, Rule]] = _table(
    [
        ("TF101", RESOURCE, "unknown resource"),
        ("TF102", RESOURCE, "required resource missing"),
        ("TF103", RESOURCE, "resource of the wrong class"),
        ("TF104", RESOURCE, "resource key that is not a name"),
        ("TF105", RESOURCE, "contract declares no resources"),
        ("TF106", RESOURCE, "assignment to a resource"),
        ("TF198", UNUSED, "resource that nothing uses"),
        ("TF199", DYNAMIC, "resource key is not a literal"),
        ("TF201", PATH, "malformed path"),
        ("TF202", PATH, "unknown field"),
        ("TF203", PATH, "path through a type without fields"),
        ("TF204", PATH, "write through a value that may be None"),
        ("TF205", PATH, "write into a read-only record"),
        ("TF206", PATH, "append to something that is not a list or a set"),
        ("TF207", PATH, "delete of a field without a default"),
        ("TF208", RUNTIME, "path absent from the data"),
        ("TF299", DYNAMIC, "path is not a literal"),
        ("TF301", CAPTURE, "unknown scope"),
        ("TF302", CAPTURE, "source scope not allowed for this target"),
        ("TF303", CAPTURE, "malformed path"),
        ("TF304", CAPTURE, "unknown field"),
        ("TF305", CAPTURE, "path through a type without fields"),
        ("TF306", CAPTURE, "source does not fit its target"),
        ("TF307", CAPTURE, "value that may be None into a target that may not"),
        ("TF308", CAPTURE, "targets in conflict"),
        ("TF309", CAPTURE, "duplicate target"),
        ("TF310", CAPTURE, "required input of the child not supplied"),
        ("TF311", CAPTURE, "required state of the child not supplied"),
        ("TF312", CAPTURE, "required resource of the child not supplied"),
        ("TF313", CAPTURE, "malformed mapping"),
        ("TF314", CAPTURE, "layer that the contract does not declare"),
        ("TF315", CAPTURE, "target that cannot be written"),
        ("TF316", CAPTURE, "value that cannot be copied"),
        ("TF317", RUNTIME, "value to capture is absent, or of the wrong type"),
        ("TF318", CAPTURE, "scope that a remote child does not take"),
        ("TF399", DYNAMIC, "capture is not a literal"),
        ("TF401", WRITE_BACK, "unknown scope"),
        ("TF402", WRITE_BACK, "source scope not allowed for this target"),
        ("TF403", WRITE_BACK, "malformed path"),
        ("TF404", WRITE_BACK, "unknown field"),
        ("TF405", WRITE_BACK, "path through a type without fields"),
        ("TF406", WRITE_BACK, "source does not fit its target"),
        ("TF407", WRITE_BACK, "value that may be None into a target that may not"),
        ("TF408", WRITE_BACK, "targets in conflict"),
        ("TF409", WRITE_BACK, "duplicate target"),
        ("TF410", WRITE_BACK, "resources in write_back"),
        ("TF411", WRITE_BACK, "value that the next step does not accept"),
        ("TF413", WRITE_BACK, "malformed mapping"),
        ("TF414", WRITE_BACK, "layer that the contract does not declare"),
        ("TF415", WRITE_BACK, "target that cannot be written"),
        ("TF416", WRITE_BACK, "value that cannot be copied"),
        ("TF417", RUNTIME, "value to write back is absent, or of the wrong type"),
        ("TF499", DYNAMIC, "write_back is not a literal"),
        ("TF501", EVENT, "undeclared event"),
        ("TF502", EVENT, "event payload of the wrong type"),
        ("TF503", EVENT, "contract declares no events"),
        ("TF598", UNUSED, "event that nothing emits or listens to"),
        ("TF599", DYNAMIC, "event name is not a literal"),
        ("TF601", STATE, "write of the wrong type"),
        ("TF602", STATE, "write to an undeclared field"),
        ("TF603", STATE, "field that cannot be saved"),
        ("TF604", STATE, "resource in a state"),
        ("TF605", STATE, "contract part of the wrong kind"),
        ("TF606", STATE, "contract part missing"),
        ("TF607", STATE, "unknown contract part"),
        ("TF608", STATE, "reserved field name"),
        ("TF609", STATE, "option that a state class cannot have"),
        ("TF610", STATE, "annotation that cannot be resolved"),
        ("TF611", STATE, "layer that the contract does not declare"),
        ("TF612", RUNTIME, "value changed in place to one of the wrong type"),
        ("TF613", STATE, "contract part with a value"),
        ("TF614", STATE, "contract version or migration"),
        ("TF615", STATE, "large payload in a flow_state"),
        ("TF616", STATE, "mutable default"),
        ("TF617", STATE, "bases or members that a class cannot have"),
        ("TF698", UNUSED, "field that nothing reads or writes"),
        ("TF701", FLOW, "handler does not accept its input"),
        ("TF702", FLOW, "end with a value that is not the result"),
        ("TF703", FLOW, "block not closed"),
        ("TF704", FLOW, "block closed that is not open"),
        ("TF705", FLOW, "duplicate name"),
        ("TF706", FLOW, "unknown chunk"),
        ("TF707", FLOW, "unreachable node"),
        ("TF708", FLOW, "wiring after the first execution"),
        ("TF709", FLOW, "for_each over something that is not a sequence"),
        ("TF710", FLOW, "resume_event inside a block"),
        ("TF711", FLOW, "collect members in different blocks"),
        ("TF712", FLOW, "collect with two modes"),
        # TF713 is not used any more
        ("TF714", FLOW, "empty block"),
        ("TF715", FLOW, "unknown mode"),
        ("TF716", FLOW, "handler of another contract"),
        ("TF717", FLOW, "not a handler"),
        ("TF718", FLOW, "option out of range"),
        ("TF719", FLOW, "when with no trigger, or an unknown one"),
        ("TF720", FLOW, "pausing step without an answer type"),
        ("TF721", FLOW, "end inside a block"),
        ("TF722", FLOW, "case out of order"),
        ("TF723", FLOW, "flow without steps"),
        ("TF724", FLOW, "pause in a condition"),
        ("TF725", FLOW, "child whose stream the parent does not accept"),
        ("TF726", FLOW, "result that no chain or handler sets"),
        ("TF740", FLOW, "former name that is in use"),
        ("TF741", FLOW, "class as a case"),
        ("TF742", FLOW, "not a class or value to match"),
        ("TF743", FLOW, "value without a case"),
        ("TF744", FLOW, "case that no value can have"),
        ("TF745", FLOW, "chain wired twice"),
        ("TF750", FLOW, "earlier definition that is none"),
        ("TF760", FLOW, "handler that a config cannot name"),
        ("TF761", FLOW, "not a config of a flow"),
        ("TF762", FLOW, "name in a config that nothing is given for"),
        ("TF763", FLOW, "config whose nodes do not fit together"),
        ("TF764", FLOW, "config of another contract"),
        ("TF801", RUNTIME, "start inside a running loop"),
        ("TF802", RUNTIME, "no result"),
        ("TF803", RUNTIME, "execution is over"),
        ("TF804", RUNTIME, "undeclared stream"),
        ("TF805", RUNTIME, "wrong stream item"),
        ("TF806", RUNTIME, "wrong start value"),
        ("TF807", RUNTIME, "unknown interrupt"),
        ("TF808", RUNTIME, "interrupt answered already"),
        ("TF809", RUNTIME, "interrupt id in use"),
        ("TF810", FLOW, "answer of the wrong type"),
        ("TF811", RUNTIME, "required state field missing at start"),
        ("TF812", RUNTIME, "started already"),
        ("TF813", RUNTIME, "step value of the wrong type"),
        ("TF814", RUNTIME, "sub_flow too deep"),
        ("TF815", RUNTIME, "direct start met a pause"),
        ("TF816", RUNTIME, "malformed execution id"),
        ("TF817", RUNTIME, "pause inside a TaskGroup"),
        ("TF818", RUNTIME, "pause payload that is not JSON"),
        ("TF819", RUNTIME, "step is over"),
        ("TF820", RUNTIME, "cancellation from inside a step"),
        ("TF821", RUNTIME, "update inside an update"),
        ("TF822", RUNTIME, "pause type that is not text"),
        ("TF823", RUNTIME, "invalid option"),
        ("TF824", RUNTIME, "call from another event loop"),
        ("TF825", RUNTIME, "function that is not a plain one"),
        ("TF826", RUNTIME, "update that returned more than JSON"),
        ("TF827", RUNTIME, "update that has to be awaited"),
        ("TF828", RUNTIME, "update in an unclear store"),
        ("TF829", RUNTIME, "remote child without a store for workers"),
        ("TF830", RUNTIME, "remote child that has failed"),
        ("TF831", RUNTIME, "fork while a remote child is open"),
        ("TF841", RUNTIME, "deadline that is not a moment"),
        ("TF842", EVENT, "default answer of the wrong type"),
        ("TF843", RUNTIME, "answer after the deadline"),
        ("TF901", RUNTIME, "value that a save would change"),
        ("TF902", RUNTIME, "untyped value that is more than JSON"),
        ("TF903", RUNTIME, "type that can never be saved"),
        ("TF904", RUNTIME, "not a snapshot"),
        ("TF905", RUNTIME, "malformed snapshot"),
        ("TF906", RUNTIME, "snapshot changed after it was written"),
        ("TF907", RUNTIME, "snapshot of an unknown format"),
        ("TF908", RUNTIME, "oversized snapshot"),
        ("TF909", RUNTIME, "snapshot nested too deep"),
        ("TF910", RUNTIME, "unknown field in a snapshot"),
        ("TF911", RUNTIME, "duplicate key in a snapshot"),
        ("TF912", RUNTIME, "saved value of the wrong type"),
        ("TF913", RUNTIME, "dangling reference"),
        ("TF914", RUNTIME, "snapshot of another flow or contract"),
        ("TF915", RUNTIME, "snapshot of a newer contract"),
        ("TF916", RUNTIME, "contract changed without a new version"),
        ("TF917", RUNTIME, "migration missing"),
        ("TF918", STATE, "migration out of place"),
        ("TF919", RUNTIME, "migration failed"),
        ("TF920", RUNTIME, "saved work without its node"),
        ("TF921", RUNTIME, "unknown execution"),
        ("TF950", RUNTIME, "record that a store cannot keep"),
        ("TF951", RUNTIME, "another writer saved first"),
        ("TF952", RUNTIME, "store is closed"),
        ("TF953", RUNTIME, "store failed"),
        ("TF954", RUNTIME, "store does not share flow_state"),
        ("TF955", RUNTIME, "stored bytes are damaged"),
        ("TF956", RUNTIME, "store of a newer format"),
        ("TF957", RUNTIME, "store of another process"),
        ("TF958", RUNTIME, "lease held by another process"),
        ("TF970", RUNTIME, "sealed with an unknown key"),
        ("TF971", RUNTIME, "sealed with another key of the same id"),
        ("TF972", RUNTIME, "altered after it was sealed"),
        ("TF973", RUNTIME, "sealed for another place"),
        ("TF974", RUNTIME, "not sealed"),
        ("TF975", RUNTIME, "keys that cannot seal"),
    ]
)
"""Every rule by its number, in order."""
