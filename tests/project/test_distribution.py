"""The wheel and the source archive: what is in them, and that the program works where nothing else was installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from built import build, call, install, tree_copy
from probe import __version__
from probe.store.runs.run_writer import write_run
from project_root import ROOT
from stored import a_result

pytestmark = pytest.mark.slow

PAGE = "share/man/man1/probe.1"
MOST_NEEDS = 11
MOST_BYTES = 48e6
"""With the 12 MB that Python adds when it compiles them: 60 MB."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree_copy(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tree, "build_wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, unpacked."""
    archive, folder = build(tree, "build_sdist", tmp_path_factory.mktemp("sdist")), tmp_path_factory.mktemp("unpacked")
    with tarfile.open(archive) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and newer know it
        packed.extractall(folder)
    return folder / f"reachability_probe-{__version__}"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    ours = {f"probe/{name}" for name in files(ROOT / "probe")}
    ours |= {"probe/catalogue/targets.csv"}
    assert {name for name in ours if name.endswith(".toml")} > {"probe/catalogue/services.toml"}
    beside = {f"reachability_probe-{__version__}.data/data/{PAGE}"}
    info = f"reachability_probe-{__version__}.dist-info/"
    assert {name for name in names if not name.startswith(info)} == ours | beside
    assert wheel.name == f"reachability_probe-{__version__}-py3-none-any.whl"


def test_the_source_archive_holds_the_tests_and_what_they_need(unpacked: Path, tree: Path) -> None:
    apart = {"PKG-INFO", ".gitignore"}
    expected = {name for name in files(tree) if name not in (".dockerignore",)}
    assert files(unpacked) - apart == expected - apart
    assert {"tests/conftest.py", "targets.csv", "Makefile", "requirements/ci.txt", ".ci/run", PAGE} <= expected


def test_the_source_archive_makes_the_same_wheel(unpacked: Path, wheel: Path, tmp_path: Path) -> None:
    again = build(unpacked, "build_wheel", tmp_path)
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert one.namelist() == other.namelist()
        assert [info.CRC for info in one.infolist()] == [info.CRC for info in other.infolist()]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel alone, and what it needs."""
    home = tmp_path_factory.mktemp("environment") / "env"
    install(home, wheel)
    return home


def check_program(program: Path, folder: Path) -> None:
    """What whoever has just installed it may try first, in an empty folder that stays so."""
    version = call(program, "--version", folder=folder)
    assert version.stdout.strip() == f"probe, version {__version__}", version.stderr
    listed = call(program, "targets", "list", folder=folder)
    assert "web.telegram.org" in listed.stdout, listed.stderr
    dry = call(program, "run", "--dry-run", folder=folder)
    assert re.match(r"\d+ endpoints at \d+ sites would be measured", dry.stdout), dry.stderr
    assert "probe run [OPTIONS]" in call(program, "run", "--help", folder=folder).stdout
    assert not list(folder.iterdir())


def test_the_wheel_works_where_it_is_installed(installed: Path, tmp_path: Path) -> None:
    check_program(installed / "bin" / "probe", tmp_path)
    where = call(installed / "bin" / "python", "-c", "import probe; print(probe.__file__)", folder=tmp_path)
    assert where.stdout.startswith(str(installed)), where.stderr
    assert (installed / PAGE).is_file()  # where man(1) looks for a program in ../bin


def test_the_probe_alone_is_small(wheel: Path, tmp_path: Path) -> None:
    """Its direct needs are few, and its folder of packages, pip not counted, takes little."""
    needs = install(tmp_path / "env", wheel)
    with zipfile.ZipFile(wheel) as archive:
        told = archive.read(f"reachability_probe-{__version__}.dist-info/METADATA").decode()
    direct = [line for line in re.findall(r"(?m)^Requires-Dist: (.+)$", told) if "extra ==" not in line]
    assert len(direct) <= MOST_NEEDS
    assert not {name.lower() for name in needs} & {"numpy", "pandas", "pyarrow", "duckdb", "starlette"}
    (site,) = tmp_path.glob("env/lib/python*/site-packages")
    sizes = [(Path(place) / name).stat().st_size for place, folders, names in os.walk(site, followlinks=True)
             if "__pycache__" not in place for name in names]
    assert 10e6 < sum(sizes) < MOST_BYTES


def test_the_probe_alone_does_what_volunteers_do(installed: Path, tmp_path: Path) -> None:
    """All but a run itself; the answers are those of an installation that was never set up."""
    results, page = tmp_path / "results", tmp_path / "page.html"
    write_run(a_result(), results, parquet=False)
    for words, status, said in (
            (("--help",), 0, "./analysis)"), (("setup", "--help"), 0, "--level"), (("doctor",), 1, "consent"),
            (("run", "--dry-run"), 0, "would be measured"), (("explain", "tls.reset.sni"), 0, "tls.reset"),
            (("show", "--results", str(results)), 0, "as far as tested"),
            (("status", "--results", str(results)), 1, "last run"),
            (("show", "--results", str(results), "--page", str(page)), 0, str(page))):
        done = call(installed / "bin" / "probe", *words, folder=tmp_path)
        assert (done.returncode, said in done.stdout, done.stderr) == (status, True, ""), (words, done.stdout)
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("installer", ["pipx", "uv"])
def test_installers_take_the_wheel(installer: str, wheel: Path, tmp_path: Path) -> None:
    found = shutil.which(installer)
    if found is None:
        pytest.skip(f"{installer} is not installed here")
    command = [found, "install"] if installer == "pipx" else [found, "tool", "install", "--python", sys.executable]
    places = {"PIPX_HOME": "pipx", "PIPX_BIN_DIR": "bin", "PIPX_MAN_DIR": "man", "UV_TOOL_DIR": "uv",
              "UV_TOOL_BIN_DIR": "bin", "UV_CACHE_DIR": "cache"}
    done = subprocess.run([*command, str(wheel)], capture_output=True, text=True, timeout=280, check=False,
                          env={**os.environ, **{name: str(tmp_path / folder) for name, folder in places.items()}})
    assert done.returncode == 0, done.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    check_program(tmp_path / "bin" / "probe", empty)


