"""What is declared, shipped and promised by the package as a whole."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata as metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from built import build, tree_copy
from distributions import FOLDERS, PACKAGES, TESTED
from lock import needed, plain, text
from probe import __version__
from probe.cli.command_table import COMMANDS
from probe.core.plugins import COMMANDS_OF_OTHERS, Group, Part
from project_root import ROOT

NAMES = {"dns": "dnspython", "ibis": "ibis-framework", "OpenSSL": "pyopenssl"}
"""Modules that are called otherwise than the distribution they come from."""
NAMED_ALONE = {("reachability-probe", "reachability-analysis")}
"""(distribution, what it imports where that is installed)."""
RUN_ALONE = {"reachability-lab": {"reachability-operate"}}
"""Distribution -> what it only starts as a program: the laboratory, helpers."""


def declared(folder: str) -> dict[str, Any]:
    with (ROOT / folder / "pyproject.toml").open("rb") as handle:
        return tomllib.load(handle)


PROJECTS: dict[str, dict[str, Any]] = {name: declared(folder)["project"] for name, folder in FOLDERS.items()}
EACH = pytest.mark.parametrize("name", FOLDERS)


def distributions(lines: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in lines}


def every_need(project: dict[str, Any]) -> list[str]:
    return [*project["dependencies"], *(line for lines in project["optional-dependencies"].values() for line in lines)]


def imported(folder: Path) -> dict[str, str]:
    """Each foreign top-level module that the code imports anywhere, and one file that does."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found.update({name.split(".")[0]: str(path) for name in names})
    return {n: p for n, p in found.items() if n not in sys.stdlib_module_names | {folder.name, "__future__"}}


def used(name: str) -> dict[str, str]:
    """Distribution that the code of one of ours imports -> a file that does."""
    (package,) = (ROOT / one for one, ours in zip(PACKAGES, FOLDERS, strict=True) if ours == name)
    ours = {Path(one).name: mine for one, mine in zip(PACKAGES, FOLDERS, strict=True)}
    return {canonicalize_name(NAMES.get(module) or ours.get(module, module)): path
            for module, path in imported(package).items()}


@EACH
def test_every_import_is_declared(name: str) -> None:
    extras = {key: lines for key, lines in PROJECTS[name]["optional-dependencies"].items() if key != "dev"}
    known = distributions([*PROJECTS[name]["dependencies"], *(line for lines in extras.values() for line in lines)])
    missing = {one: path for one, path in used(name).items() if one not in known}
    assert not {one: path for one, path in missing.items() if (name, one) not in NAMED_ALONE}


@EACH
def test_every_direct_need_is_imported(name: str) -> None:
    assert distributions(PROJECTS[name]["dependencies"]) - set(used(name)) - RUN_ALONE.get(name, set()) == set()


def test_the_base_is_light() -> None:
    assert distributions(PROJECTS["reachability-probe"]["dependencies"]) == {
        "certifi", "click", "cryptography", "dnspython", "msgspec", "requests", "schedule", "tomlkit", "urllib3"
    }


def test_others_are_bounded_below() -> None:
    wanted = [Requirement(line) for project in PROJECTS.values() for line in every_need(project)]
    assert [r.name for r in wanted if not r.specifier and r.name not in FOLDERS] == []


def test_what_the_tests_are_installed_with_is_there_and_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (line,) = re.findall(r"(?m)^TEST_PARTS := (.*)$", makefile.replace("$(MORE)", ""))
    wanted = {f"./{FOLDERS[name]}".removesuffix("/.") + f"[{','.join(extras)}]" for name, extras in TESTED.items()}
    assert {word.strip("'") for word in line.split()} == wanted
    assert all(set(extras) <= set(PROJECTS[name]["optional-dependencies"]) for name, extras in TESTED.items())


