"""The Debian packages' files: they agree with each other and with what the probe needs. Nothing is fetched or built."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from debian_wheels import ARCHITECTURES, PYTHON, list_pinned, list_platforms, share_out
from distributions import FOLDERS
from hashes import read_pins
from lock import needed
from probe import __version__
from probe.config.install_advice import DEBIAN_PLACE
from project_root import ROOT

DEBIAN = ROOT / "debian"
SCRIPTS = sorted(path.name for path in DEBIAN.iterdir() if path.suffix in (".postinst", ".prerm", ".postrm"))


def read(name: str) -> str:
    return (DEBIAN / name).read_text(encoding="utf-8")


def test_all_that_an_installation_needs_is_held_in_the_version_that_is_tested() -> None:
    pinned = list_pinned()
    wanted = needed(dict.fromkeys(FOLDERS, ()))
    assert {canonicalize_name(name) for name in pinned} == {canonicalize_name(name) for name in wanted}
    pins = read_pins((ROOT / "requirements" / "ci.txt").read_text(encoding="utf-8"))
    assert {name: number for name, (number, _) in pinned.items()} == {name: pins[name] for name in pinned}
    assert all(digests for _, digests in pinned.values())


def test_a_package_and_those_that_it_depends_on_hold_all_that_it_needs_and_no_file_twice() -> None:
    held = share_out()
    assert sum(map(len, held.values())) == len(set().union(*held.values()))
    for name in FOLDERS:
        told = re.search(rf"(?m)^Package: {name}\n(?:.+\n)*?Depends:((?:.+\n)+?)(?=\S)", read("control"))
        assert told
        beside = {one for one in FOLDERS if f"{one} (= " in told[1]}
        assert set(needed({name: ()})) <= set().union(*(held[one] for one in (name, *beside)))


def test_the_probe_s_package_holds_what_the_probe_needs_and_little_besides() -> None:
    held = set(share_out()["reachability-probe"])
    assert held - set(needed({"reachability-probe": ("quic",)})) <= {"typing_extensions"}
    assert "aioquic" in held, "volunteers of the package cannot add the extra"


def test_each_architecture_takes_wheels_of_older_systems() -> None:
    for machine in ARCHITECTURES.values():
        platforms = list_platforms(machine)
        assert {f"manylinux_2_17_{machine}", f"manylinux_2_34_{machine}", f"manylinux2014_{machine}"} <= set(platforms)


def test_packages_are_of_the_python_and_the_machines_that_wheels_are_fetched_for() -> None:
    control = read("control")
    major, minor = map(int, PYTHON.split("."))
    bounds = set(re.findall(r"python3 \((.*?)\)", control))
    assert bounds == {f">= {PYTHON}~", f"<< {major}.{minor + 1}~"}
    assert set(re.findall(r"Architecture: (.*)", control)) == {" ".join(ARCHITECTURES), "all"}
    assert set(re.findall(r"python(3\.\d+)/", read("rules"))) == {PYTHON}


def test_the_place_is_the_one_that_advice_knows() -> None:
    assert f"PLACE := {DEBIAN_PLACE}\n" in read("rules")
    assert all(f" {DEBIAN_PLACE}\n" in read(f"{name}.postinst") for name in FOLDERS)


def test_changelog_and_licence_are_this_versions() -> None:
    assert read("changelog").startswith(f"reachability-probe ({__version__}) ")
    said = " ".join(read("copyright").partition("License: BSD-3-Clause\n\n")[2].replace("\n .", "\n").split())
    ours = " ".join((ROOT / "LICENSE").read_text(encoding="utf-8").split())
    assert ours.endswith(said.removeprefix("License: BSD-3-Clause "))
    assert len(said) > 1000


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_of_maintainers_are_sh(name: str) -> None:
    text = read(name)
    assert text.startswith("#!/bin/sh\nset -e\n")
    assert "#DEBHELPER#" in text
    assert subprocess.run(["sh", "-n", str(DEBIAN / name)], timeout=30).returncode == 0


@pytest.mark.parametrize("asked", [False, True])
def test_a_purge_keeps_results_unless_their_end_was_asked_for(asked: bool, tmp_path: Path) -> None:
    """The script itself, with another home; consent and keys go in both cases."""
    home, removed = tmp_path / "home", tmp_path / "removed"
    (tmp_path / "deluser").write_text(f"#!/bin/sh\necho \"$@\" >> '{removed}'\n", encoding="utf-8")
    (tmp_path / "deluser").chmod(0o755)  # never the machine's own
    for name in (".config/probe/probe.toml", ".local/state/probe/list", "probe-results/days/2026-11-28/runs.csv"):
        (home / name).parent.mkdir(parents=True)
        (home / name).touch()
    if asked:
        (home / "delete-results-on-purge").touch()
    script = re.sub(r"(?m)^home=.*$", f"home='{home}'", read("reachability-probe.postrm"))
    for action in ("remove", "purge", "purge"):
        done = subprocess.run(["sh", "-c", script, "postrm", action], capture_output=True, text=True, timeout=30,
                              env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
        assert done.returncode == 0, done.stderr
        if action == "remove":
            assert (home / ".config/probe/probe.toml").exists()
    left = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()} if home.exists() else set()
    assert removed.exists() == asked, "the user stays while something is theirs"
    assert left == (set() if asked else {"probe-results/days/2026-11-28/runs.csv"})