# --- the manual page


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / PAGE).read_text(encoding="utf-8")


def test_the_page_names_every_command_and_status(page: str) -> None:
    from probe.cli.command_table import COMMANDS
    from probe.upkeep.commands import exit_codes

    assert not [name for name in COMMANDS if f".SS probe {name} " not in page]
    assert not [name for name in ("exec", "list", "score") if f".SS probe lab {name} [" not in page]
    statuses = page.partition(".SH EXIT STATUS\n")[2].partition(".SH")[0]
    numbers = re.findall(r"^\.B (\d)$", statuses, re.MULTILINE)
    given = (exit_codes.EXIT_FAILED, exit_codes.EXIT_USAGE, exit_codes.EXIT_LOCKED, exit_codes.EXIT_NO_NETWORK,
             exit_codes.EXIT_NO_CONSENT)
    assert numbers == ["0", *map(str, given)]
    assert "\b" not in page
    assert max(map(len, page.splitlines())) < 400


def test_the_page_is_the_same_on_every_machine(page: str, tmp_path: Path) -> None:
    """Another home, other folders, another number of cores, a narrow terminal."""
    program = "import os\nos.cpu_count = lambda: 96\nimport manpage\nprint(manpage.page(), end='')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=tmp_path,
                          env={**os.environ, "HOME": str(tmp_path), "COLUMNS": "40", "XDG_CONFIG_HOME": str(tmp_path),
                               "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tools")))})
    assert done.stdout == page, done.stderr or "run `make docs`"


def test_no_text_is_taken_for_a_request() -> None:
    import manpage

    told = list(manpage._text("one -x\n.two\n'three\n\n\b\nkept \\ as it is\n.so"))
    assert told == [".PP", "one \\-x", "\\&.two", "\\&'three", ".PP", ".nf", "kept \\e as it is", "\\&.so", ".fi"]


def test_formatters_find_no_fault(page: str) -> None:
    if not (groff := shutil.which("groff")):
        pytest.skip("groff is not installed here")
    done = subprocess.run([groff, "-man", "-Tutf8", "-ww", "-P-cbou"], input=page, capture_output=True, text=True,
                          timeout=60)
    assert done.stderr == ""
    assert "probe run --fast" in done.stdout
    requests = {line.split()[0] for line in page.splitlines() if line.startswith(".")}
    assert requests <= {'.\\"', ".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".nf", ".fi"}


# --- the container file: nothing here can build it, so it is read


def instructions() -> list[tuple[str, str]]:
    """(word, rest) of each instruction; continued lines are joined, comments left out."""
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


def test_the_container_runs_as_nobody_in_particular() -> None:
    given = instructions()
    last = given[max(n for n, (word, _) in enumerate(given) if word == "FROM"):]
    assert {word for word, _ in given} <= {"FROM", "ARG", "WORKDIR", "COPY", "RUN", "USER", "ENV", "VOLUME",
                                           "ENTRYPOINT", "CMD"}  # ADD would fetch
    assert [rest for word, rest in last if word == "USER"] == ["probe"]
    user = next(n for n, (word, _) in enumerate(last) if word == "USER")
    assert "RUN" not in [word for word, _ in last[user:]]
    created = next(rest for word, rest in last if "useradd" in rest)
    assert "--uid 1000 probe" in created
    assert [rest for word, rest in last if word == "ENTRYPOINT"] == ['["probe"]']
    (volumes,) = (rest for word, rest in last if word == "VOLUME")
    assert re.findall(r'"(/\w+)"', volumes) == ["/results", "/config"]
    assert all(folder in created for folder in ("/results", "/config"))  # and so they are the user's


def test_the_container_holds_the_wheels_and_no_secret() -> None:
    given = instructions()
    base = next(rest.removeprefix("BASE=") for word, rest in given if word == "ARG")
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim@sha256:[0-9a-f]{64}", base)
    assert {rest.split()[0] for word, rest in given if word == "FROM"} == {"${BASE}"}
    assert [rest for word, rest in given if word == "COPY"] == [". ."]  # into the first stage alone
    runs = [rest for word, rest in given if word == "RUN"]
    fetched, built, installed = runs[0], runs[1], runs[-1]
    assert "--require-hashes" in fetched
    assert "--requirement requirements/ci-hashed.txt" in fetched
    assert "--no-index --find-links /hashed" in built
    assert "--no-index --find-links /wheels" in installed  # nothing that was not built or pinned before
    everything = " ".join(f"{word} {rest}" for word, rest in given)
    assert not re.search(r"(?i)token|passw|secret|api_?key|curl|wget|sudo|chmod 777|http", everything)
    kept_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {".git", ".venv", "results"} <= set(kept_out)


def test_what_the_container_copies_is_enough_for_the_wheel(tree: Path) -> None:
    kept_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert not [name for name in files(tree) if name.startswith("probe/")
                and any(PurePosixPath(name).match(pattern) for pattern in kept_out)]
