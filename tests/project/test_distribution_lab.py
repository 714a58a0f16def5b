"""The two distributions, the probe and the laboratory, installed where nothing else is: the one alone, and both."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

import probe_lab
from built import build, call, install, tree_copy
from probe.cli.command_table import COMMANDS
from probe_lab.format.scenario import list_scenario_names
from project_root import ROOT

pytestmark = pytest.mark.slow

LAB_NEEDS = {"aioquic", "pyroute2", "starlette", "uvicorn"}
"""What the laboratory needs and the probe alone does not."""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The probe's and the laboratory's."""
    tree, out = tree_copy(tmp_path_factory.mktemp("tree")), tmp_path_factory.mktemp("wheels")
    return build(tree, "build_wheel", out), build(tree / "lab", "build_wheel", out)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder.parent).as_posix() for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}


def test_the_wheel_of_the_laboratory_holds_its_package_and_nothing_else(wheels: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(wheels[1]) as archive:
        packed = set(archive.namelist())
    info = f"reachability_lab-{probe_lab.__version__}.dist-info/"
    assert {name for name in packed if not name.startswith(info)} == files(ROOT / "lab" / "probe_lab")
    assert {f"probe_lab/scenarios/{name}.toml" for name in list_scenario_names()} <= packed
    assert f"{info}licenses/LICENSE" in packed


def test_the_source_archive_of_the_laboratory_makes_the_same_wheel(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    archive = build(tree_copy(tmp_path / "tree") / "lab", "build_sdist", tmp_path)
    with tarfile.open(archive) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and newer know it
        packed.extractall(tmp_path)
    folder = tmp_path / f"reachability_lab-{probe_lab.__version__}"
    assert {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"} <= {path.name for path in folder.iterdir()}
    again = build(folder, "build_wheel", tmp_path)
    with zipfile.ZipFile(wheels[1]) as one, zipfile.ZipFile(again) as other:
        assert {info.filename: info.CRC for info in one.infolist()} == {
            info.filename: info.CRC for info in other.infolist()}


def test_the_probe_alone_says_where_its_laboratory_is(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    assert not install(tmp_path / "env", wheels[0]) & LAB_NEEDS
    probe = tmp_path / "env" / "bin" / "probe"
    helped = call(probe, "--help", folder=tmp_path)
    assert helped.returncode == 0, helped.stderr
    assert "./lab)" in helped.stdout
    for name in (name for name, entry in COMMANDS.items() if entry.part == "lab"):
        refused = call(probe, name, "list", folder=tmp_path)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert len(refused.stderr.splitlines()) == 1
        assert refused.stderr.endswith("pip install . ./lab\n")
    absent = call(tmp_path / "env" / "bin" / "python", "-c", "import probe_lab", folder=tmp_path)
    assert "ModuleNotFoundError" in absent.stderr


@pytest.fixture(scope="module")
def both(wheels: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with both."""
    home = tmp_path_factory.mktemp("both") / "env"
    assert install(home, *wheels) >= LAB_NEEDS
    return home / "bin"


def test_the_laboratory_adds_its_commands(both: Path, tmp_path: Path) -> None:
    helped = call(both / "probe", "--help", folder=tmp_path)
    assert "./lab)" not in helped.stdout
    listed, same = (call(both / program, *words, folder=tmp_path)
                    for program, *words in (("probe", "lab", "list"), ("probe-lab", "list")))
    assert listed.stdout == same.stdout, listed.stderr + same.stderr
    assert len(listed.stdout.splitlines()) == len(list_scenario_names())


@pytest.mark.lab
def test_a_laboratory_starts_where_both_are_installed(both: Path, tmp_path: Path) -> None:
    done = call(both / "probe", "lab", "exec", "clean", "--", "true", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    failed = call(both / "probe-lab", "exec", "clean", "--", "sh", "-c", "exit 7", folder=tmp_path)
    assert failed.returncode == 7, failed.stderr
