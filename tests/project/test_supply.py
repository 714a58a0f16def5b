"""What the project takes from others, and what it hands on: hashes, licences, the bill of materials, the same bytes."""

from __future__ import annotations

import json
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from built import build, tree_copy
from distributions import FOLDERS
from hashes import read_hashed, read_pins, write_hashed
from licences import PAGE, list_licences, read_page, write_page
from lock import needed, plain
from project_root import ROOT
from sbom import make_sbom

REQUIREMENTS = ROOT / "requirements"
PINS = read_pins((REQUIREMENTS / "ci.txt").read_text(encoding="utf-8"))


def test_every_pin_has_hashes_and_nothing_else_has() -> None:
    found = read_hashed((REQUIREMENTS / "ci-hashed.txt").read_text(encoding="utf-8"))
    assert {name: number for name, (number, _) in found.items()} == PINS
    assert all(digests for _, digests in found.values())


def test_what_validators_need_beside_the_pins_has_hashes_too() -> None:
    found = read_hashed((REQUIREMENTS / "validators.txt").read_text(encoding="utf-8"))
    assert "frictionless" in found
    assert not set(map(plain, found)) & set(map(plain, PINS))
    assert all(digests for _, digests in found.values())


def test_a_file_with_hashes_reads_as_it_was_written() -> None:
    made = {"b": ("2", ("a" * 64, "0" * 64)), "A.c": ("1.0.post1", ("f" * 64,))}
    text = write_hashed(made)
    assert read_hashed(text) == made
    assert text.splitlines()[3:] == ["A.c==1.0.post1 \\", f"    --hash=sha256:{'f' * 64}", *text.splitlines()[5:]]


def test_the_page_of_licences_tells_every_pin_and_what_is_installed_says_the_same() -> None:
    text = PAGE.read_text(encoding="utf-8")
    known = read_page(text)
    assert set(known) == set(PINS)
    installed = [name for name, number in PINS.items() if _is_installed(name, number)]
    assert list_licences({name: PINS[name] for name in installed}, {}) == {name: known[name] for name in installed}
    assert write_page(known, frozenset(map(plain, needed({"reachability-probe": ()})))) == text


def _is_installed(name: str, number: str) -> bool:
    try:
        return version(name) == number
    except PackageNotFoundError:
        return False


def test_a_licence_that_nobody_knows_is_told() -> None:
    with pytest.raises(ValueError, match="no-such-package"):
        list_licences({"no-such-package": "1"}, {})
    assert list_licences({"no-such-package": "1"}, {"no-such-package": "MIT"}) == {"no-such-package": "MIT"}


@pytest.mark.parametrize("name", FOLDERS)
def test_the_bill_of_materials_names_what_an_installation_takes(name: str) -> None:
    made = make_sbom(name)
    assert json.dumps(made) == json.dumps(make_sbom(name))
    components = {one["name"]: one for one in made["components"]}
    assert set(components) == set(map(plain, needed({name: ()})))
    assert {"certifi", "cryptography", "cffi"} <= set(components)
    for one in components.values():
        assert one["purl"] == one["bom-ref"] == f"pkg:pypi/{one['name']}@{one['version']}"
        assert all(len(file["hashes"][0]["content"]) == 64 for file in one["externalReferences"])
    assert set(made["dependencies"][0]["dependsOn"]) == {one["purl"] for one in components.values()}


@pytest.mark.slow
@pytest.mark.parametrize(("hook", "below"), [
    ("build_sdist", "."), *(("build_wheel", folder) for folder in FOLDERS.values())])
def test_two_builds_are_the_same_bytes(tmp_path: Path, hook: str, below: str) -> None:
    made = []
    for name, when_s, mode in (("one", 1_500_000_000, 0o644), ("two", 1_700_000_000, 0o664)):
        tree = tree_copy(tmp_path / name)
        for path in sorted(tree.rglob("*"), reverse=name == "two"):
            if path.is_file():
                path.chmod(mode)
                os.utime(path, (when_s, when_s))
        out = tmp_path / name / "out"
        out.mkdir()
        made.append(build(tree / below, hook, out))
    assert made[0].name == made[1].name
    assert made[0].read_bytes() == made[1].read_bytes()
