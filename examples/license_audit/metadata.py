"""Where distributions come from: the `Catalog` that an audit is given, and the one of installed packages."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from importlib import metadata
from typing import Protocol, runtime_checkable

from packaging.utils import canonicalize_name

from examples.license_audit.records import Distribution


class UnknownDistributionError(LookupError):
    """Say that the catalog has no distribution of that name; `name` is the one asked for, `nearest` may be None."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.nearest = next(iter(get_close_matches(canonicalize_name(name), known, n=1)), None)
        hint = (
            f"did you mean '{self.nearest}'?"
            if self.nearest
            else f"none of the {len(known)} that are has a similar name"
        )
        super().__init__(f"no distribution '{name}' is installed ({hint})")


@runtime_checkable
class Catalog(Protocol):
    """Give the distributions of one environment."""

    def names(self) -> list[str]:
        """Give the canonical names of all distributions, sorted."""
        ...

    def read(self, name: str) -> Distribution:
        """Read one distribution by its name in any spelling; raises UnknownDistributionError."""
        ...

    def unreadable(self) -> list[str]:
        """Give the places that hold a distribution without readable metadata."""
        ...


class InstalledCatalog:
    """The distributions that importlib.metadata finds, read once, when the catalog is made.

    `path` is a list of folders to search in place of `sys.path`. Of two distributions of one name the first on the path
    counts, as it does for `import`.
    """

    def __init__(self, path: Sequence[str] | None = None) -> None:
        self._found: dict[str, Distribution] = {}
        self._unreadable: list[str] = []
        for installed in metadata.distributions() if path is None else metadata.distributions(path=list(path)):
            distribution = _read(installed)
            if distribution is None:
                self._unreadable.append(str(installed.locate_file("")))
            else:
                self._found.setdefault(canonicalize_name(distribution.name), distribution)

    def names(self) -> list[str]:
        """Give the canonical names of all distributions, sorted."""
        return sorted(self._found)

    def read(self, name: str) -> Distribution:
        """Give one distribution by its name in any spelling."""
        try:
            return self._found[canonicalize_name(name)]
        except KeyError:
            raise UnknownDistributionError(name, self.names()) from None

    def unreadable(self) -> list[str]:
        """Give the folders with a distribution that has no metadata file, a broken one, or one without a name."""
        return sorted(self._unreadable)


def _read(installed: metadata.Distribution) -> Distribution | None:
    """Take what concerns the licence; None for the remains of a broken installation."""
    try:
        fields = installed.metadata
    except (OSError, UnicodeError, TypeError, LookupError):  # no METADATA file is a TypeError before Python 3.14
        return None

    def values(name: str) -> list[str]:
        return [str(value) for value in (fields.get_all(name) if fields is not None else None) or ()]

    def value(name: str) -> str:
        return next(iter(values(name)), "")

    if not value("Name"):
        return None
    return Distribution(
        name=value("Name"),
        version=value("Version"),
        license_expression=value("License-Expression"),
        license_text=value("License"),
        classifiers=tuple(classifier for classifier in values("Classifier") if classifier.startswith("License ::")),
        license_files=tuple(values("License-File")),
    )
