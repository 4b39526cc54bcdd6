"""Where a resource is looked up: set in a handler, then the execution, then the flow, then the field's default.

Identity is kept throughout: values are neither copied nor merged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final

from typedflow.engine.tokens import UNSET
from typedflow.errors import ResourceError
from typedflow.rules import resources as rules
from typedflow.rules.problems import Problem
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.layers import Resources
from typedflow.schema.render import render
from typedflow.schema.resources import ResourceField, declared_resources, overrides_of, require_resources

NOTHING: Final[Mapping[str, Any]] = {}


class FlowResources:
    """The declared resources of a contract and a flow's defaults for them."""

    __slots__ = ("declared", "previous", "required", "spec", "values", "version")

    removed: ClassVar[int] = 0
    """How often a default was removed from any flow: executions that were complete may lack a resource since."""

    def __init__(self, spec: ContractSpec) -> None:
        self.spec = spec
        self.declared: Mapping[str, ResourceField] = (
            NOTHING if spec.resources is None else declared_resources(spec.resources)
        )
        self.required = tuple(key for key, field in self.declared.items() if field.required)
        self.values: dict[str, Any] = {}
        self.version = 0
        self.previous: tuple[FlowResources, ...] = ()
        """Those of earlier definitions of the flow, which get each default that they declare too."""

    def require_key(self, key: str) -> None:
        """Refuse a key that the contract does not declare."""
        if isinstance(key, str) and key in self.declared:
            return
        problem: Problem | None
        if self.spec.resources is None:
            problem = rules.no_resources_problem(self.spec.name)
        else:
            problem = rules.check_declared(key, self.declared, owner=self.spec.resources.__name__)
        assert problem is not None
        raise ResourceError(problem)

    def checked(self, given: Resources | Mapping[str, Any]) -> dict[str, Any]:
        """Return what is to be injected, by key; one `ResourceError` tells all that is unknown or wrong."""
        if self.spec.resources is None:
            if overrides_of(given):
                raise ResourceError(rules.no_resources_problem(self.spec.name))
            return {}
        return require_resources(self.spec.resources, given)

    def missing(self, key: str) -> Problem:
        """Return the problem of a declared resource that is not supplied."""
        return rules.missing_resource_problem(key, render(self.declared[key].kind))

    def update(self, given: Resources | Mapping[str, Any]) -> None:
        """Set defaults of the flow, all or none, and those of earlier definitions that declare them alike."""
        checked = self.checked(given)
        self.values.update(checked)
        self.version += 1
        for each in self.previous:
            each.values.update(each.fitting(checked))
            each.version += 1

    def fitting(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of some resources that this contract declares, of a class that it takes."""
        return {key: value for key, value in given.items() if key in self.declared and self._fits(key, value)}

    def _fits(self, key: str, value: Any) -> bool:
        try:
            self.checked({key: value})
        except ResourceError:
            return False
        return True

    def in_use(self) -> Iterator[object]:
        """Yield the defaults of the flow: what no message may show."""
        yield from tuple(self.values.values())

    def discard(self, key: str) -> None:
        """Remove a default of the flow; one that is not there changes nothing."""
        self.require_key(key)
        if self.values.pop(key, UNSET) is not UNSET:
            self.version += 1
            FlowResources.removed += 1
        for each in self.previous:
            if each.values.pop(key, UNSET) is not UNSET:
                each.version += 1


class _Key:
    """A resource in the function that picks one."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class _Keys:
    """The resources in the function that picks one: each attribute is its name."""

    __slots__ = ()

    def __getattr__(self, name: str) -> _Key:
        return _Key(name)


def key_of(pick: Callable[[Any], Any]) -> str:
    """Return the key of the resource that a function picks, which gets no resource; raises ResourceError."""
    try:
        picked = pick(_Keys()) if callable(pick) else None
    except AttributeError:  # of an attribute of the resource
        picked = None
    if type(picked) is not _Key:
        raise ResourceError(rules.wrong_pick_problem())
    return picked.name


class ResourceLayers:
    """The resources of one execution, which take precedence over its flow's defaults."""

    __slots__ = ("_defaults", "_seen", "_view", "flow", "given", "in_run")

    def __init__(self, flow: FlowResources) -> None:
        self.flow = flow
        self.given: dict[str, Any] | None = None
        """By `runtime_resources=…` or on the execution."""
        self.in_run: dict[str, Any] | None = None
        """By `set_resource` in a handler."""
        self._defaults: dict[str, Any] | None = None
        """What the default factories of the declared class have made for this execution."""
        self._view: Resources | None = None
        self._seen = -1

    def lookup(self, key: str) -> Any:
        """Return the value of a declared key, UNSET where it is not supplied and has no default."""
        if self.in_run is not None and key in self.in_run:
            return self.in_run[key]
        if self.given is not None and key in self.given:
            return self.given[key]
        values = self.flow.values
        if key in values:
            return values[key]
        field = self.flow.declared[key]
        if field.required:
            return UNSET
        if self._defaults is None:
            self._defaults = {}
        if key not in self._defaults:
            self._defaults[key] = field.default()
        return self._defaults[key]

    def get(self, key: str, default: Any) -> Any:
        """Return the value, `default` where there is none."""
        self.flow.require_key(key)
        value = self.lookup(key)
        return default if value is UNSET or value is None else value

    def require(self, key: str) -> Any:
        """Return the value; one that is absent or None is a `ResourceError`."""
        self.flow.require_key(key)
        value = self.lookup(key)
        if value is UNSET or value is None:
            raise self.missing(key)
        return value

    def missing(self, key: str) -> ResourceError:
        """Return the error of a declared resource that is read and not there, with the keys that there are."""
        type_ = render(self.flow.declared[key].kind)
        return ResourceError(rules.missing_resource_problem(key, type_, self.available()), missing=[key])

    def set_in_run(self, key: str, value: Any) -> None:
        """Set a value that takes precedence over all others, for this execution only."""
        self.flow.require_key(key)
        checked = self.flow.checked({key: value})
        self.in_run = {**(self.in_run or NOTHING), **checked}
        self._view = None

    def del_in_run(self, key: str) -> None:
        """Uncover the flow's default: what was set in a handler and what was given with the execution goes."""
        self.flow.require_key(key)
        for layer in (self.in_run, self.given):
            if layer is not None:
                layer.pop(key, None)
        self._view = None

    def give(self, given: Resources | Mapping[str, Any]) -> None:
        """Set what belongs to the execution, all or nothing."""
        self.given = {**(self.given or NOTHING), **self.flow.checked(given)}
        self._view = None

    def take_back(self, before: dict[str, Any] | None) -> None:
        """Restore what belonged to the execution before the last `give`."""
        self.given = before
        self._view = None

    def available(self) -> list[str]:
        """Return the declared keys that have a value now, sorted."""
        values = ((key, self.lookup(key)) for key in self.flow.declared)
        return sorted(key for key, value in values if value is not UNSET and value is not None)

    def injected(self) -> list[str]:
        """Return the keys that were injected, over all levels, sorted: what a snapshot writes of resources."""
        return sorted({*self.flow.values, *(self.given or NOTHING), *(self.in_run or NOTHING)})

    def in_use(self) -> Iterator[object]:
        """Yield every resource that was injected or made for this execution: what no message may show.

        A default that stands in the class itself is no secret.
        """
        yield from self.flow.in_use()
        for layer in (self.given, self.in_run):
            yield from tuple((layer or NOTHING).values())
        made = tuple((self._defaults or NOTHING).items())
        yield from (value for key, value in made if self.flow.declared[key].is_made)

    def absent(self) -> list[str]:
        """Return the required keys that are not supplied, in order of definition."""
        return [key for key in self.flow.required if self.lookup(key) is UNSET]

    def require_complete(self, where: str) -> None:
        """Refuse to go on while a required resource is missing; names all of them."""
        absent = self.absent() if self.flow.required else None
        if absent:
            raise ResourceError([self.flow.missing(key).at(where) for key in absent], missing=absent)

    def view(self) -> Resources:
        """Return the resources as an instance of the declared class, as they are now."""
        if self._view is None or self._seen != self.flow.version:
            self._view = self.make_view()
            self._seen = self.flow.version
        return self._view

    def make_view(self) -> Resources:
        """Make the instance that `view` returns; raises where a required resource is missing."""
        cls = self.flow.spec.resources
        assert cls is not None
        self.require_complete(f"contract '{self.flow.spec.name}'")
        return cls(**{key: self.lookup(key) for key in self.flow.declared})
