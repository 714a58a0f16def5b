"""The shape of the code: who may import whom, what stays light, how long a file may be, what it may speak of."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = {
    "model": 0, "expectation": 0, "tables": 0,
    "catalogue": 1,
    "steps": 2, "sites": 2, "compare": 2, "rules": 2, "classify": 2, "combine": 2, "roles": 2, "plan": 2,
    "measure": 3, "control": 3,
    "store": 5,
    "report": 6, "analysis": 6, "fleet": 6, "archive": 6, "schedules": 6, "status": 6, "updates": 6, "upload": 6,
    "submit": 6, "registers": 6,
    "cli": 7, "__main__": 7, "__init__": 7,
}
RUN_LAYER = 4
"""Modules that are not named above belong to the run: settings, consent, vantage, ladder, session and the like."""
LAB_MAY_NOT_USE = {"steps", "sites", "compare", "rules", "classify", "combine", "roles", "plan", "measure"}
"""The laboratory is built from the facts of protocols: sharing the client's code would share its mistakes."""
HEAVY = {"pandas", "pyarrow", "scapy", "pyroute2", "starlette", "uvicorn", "jinja2", "rich", "duckdb", "ibis", "altair",
         "aioquic", "pyspark", "numpy", "obstore", "maxminddb", "resvg_py"}
HEAVY_ALLOWED = ("probe/lab/", "probe/analysis/", "probe/fleet/", "probe/control/server.py",
                 "probe/control/fetch_h3.py", "probe/measure/quic.py", "probe/measure/quic_trust.py")
SCAPY_ALLOWED = ("probe/lab/", "probe/measure/capture.py")
MAX_LINES = 400
SPEAKS_OF_ITSELF = re.compile("|".join((r"/wor" r"k\b", "issue" " #", r"\bshare" "d/")), re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import statement's target, where it stands, and whether it runs when the module is imported."""

    importer: str
    """Path of the file, from the root."""
    name: str
    line: int
    at_import: bool


def imports_of(path: str, text: str) -> Iterator[Import]:
    """Every absolute import in a module; those under TYPE_CHECKING count as not running."""
    yield from _walk(path, ast.parse(text), at_import=True)


def _walk(path: str, node: ast.AST, *, at_import: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            continue  # nothing is imported within an expression
        runs = at_import and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            runs = False
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(importer=path, name=alias.name, line=child.lineno, at_import=runs)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{path}:{child.lineno}: relative import"
            for alias in child.names:
                yield Import(importer=path, name=f"{child.module}.{alias.name}", line=child.lineno, at_import=runs)
        yield from _walk(path, child, at_import=runs)


def unit_of(path: str) -> str:
    """The top-level module or package below `probe` that a file belongs to."""
    return Path(path).parts[1].removesuffix(".py")


def wrong_direction(found: Import) -> str:
    """Why an import is not allowed; empty when it is."""
    importer, imported = unit_of(found.importer), found.name.removeprefix("probe.").split(".")[0]
    if not found.name.startswith("probe.") or imported.startswith("__version"):
        return ""
    if importer == "lab":
        return f"the laboratory uses {imported}" if imported in LAB_MAY_NOT_USE else ""
    if imported == "lab":
        return "" if importer in ("cli", "__main__") else "imports the laboratory"
    if importer == "measure" and imported in ("rules", "classify"):
        return f"measuring knows of {imported}"
    if LAYERS.get(imported, RUN_LAYER) > LAYERS.get(importer, RUN_LAYER):
        return f"{importer} stands below {imported}"
    return ""


@cache
def all_imports() -> list[Import]:
    return [found for path in sources("probe") for found in imports_of(path, (ROOT / path).read_text(encoding="utf-8"))]


def sources(*folders: str) -> list[str]:
    return sorted(str(p.relative_to(ROOT)) for folder in folders for p in (ROOT / folder).rglob("*.py"))


def test_imports_point_down() -> None:
    wrong = [f"{i.importer}:{i.line}: {why}" for i in all_imports() if (why := wrong_direction(i))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("importer", "name", "allowed"), [
    ("probe/measure/tls.py", "probe.rules.table", False),
    ("probe/measure/tls.py", "probe.tables.trust", True),
    ("probe/tables/roles.py", "probe.catalogue.load", False),
    ("probe/classify.py", "probe.measure.tls", False),
    ("probe/store/rows.py", "probe.lab.world", False),
    ("probe/lab/world.py", "probe.measure.tls", False),
    ("probe/session/run.py", "probe.schedules.events", False),
    ("probe/status/facts.py", "probe.schedules.gaps", True),
    ("probe/consent/check.py", "probe.settings", True),
    ("probe/consent/check.py", "probe.updates.choice", False),
    ("probe/status/facts.py", "probe.updates.choice", True),
    ("probe/cli/targets.py", "probe.lab.world", True),
])
def test_direction_is_noticed(importer: str, name: str, allowed: bool) -> None:
    found = Import(importer=importer, name=name, line=1, at_import=True)
    assert (wrong_direction(found) == "") is allowed


def test_imports_are_seen_wherever_they_stand() -> None:
    text = "import a\nif TYPE_CHECKING:\n    import b\ndef f():\n    from c import d\nclass K:\n    import e\n"
    assert [(i.name, i.at_import) for i in imports_of("probe/x.py", text)] == [
        ("a", True), ("b", False), ("c.d", False), ("e", True)
    ]


def test_heavy_modules_are_imported_late() -> None:
    wrong = [
        f"{i.importer}:{i.line}: imports {i.name} with the module" for i in all_imports()
        if i.at_import and i.name.split(".")[0] in HEAVY and not i.importer.startswith(HEAVY_ALLOWED)
    ]
    assert not wrong, "\n".join(wrong)


def test_scapy_stays_in_the_capture() -> None:
    wrong = [
        f"{i.importer}:{i.line}" for i in all_imports()
        if i.name.split(".")[0] == "scapy" and not i.importer.startswith(SCAPY_ALLOWED)
    ]
    assert not wrong, "\n".join(wrong)


def test_what_a_scheduled_run_imports_is_light() -> None:
    light = [
        path for path in sources("probe")
        if not path.startswith(HEAVY_ALLOWED) and unit_of(path) not in ("report", "cli", "__main__")
        and not path.endswith("capture.py")
    ]
    names = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in light]
    program = f"import importlib, sys\nfor n in {names!r}: importlib.import_module(n)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not HEAVY & {name.split(".")[0] for name in done.stdout.split()}


def test_files_are_short() -> None:
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in sources("probe", "tests")}
    assert not {path: n for path, n in lengths.items() if n > MAX_LINES}


def test_the_project_speaks_of_itself() -> None:
    texts = [ROOT / name for name in ("Makefile", "pyproject.toml", "targets.csv", ".ci/run", ".gitignore")]
    texts += [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for folder in ("probe", "tests", "tools"):
        texts += [p for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".toml", ".html", ".md")]
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if SPEAKS_OF_ITSELF.search(line)
    ]
    assert not wrong, "\n".join(wrong)
