"""Import what a command line names: modules, the flows in them, the functions that supply resources.

This is the one place of the library that imports code by a name: a name that the user of the command line has typed, or
has written into pyproject.toml; never one of a saved document.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final

from typedflow.api.flow import Flow
from typedflow.cli.exits import FAILED, Mistake
from typedflow.rules.names import name_hint, nearest
from typedflow.rules.wording import describe, listed, quoted, shown_error
from typedflow.schema.deferred import own_annotations

_IMPORT_MACHINERY: Final = ("importlib", "_frozen_importlib", "runpy")
_OWN_MODULES: Final = __name__.partition(".")[0] + "."


class ImportFailure(Mistake):
    """A module was found and raised while it was imported; `file` and `line` are where, if that is known."""

    def __init__(self, module: str, error: BaseException) -> None:
        self.error = error
        self.file, self.line = place_of(error)
        where = f" ({shown_path(self.file)}:{self.line})" if self.file else ""
        super().__init__(f"importing '{module}' failed{where}: {self.reason}", code=FAILED)

    @property
    def reason(self) -> str:
        """The exception on one line, without its place."""
        return f"SyntaxError: {self.error.msg}" if isinstance(self.error, SyntaxError) else shown_error(self.error)


@dataclass(frozen=True, slots=True)
class Found:
    """A flow, and how the command line names it."""

    target: str
    """`module:name`."""
    flow: Flow[Any]


def use_folder(*folders: Path) -> None:
    """Add folders to the start of `sys.path`, in this order."""
    for folder in reversed(folders):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def split_target(text: str) -> tuple[str, str | None]:
    """Split `module:name`; the module may also be a path to a file."""
    module, colon, name = text.rpartition(":") if ":" in text else (text, "", "")
    if not module or (colon and not name):
        raise Mistake(f"{quoted(text)} is no MODULE or MODULE:FLOW", "write it as 'review' or 'review:flow'")
    if module.endswith(".py") or os.sep in module:
        path = Path(module)
        if not path.is_file():
            raise Mistake(f"there is no file {quoted(module)}")
        use_folder(path.resolve().parent)
        module = path.stem
    return module, name or None


def load_module(name: str) -> ModuleType:
    """Import a module; raises `Mistake` if there is none, `ImportFailure` if it raises."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (error.name == name or name.startswith(f"{error.name}.")):
            raise Mistake(f"there is no module {quoted(name)}", _module_hint(name)) from None
        raise ImportFailure(name, error) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may also call sys.exit()
        raise ImportFailure(name, error) from None


