"""The parts beside the probe: what is in their wheels, and what they add where they are installed with it."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from built import build, call, install, tree_copy
from distributions import FOLDERS, PACKAGES
from probe import __version__
from probe.cli.command_table import COMMANDS
from probe_lab.format.scenario import list_scenario_names
from project_root import ROOT

pytestmark = pytest.mark.slow

LAB_NEEDS = {"aioquic", "pyroute2", "starlette", "uvicorn"}
"""What the laboratory needs and the probe alone does not."""
PARTS = [Path(package).parts for package in PACKAGES[1:]]
EACH_PART = pytest.mark.parametrize(("part", "package"), PARTS)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree_copy(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def wheels(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Folder of a distribution -> its wheel."""
    out = tmp_path_factory.mktemp("wheels")
    return {folder: build(tree / folder, "build_wheel", out) for folder in FOLDERS.values()}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder.parent).as_posix() for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}


@EACH_PART
def test_the_wheel_of_a_part_holds_its_package_and_nothing_else(
        part: str, package: str, wheels: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(wheels[part]) as archive:
        packed = set(archive.namelist())
    info = f"reachability_{part}-{__version__}.dist-info/"
    assert {name for name in packed if not name.startswith(info)} == files(ROOT / part / package)
    assert f"{info}licenses/LICENSE" in packed


@EACH_PART
def test_the_source_archive_of_a_part_makes_the_same_wheel(
        part: str, package: str, tree: Path, wheels: Mapping[str, Path], tmp_path: Path) -> None:
    with tarfile.open(build(tree / part, "build_sdist", tmp_path)) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and newer know it
        packed.extractall(tmp_path)
    folder = tmp_path / f"reachability_{part}-{__version__}"
    assert {path.name for path in (ROOT / part).glob("*.md")} | {"LICENSE", "pyproject.toml"} <= {
        path.name for path in folder.iterdir()}
    again = build(folder, "build_wheel", tmp_path)
    with zipfile.ZipFile(wheels[part]) as one, zipfile.ZipFile(again) as other:
        assert {info.filename: info.CRC for info in one.infolist()} == {
            info.filename: info.CRC for info in other.infolist()}


def test_the_probe_alone_says_where_its_parts_are(wheels: Mapping[str, Path], tmp_path: Path) -> None:
    assert not install(tmp_path / "env", wheels["."]) & LAB_NEEDS
    probe = tmp_path / "env" / "bin" / "probe"
    helped = call(probe, "--help", folder=tmp_path)
    assert helped.returncode == 0, helped.stderr
    for part, package in PARTS:
        assert f"./{part})" in helped.stdout
        for name in (name for name, entry in COMMANDS.items() if entry.part == part):
            refused = call(probe, name, "list", folder=tmp_path)
            assert (refused.returncode, refused.stdout) == (1, "")
            assert len(refused.stderr.splitlines()) == 1
            assert refused.stderr.endswith(f" ./{part}\n")
        absent = call(tmp_path / "env" / "bin" / "python", "-c", f"import {package}", folder=tmp_path)
        assert "ModuleNotFoundError" in absent.stderr


@pytest.fixture(scope="module")
def everything(wheels: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with all parts."""
    home = tmp_path_factory.mktemp("everything") / "env"
    assert install(home, *wheels.values()) >= LAB_NEEDS
    return home / "bin"


def test_each_part_adds_its_commands(everything: Path, tmp_path: Path) -> None:
    helped = call(everything / "probe", "--help", folder=tmp_path)
    assert "./lab)" not in helped.stdout
    for name in (name for name, entry in COMMANDS.items() if entry.part != "probe"):
        done = call(everything / "probe", name, "--help", folder=tmp_path)
        assert done.stdout.startswith(f"Usage: probe {name} "), done.stderr
    listed, same = (call(everything / program, *words, folder=tmp_path)
                    for program, *words in (("probe", "lab", "list"), ("probe-lab", "list")))
    assert listed.stdout == same.stdout, listed.stderr + same.stderr
    assert len(listed.stdout.splitlines()) == len(list_scenario_names())


@pytest.mark.lab
def test_a_laboratory_starts_where_it_is_installed(everything: Path, tmp_path: Path) -> None:
    done = call(everything / "probe", "lab", "exec", "clean", "--", "true", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    failed = call(everything / "probe-lab", "exec", "clean", "--", "sh", "-c", "exit 7", folder=tmp_path)
    assert failed.returncode == 7, failed.stderr
