"""The mypy plugin of typedflow: `plugins = ["typedflow_mypy"]`.

Imports mypy, the standard library and `typedflow.contract`, nothing else of typedflow.
"""

from __future__ import annotations

from typing import final

from mypy.plugin import Plugin

__all__ = ["TypedflowPlugin", "plugin"]


@final
class TypedflowPlugin(Plugin):
    """Check what a contract says and a plain type checker cannot see; for now it leaves all of it to mypy."""


def plugin(version: str) -> type[TypedflowPlugin]:
    """Give mypy, of the version that it tells, the class to make its plugin of."""
    return TypedflowPlugin
