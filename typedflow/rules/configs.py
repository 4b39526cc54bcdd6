"""Problems of a flow as a document: what cannot be exported, and what a document lacks or does not fit.

The caller fills in the location (`Problem.where`: the flow, the step).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from typedflow.rules.names import name_hint
from typedflow.rules.problems import Problem
from typedflow.rules.wording import describe, listed, quoted

ARGUMENTS: Final = {
    "handler": "handlers",
    "condition": "conditions",
    "constant": "conditions",
    "class": "conditions",
    "flow": "flows",
    "error": "errors",
}
"""The argument of `Flow.from_config` that binds the names of each kind."""


def nameless_problem(kind: str) -> Problem:
    """Report a lambda, which a document cannot name (TF760); `kind` is "handler" or "condition"."""
    text = f"the {kind} is a lambda, which has no name that a config could bind"
    return Problem("TF760", text, 'write it as a function, or register it: flow.chunk("name")(…)', side="value")


def shared_name_problem(name: str, kind: str) -> Problem:
    """Report two functions of one name in a flow (TF760)."""
    text = f"two {kind}s are called {quoted(name)}, which a config cannot distinguish"
    return Problem("TF760", text, 'register one under another name: flow.chunk("name")(…)', side="value")


def unreadable_config_problem(reason: str) -> Problem:
    """Report a document that is no config (TF761)."""
    return Problem("TF761", f"this is no config of a flow: {reason}", "make one with flow.to_config()")


def incompatible_config_problem(given: object, known: str) -> Problem:
    """Report a document of a version that is not read (TF761)."""
    text = f"the config has the format {describe(given)}, and this version of typedflow reads {quoted(known)}"
    return Problem("TF761", text, "export it once more, with this version")


def not_a_config_problem(given: object) -> Problem:
    """Report an argument that is neither a document nor its text (TF761)."""
    text = f"a config is text, bytes, a mapping or a path, not {describe(given)}"
    return Problem("TF761", text, "make one with flow.to_config()")


def unknown_form_problem(given: object, forms: Collection[str]) -> Problem:
    """Report a `format` in which a config cannot be written (TF761)."""
    return Problem("TF761", f"a config is written as {listed(forms)}, not {describe(given)}")


def no_yaml_problem() -> Problem:
    """Report a config in YAML without the package that reads and writes it (TF761)."""
    hint = "pip install 'typedflow[yaml]', or use JSON"
    return Problem("TF761", "YAML needs PyYAML, which is not installed", hint)


def unbound_problem(name: str, kind: str, given: Collection[str]) -> Problem:
    """Report a name of the document that nothing given has (TF762); `kind` is a key of `ARGUMENTS`."""
    argument = ARGUMENTS[kind]
    text = f"the config names the {kind} {quoted(name)}, which {argument}= does not hold"
    return Problem("TF762", text, name_hint(name, given) or f"pass {argument}={{{name!r}: …}}", side="value")


def misfit_problem(reason: str) -> Problem:
    """Report nodes of a document that do not fit together (TF763)."""
    return Problem("TF763", reason, "a config is changed by hand only where names and options stand")


def other_contract_config_problem(given: str, version: int, contract: str, today: int) -> Problem:
    """Report a document of another contract, or of a newer version of it (TF764)."""
    if given != contract:
        text = f"the config is of contract {quoted(given)}, not {quoted(contract)}"
    else:
        text = f"the config is of version {version} of contract {quoted(contract)}, which is at {today}"
    return Problem("TF764", text, "pass the contract that it was exported with, or export it once more", side="value")