def _module_hint(name: str) -> str:
    """Return the module that was meant: a neighbour in the same package, or in the folders that are searched first."""
    package, _, last = name.rpartition(".")
    folders = [Path(folder) for folder in sys.path[:3]]
    if package:
        loaded = sys.modules.get(package)
        folders = [Path(folder) for folder in getattr(loaded, "__path__", ())]
    names = {
        path.stem: None
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    meant = nearest(last, names)
    if meant is not None:
        return f"did you mean {quoted(f'{package}.{meant}' if package else meant)}?"
    return "modules are searched in the working directory and in the installed packages"


def flows_in(module: ModuleType) -> dict[str, Flow[Any]]:
    """Return the flows that a module holds by name, each once, in the order of the module."""
    names: dict[int, str] = {}
    for name, value in vars(module).items():
        if isinstance(value, Flow):
            names.setdefault(id(value), name)
    return {name: vars(module)[name] for name in names.values()}


def find_flows(text: str) -> list[Found]:
    """Return the flow that a target names, or all flows of its module; raises `Mistake` if there is none."""
    module_name, name = split_target(text)
    module = load_module(module_name)
    if name is not None:
        return [Found(text, _flow_named(module, name))]
    flows = flows_in(module)
    if not flows:
        raise Mistake(f"module {quoted(module_name)} has no flow at its top level", _factories_hint(module))
    return [Found(f"{text}:{each}", flow) for each, flow in flows.items()]


def find_flow(text: str) -> Found:
    """Return the one flow that a target names; a module alone will do if it has one flow only."""
    found = find_flows(text)
    if len(found) > 1:
        names = listed(each.target for each in found)
        raise Mistake(f"module {quoted(text)} has {len(found)} flows; name one of them", f"they are {names}")
    return found[0]


def _flow_named(module: ModuleType, name: str) -> Flow[Any]:
    flows = flows_in(module)
    value = vars(module).get(name)
    if value is None:
        by_flow_name = [flow for flow in flows.values() if flow.name == name]
        if len(by_flow_name) == 1:
            return by_flow_name[0]
        known = [*flows, *_factories(module)]
        hint = name_hint(name, known, known="its flows") or "it has no flow"
        raise Mistake(f"module {quoted(module.__name__)} has no flow {quoted(name)}", hint)
    if isinstance(value, Flow):
        return value
    target = quoted(f"{module.__name__}:{name}")
    if not callable(value) or isinstance(value, type):
        raise Mistake(f"{target} is no flow, but {describe(value)}")
    if not _takes_nothing(value):
        raise Mistake(f"{target} is no flow, and no function that returns one without an argument")
    made = _call(f"{module.__name__}:{name}", value)
    if not isinstance(made, Flow):
        raise Mistake(f"{target} returns no flow, but {describe(made)}")
    return made


def _call(target: str, function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception as error:
        raise ImportFailure(target, error) from None


def _factories(module: ModuleType) -> Iterator[str]:
    """Yield the names of functions of a module that are annotated to return a flow, and need no argument."""
    for name, value in vars(module).items():
        if not inspect.isfunction(value) or not _takes_nothing(value):
            continue
        if "Flow[" in str(own_annotations(value).get("return", "")):
            yield name


def _takes_nothing(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return False
    return True


def _factories_hint(module: ModuleType) -> str:
    names = list(_factories(module))
    if not names:
        return "assign it to a name there: flow = Flow(…)"
    return f"it has a function that returns one: {quoted(f'{module.__name__}:{names[0]}')}"


def load_function(text: str, what: str) -> Callable[[], Any]:
    """Return the function that `module:function` names; `what` names what it is for, in messages."""
    module_name, name = split_target(text)
    if name is None:
        raise Mistake(f"{what} is named as 'module:function', not {quoted(text)}")
    module = load_module(module_name)
    value = vars(module).get(name)
    if value is None:
        own = (each for each in vars(module).items() if inspect.isfunction(each[1]))
        functions = [each for each, found in own if found.__module__ == module.__name__]
        raise Mistake(f"module {quoted(module_name)} has no function {quoted(name)}", name_hint(name, functions))
    if not callable(value):
        raise Mistake(f"{quoted(text)} is no function, but {describe(value)}")
    found: Callable[[], Any] = value
    return found


def place_of(error: BaseException) -> tuple[str, int]:
    """Return the file and line of the user's code that an exception comes from; ("", 0) if none is known."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0
    places = list(_places(error.__traceback__))
    own = [place for place in places if shown_path(place[0]) != place[0] and "site-packages" not in place[0]]
    return (own or places or [("", 0)])[-1]


def _places(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    """Yield the lines of a traceback, outermost first, without those of this library and of imports."""
    while traceback is not None:
        names: Mapping[str, Any] = traceback.tb_frame.f_globals
        module = str(names.get("__name__", ""))
        if not module.startswith(_OWN_MODULES) and module.partition(".")[0] not in _IMPORT_MACHINERY:
            yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next


def shown_path(file: str) -> str:
    """Return a path as it is printed: relative to the working directory if it lies below it."""
    try:
        relative = os.path.relpath(file)
    except ValueError:  # on another drive of Windows
        return file
    return file if relative.startswith(os.pardir) else relative.replace(os.sep, "/")
