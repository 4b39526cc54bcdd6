"""The mypy plugin of typedflow: `plugins = ["typedflow_mypy"]`.

Imports mypy, the standard library and `typedflow.rules`, nothing else of typedflow.
"""

from __future__ import annotations

from mypy.version import __version__

from typedflow_mypy.supported import require_supported

require_supported(__version__)

from typedflow_mypy.plugin import TypedflowPlugin  # noqa: E402 - an older mypy may lack what this imports

__all__ = ["TypedflowPlugin", "plugin"]


def plugin(version: str) -> type[TypedflowPlugin]:
    """Return the plugin class; mypy calls this with its own version."""
    return TypedflowPlugin
