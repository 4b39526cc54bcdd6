"""Where distributions come from: the `Catalog` that an audit is given, and the one of installed packages."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from importlib import metadata
from typing import Protocol, runtime_checkable

from packaging.utils import canonicalize_name

from examples.license_audit.records import Distribution


class UnknownDistributionError(LookupError):
    """Raised for distributions that the catalog does not have; `names` are those asked for."""

    def __init__(self, names: Sequence[str], known: Sequence[str]) -> None:
        self.names = tuple(names)
        lines = [f"no distribution '{name}' is installed ({_nearest(name, known)})" for name in names]
        super().__init__("\n  ".join(lines if len(lines) == 1 else [f"{len(lines)} unknown names:", *lines]))


def _nearest(name: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(canonicalize_name(name), known, n=1)
    return f"did you mean '{nearest[0]}'?" if nearest else f"none of the {len(known)} that are has a similar name"


@runtime_checkable
class Catalog(Protocol):
    """The distributions of one environment."""

    def names(self) -> list[str]:
        """Return the canonical names of all distributions, sorted."""
        ...

    def read(self, name: str) -> Distribution:
        """Read one distribution by its name in any spelling; raises UnknownDistributionError."""
        ...

    def unreadable(self) -> list[str]:
        """Return the places that hold a distribution without readable metadata."""
        ...


def select_names(catalog: Catalog, names: Sequence[str]) -> list[str]:
    """Return the canonical names asked for, each once and sorted; all there are, where none is asked for.

    Raises UnknownDistributionError with every name that the catalog does not have.
    """
    known = catalog.names()
    if not names:
        return known
    unknown = [name for name in names if canonicalize_name(name) not in known]
    if unknown:
        raise UnknownDistributionError(unknown, known)
    return sorted({canonicalize_name(name) for name in names})


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
        """Return the canonical names of all distributions, sorted."""
        return sorted(self._found)

    def read(self, name: str) -> Distribution:
        """Return one distribution by its name in any spelling."""
        try:
            return self._found[canonicalize_name(name)]
        except KeyError:
            raise UnknownDistributionError([name], self.names()) from None

    def unreadable(self) -> list[str]:
        """Return the folders with a distribution that has no metadata file, a broken one, or one without a name."""
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
