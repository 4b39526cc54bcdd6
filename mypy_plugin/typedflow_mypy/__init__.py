"""The mypy plugin of typedflow: `plugins = ["typedflow_mypy"]`.

Imports mypy, the standard library and `typedflow.contract`, nothing else of typedflow.
"""

from __future__ import annotations

from typedflow_mypy.plugin import TypedflowPlugin

__all__ = ["TypedflowPlugin", "plugin"]


def plugin(version: str) -> type[TypedflowPlugin]:
    """Give mypy, of the version that it tells, the class to make its plugin of."""
    return TypedflowPlugin
