"""How one distribution is classified, as a flow of its own: read, normalise, assess.

It knows nothing of the audit. What it needs is in its contract: the name, the policy, a catalog; a flow that has it as
a child says where these come from.
"""

from __future__ import annotations

from examples.license_audit.licences import identify
from examples.license_audit.metadata import Catalog
from examples.license_audit.policy import rule
from examples.license_audit.records import Assessment, Distribution, Licensed, Policy
from typedflow import Contract, Data, Flow, Resources, State


class ClassificationState(State):
    """What one classification goes by."""

    policy: Policy


class ClassificationResources(Resources):
    """What a classification needs of its environment."""

    catalog: Catalog


class Classification(Contract):
    """Find the licence of one distribution, named by the input, and judge it."""

    input: str
    result: Assessment
    state: ClassificationState
    resources: ClassificationResources


def read(data: Data[Classification, str]) -> Distribution:
    """Read the metadata of the distribution."""
    return data.resources.catalog.read(data.value)


def normalise(data: Data[Classification, Distribution]) -> Licensed:
    """Convert what the metadata says to one licence expression."""
    return Licensed(data.value, identify(data.value))


def assess(data: Data[Classification, Licensed]) -> Assessment:
    """Ask the policy."""
    return Assessment(data.value.distribution, data.value.license, rule(data.value.license, data.state.policy))


def build_classification() -> Flow[Classification]:
    """Make the flow; it needs the state field `policy` and the resource `catalog`."""
    flow = Flow(Classification, name="classification")
    flow.to(read).to(normalise).to(assess).end()
    return flow
