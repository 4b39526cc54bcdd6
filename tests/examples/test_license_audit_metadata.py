from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from examples.license_audit.licences import identify
from examples.license_audit.metadata import Catalog, InstalledCatalog, UnknownDistributionError, select_names
from examples.license_audit.records import Distribution, Identified


def install(folder: Path, name: str, *lines: str, version: str = "1.0") -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    text = "\n".join([f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}", *lines])
    (info / "METADATA").write_text(text + "\n\nThe description.\n", encoding="utf-8")


def test_the_catalog_of_this_environment_holds_what_importlib_finds() -> None:
    catalog = InstalledCatalog()
    assert isinstance(catalog, Catalog)
    assert catalog.read("msgspec").version == metadata.version("msgspec")
    assert {"msgspec", "pytest", "hypothesis", "typing-extensions"} <= set(catalog.names())


def test_every_distribution_of_this_environment_can_be_identified() -> None:
    catalog = InstalledCatalog()
    found = {name: identify(catalog.read(name)) for name in catalog.names()}
    expected = {"msgspec": "BSD-3-Clause", "pytest": "MIT", "hypothesis": "MPL-2.0", "typing-extensions": "PSF-2.0"}
    given = {name: found[name] for name in expected}
    assert {name: each.expression for name, each in given.items() if isinstance(each, Identified)} == expected


def test_all_fields_that_speak_of_a_licence_are_read(tmp_path: Path) -> None:
    install(
        tmp_path,
        "sample",
        "License-Expression: MIT",
        "License: The MIT License",
        "        in two lines",
        "Classifier: Programming Language :: Python",
        "Classifier: License :: OSI Approved :: MIT License",
        "License-File: LICENSE",
        "License-File: vendor/LICENSE",
    )
    assert InstalledCatalog([str(tmp_path)]).read("sample") == Distribution(
        name="sample",
        version="1.0",
        license_expression="MIT",
        license_text="The MIT License\nin two lines",
        classifiers=("License :: OSI Approved :: MIT License",),
        license_files=("LICENSE", "vendor/LICENSE"),
    )


def test_names_are_canonical_and_found_in_any_spelling(tmp_path: Path) -> None:
    install(tmp_path, "Zope.Interface")
    install(tmp_path, "alpha")
    catalog = InstalledCatalog([str(tmp_path)])
    assert catalog.names() == ["alpha", "zope-interface"]
    assert catalog.read("zope_interface").name == "Zope.Interface"


def test_of_two_distributions_of_one_name_the_first_on_the_path_counts(tmp_path: Path) -> None:
    install(tmp_path / "first", "sample", version="2.0")
    install(tmp_path / "second", "sample", version="1.0")
    assert InstalledCatalog([str(tmp_path / "first"), str(tmp_path / "second")]).read("sample").version == "2.0"


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    install(tmp_path, "msgspec")
    with pytest.raises(UnknownDistributionError) as caught:
        InstalledCatalog([str(tmp_path)]).read("Msgspek")
    assert str(caught.value) == "no distribution 'Msgspek' is installed (did you mean 'msgspec'?)"
    assert caught.value.names == ("Msgspek",)


def test_an_unknown_name_that_is_like_no_other_is_refused_too(tmp_path: Path) -> None:
    install(tmp_path, "msgspec")
    with pytest.raises(UnknownDistributionError, match=r"\(none of the 1 that are has a similar name\)$"):
        InstalledCatalog([str(tmp_path)]).read("qqq")


def test_the_remains_of_a_broken_installation_are_reported_and_do_no_harm(tmp_path: Path) -> None:
    install(tmp_path, "sample")
    (tmp_path / "removed-1.0.dist-info").mkdir()
    (tmp_path / "nameless-1.0.dist-info").mkdir()
    (tmp_path / "nameless-1.0.dist-info" / "METADATA").write_text("Version: 1.0\n", encoding="utf-8")
    (tmp_path / "binary-1.0.dist-info").mkdir()
    (tmp_path / "binary-1.0.dist-info" / "METADATA").write_bytes(b"Name: \xff\xfe\n")
    catalog = InstalledCatalog([str(tmp_path)])
    assert catalog.names() == ["sample"]
    assert catalog.unreadable() == [str(tmp_path)] * 3


def test_a_folder_without_distributions_gives_an_empty_catalog(tmp_path: Path) -> None:
    assert InstalledCatalog([str(tmp_path)]).names() == []


def test_no_names_select_every_distribution(tmp_path: Path) -> None:
    install(tmp_path, "beta")
    install(tmp_path, "alpha")
    assert select_names(InstalledCatalog([str(tmp_path)]), []) == ["alpha", "beta"]


def test_names_are_selected_once_in_any_spelling(tmp_path: Path) -> None:
    for name in ("beta", "Alpha.One", "gamma"):
        install(tmp_path, name)
    assert select_names(InstalledCatalog([str(tmp_path)]), ["beta", "alpha_one", "BETA"]) == ["alpha-one", "beta"]


def test_all_unknown_names_are_reported_at_once(tmp_path: Path) -> None:
    install(tmp_path, "msgspec")
    with pytest.raises(UnknownDistributionError) as caught:
        select_names(InstalledCatalog([str(tmp_path)]), ["msgspek", "msgspec", "qqq"])
    assert str(caught.value) == (
        "2 unknown names:\n"
        "  no distribution 'msgspek' is installed (did you mean 'msgspec'?)\n"
        "  no distribution 'qqq' is installed (none of the 1 that are has a similar name)"
    )
