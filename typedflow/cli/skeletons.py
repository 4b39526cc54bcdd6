"""The module that stands beside an imported config: a contract to be filled in, and the handlers to be written."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def identifier(text: str) -> str:
    """Return a text as a Python name."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    return name if name and not name[0].isdigit() else f"_{name}"


def contract_name(module: str) -> str:
    """Return the name of the contract in a module: CamelCase."""
    return "".join(part[0].upper() + part[1:] for part in module.split("_") if part) or "Imported"


def write_skeleton(
    name: str,
    document: str,
    *,
    handlers: Sequence[str],
    conditions: Sequence[str],
    constants: Mapping[str, Any],
    events: Sequence[str],
    state: Sequence[str],
    flow_state: Sequence[str],
) -> str:
    """Return a module that makes the flow of a document beside it, and that type-checks; its handlers raise.

    `state` and `flow_state` are the paths that listeners name.
    """
    contract = contract_name(name)
    layers = {"state": ("State", state), "flow_state": ("FlowState", flow_state)}
    bases = ["Contract", "Data", "Flow", *(base for base, paths in layers.values() if paths)]
    bases += ["Events"] if events else []
    lines = [
        f'"""The flow of {document}, imported from a TriggerFlow: add the types, and write the handlers."""',
        *("", "from __future__ import annotations", "", "from pathlib import Path", "from typing import Any", ""),
        f"from typedflow import {', '.join(sorted(bases))}",
    ]
    for base, paths in layers.values():
        if paths:
            lines += ["", "", f"class {contract}{base}({base}):", *_fields(paths)]
    if events:
        lines += ["", "", f"class {contract}Events(Events):", *(f"    {event}: Any" for event in events)]
    lines += ["", "", f"class {contract}(Contract):", "    input: Any", "    result: Any"]
    lines += [f"    {layer}: {contract}{base}" for layer, (base, paths) in layers.items() if paths]
    lines += [f"    events: {contract}Events"] if events else []
    taken = {*keyword.kwlist, "Any", "Path", "flow", *bases, *(f"{contract}{base}" for base in ("", *bases))}
    steps, asked = ({each: _free(each, taken) for each in names} for names in (handlers, conditions))
    for functions, result in ((steps, "Any"), (asked, "bool")):
        for function in functions.values():
            lines += ["", "", f"def {function}(data: Data[{contract}, Any]) -> {result}:"]
            lines += ["    raise NotImplementedError"]
    bound = asked | {each: repr(value) for each, value in constants.items()}
    lines += ["", "", "flow = Flow.from_config(", f'    Path(__file__).with_name("{document}"),']
    lines += [f"    contract={contract},"]
    lines += [*_mapping("handlers", steps), *_mapping("conditions", bound), ")"]
    return "\n".join(lines) + "\n"


def _free(text: str, taken: set[str]) -> str:
    """Return a text as a Python name that nothing else in the module has."""
    name = base = identifier(text)
    number = 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name)
    return name


def _fields(paths: Sequence[str]) -> Iterator[str]:
    for field in dict.fromkeys(path.partition(".")[0] for path in paths):
        is_deep = any(path.startswith(f"{field}.") for path in paths)
        yield f"    {field}: {'dict[str, str] = {}' if is_deep else 'str | None = None'}"


def _mapping(argument: str, entries: Mapping[str, str]) -> Iterator[str]:
    if entries:
        yield f"    {argument}={{"
        yield from (f"        {json.dumps(name, ensure_ascii=False)}: {value}," for name, value in entries.items())
        yield "    },"