def test_pins_are_packages_and_nothing_else(root: Path) -> None:
    lines = (root / "requirements" / "ci.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 50
    assert not [line for line in pins if not re.fullmatch(r"[A-Za-z0-9][\w.-]*==[\w.!+]+", line)]
    names = [line.partition("==")[0] for line in pins]
    assert names == sorted(names, key=str.lower)


def test_what_the_tests_need_directly_is_pinned(root: Path) -> None:
    lines = (root / "requirements" / "ci.txt").read_text(encoding="utf-8").splitlines()
    pinned = {plain(line.partition("==")[0]) for line in lines}
    wanted = [line for name, extras in TESTED.items() for line in (*PROJECTS[name]["dependencies"], *(
        line for extra in extras for line in PROJECTS[name]["optional-dependencies"][extra]))]
    assert {plain(Requirement(line).name) for line in wanted} - set(FOLDERS) - pinned == set()


def test_each_lower_bound_is_the_version_that_is_tested(root: Path) -> None:
    bounds: dict[str, set[str]] = {}
    for folder in FOLDERS.values():
        found = declared(folder)
        for needed_one in map(Requirement, (*found["build-system"]["requires"], *every_need(found["project"]))):
            lowest = {bound.version for bound in needed_one.specifier if bound.operator == ">="}
            assert lowest or needed_one.name in FOLDERS, needed_one
            bounds.setdefault(plain(needed_one.name), set()).update(lowest)
    pins = (root / "requirements" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in pins if not line.startswith("#"))
    assert list(pinned) == sorted(pinned, key=str.lower)
    assert {plain(name): {version} for name, version in pinned.items()} == {k: v for k, v in bounds.items() if v}


def test_the_lock_follows_every_need_once() -> None:
    found = needed({"pytest-xdist": ()})
    assert {"pytest", "execnet", "pluggy"} <= set(found)  # pluggy is pytest's need
    assert "pytest-xdist" not in found
    assert found["pytest"] == metadata.version("pytest")
    assert text({"b": "2", "A": "1"}).endswith("\nA==1\nb==2\n")


def test_pinned_versions_are_allowed(root: Path) -> None:
    lines = (root / "requirements" / "ci.txt").read_text(encoding="utf-8").splitlines()
    pinned = {r.name.lower(): str(r.specifier).removeprefix("==") for r in map(
        Requirement, (line for line in lines if line and not line.startswith("#")))}
    for requirement in (Requirement(line) for project in PROJECTS.values() for line in every_need(project)):
        version = pinned.get(requirement.name.lower())
        assert version is None or requirement.specifier.contains(version), requirement
    wanted = [line for project in PROJECTS.values() for line in project["dependencies"]]
    assert distributions(wanted) - set(FOLDERS) <= {canonicalize_name(name) for name in pinned}


def test_urllib3_is_the_genuine_one() -> None:
    from urllib3._version import __version__ as running

    assert metadata.packages_distributions()["urllib3"] == ["urllib3"]
    assert running == metadata.version("urllib3")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree_copy(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tree, "build_wheel", tmp_path_factory.mktemp("wheel"))


def test_an_editable_install_reads_the_tree_itself(tree: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(build(tree, "build_editable", tmp_path)) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import os, site, sys\n"
        # This tree's own install must not be found first.
        "own = lambda p: os.path.isfile(os.path.join(p, 'probe', '__init__.py'))\n"
        "sys.path[:] = [p for p in sys.path if not own(p)]\n"
        f"site.addsitedir({str(tmp_path / 'site')!r})\n"
        "from probe.catalogue.load import load_catalogue; print(load_catalogue().path)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": ""})
    assert done.stdout.strip() == str(tree / "targets.csv"), done.stderr


def test_the_wheel_holds_every_file(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    files = (p for p in (root / "probe").rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    ours = {str(p.relative_to(root)) for p in files}
    assert ours - names <= {"probe/catalogue/targets.csv"}
    assert "probe/catalogue/targets.csv" in names
    assert not [n for n in names if n.startswith(("tests/", "tools/"))]
    assert any(n.endswith("licenses/LICENSE") for n in names)


def test_the_installed_package_finds_its_catalogue(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import probe\nfrom probe.catalogue.load import load_catalogue\n"
        "c = load_catalogue()\nprint(probe.__version__, c.path, len(c.endpoints))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": str(tmp_path / "site")})
    endpoints = len((ROOT / "targets.csv").read_text(encoding="utf-8").splitlines()) - 1
    assert done.stdout.split() == [
        __version__, str(tmp_path / "site" / "probe" / "catalogue" / "targets.csv"), str(endpoints)
    ], done.stderr


def entry_points(name: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = PROJECTS[name]["entry-points"]
    return found


def commands_of(name: str) -> dict[str, str]:
    return entry_points(name).get(COMMANDS_OF_OTHERS, {})


def test_the_commands_exist() -> None:
    brought = {name.removeprefix("reachability-"): set(commands_of(name)) for name in FOLDERS}
    for part in get_args(Part):
        own = {name for name, entry in COMMANDS.items() if entry.part == part}
        assert own == brought[part]
    scripts = [where for project in PROJECTS.values() for where in project.get("scripts", {}).values()]
    for where in (*scripts, *(where for name in FOLDERS for where in commands_of(name).values())):
        module, _, function = where.partition(":")
        assert callable(getattr(importlib.import_module(module), function)), where


def test_a_name_in_a_group_belongs_to_one_part() -> None:
    """Which of two entry points of one name is found depends on the order in which they were installed."""
    names = [(group, name) for folder in FOLDERS for group, found in entry_points(folder).items() for name in found]
    assert len(names) == len(set(names))


def test_what_the_entry_points_name_exists() -> None:
    groups = [group for name in FOLDERS for group in entry_points(name).items()]
    assert {name for name, _ in groups if name.startswith("probe.")} - {"probe.preload"} == set(get_args(Group))
    for where in (where for _, group in groups for where in group.values()):
        module, _, name = where.partition(":")
        assert hasattr(importlib.import_module(module), name), where


@pytest.mark.parametrize("goal", ["demo", "test", "check", "long", "lint", "bench", "score", "docs", "dist", "deb",
                                  "lock"])
def test_make_knows_its_goals_and_their_files_exist(root: Path, goal: str) -> None:
    done = subprocess.run(["make", "--dry-run", goal], cwd=root, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    for script in re.findall(r"tools/\w+\.py", done.stdout):
        assert (root / script).is_file(), script


def test_make_refuses_an_old_python(root: Path, tmp_path: Path) -> None:
    for name in ("Makefile", *(f"{folder}/pyproject.toml" for folder in FOLDERS.values())):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, tmp_path / name)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "make", "expr", "getconf", "touch", "rm", "echo"):
        (tools / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    done = subprocess.run([str(tools / "make"), "lint"], cwd=tmp_path, capture_output=True, text=True, timeout=30,
                          env={"PATH": str(tools)})
    assert done.returncode != 0
    assert "No Python 3.11 or newer was found" in done.stderr
