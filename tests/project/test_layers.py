"""The shape of the code: who may import whom, what stays light, how long a file may be, what it may speak of."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from project_root import ROOT

ROOMS = ("core", "catalogue", "config", "inference", "measurement", "control", "results", "operation", "interop",
         "research", "cli")
"""Bottom to top: a room imports from itself and from those before it."""
FLOORS: dict[str, tuple[str, ...]] = {
    "core": ("tables", ""),
    "config": ("", "geo", "consent"),
    "inference": ("evidence", "rules", "verdicts", "populations"),
    "measurement": ("planning", "", "streams", "names", "datagrams", "device", "packets", "messengers", "visits",
                    "hops", "ladder", "session"),
    "control": ("", "reaching", "asking", "helper", "feeds", "globalping", "public"),
    "results": ("", "files", "signing", "runs", "batches", "verification", "archive", "publication"),
    "operation": ("schedules", "updates", "issuer", "upload", "inbox", "origins", "operate", "status", "commands"),
    "interop": ("words", "", "ooni", "submit", "archive"),
    "research": ("cells", "counts", "engines", "counting", "events", "population", "slowed", "report",
                 "fleet_health", "explanation", "look", "plugins", "examples", ""),
}
"""Of rooms with packages of their own, bottom to top; "" stands for the modules beside them."""
ABOVE_ALL = {
    "interop": ("measurement_lines", "measurement_stream", "grouping", "judging", "agreement", "import_files"),
    "measurement": ("ladder",),
    "results": ("codebook",),
}
"""Modules beside a room's packages that stand above these."""
PLUGINS = "probe.research.plugins"
"""A package for each plug-in: entry points find them, so nothing else imports one, and none imports another."""
LAB_MAY_USE = {"core", "catalogue"}
"""The laboratory is built from the facts of protocols: sharing the client's code would share its mistakes."""
LAB_FLEETS = "lab/probe_lab/fleet/"
"""Made-up fleets write the schema of the results, and score the detector of events."""
LAB_FLEETS_USE = {*LAB_MAY_USE, "results", "research"}
HEAVY = {"pandas", "pyarrow", "scapy", "pyroute2", "starlette", "uvicorn", "jinja2", "rich", "duckdb", "ibis",
         "aioquic", "numba", "numpy", "obstore", "maxminddb", "resvg_py", "tomlkit", "segno"}
HEAVY_ALLOWED = ("lab/probe_lab/", "probe/research/cells/", "probe/research/counting/", "probe/research/counts/",
                 "probe/research/engines/",
                 "probe/research/events/", "probe/research/population/", "probe/research/slowed/",
                 "probe/research/site/", "probe/research/alerts/", "probe/research/rollout/",
                 "probe/research/open_results.py",
                 "probe/control/helper/helper_server.py",
                 "probe/control/reaching/page_fetch_h3.py",
                 "probe/measurement/datagrams/quic_handshake.py", "probe/measurement/datagrams/quic_trust.py")
SCAPY_ALLOWED = ("probe/results/files/packet_lines.py",)
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


def room_of(name: str) -> str:
    """The room that a dotted name below `probe` lies in."""
    return name.split(".")[1]


def floor_of(name: str) -> int:
    """The floor of its room that a dotted name lies on; 0 in rooms without floors."""
    _, room, *rest = name.split(".")
    floors = FLOORS.get(room, ())
    if not floors:
        return 0
    if rest and rest[0] in floors:
        return floors.index(rest[0])
    return len(floors) if rest and rest[0] in ABOVE_ALL.get(room, ()) else floors.index("")


def wrong_direction(found: Import) -> str:
    """Why an import is not allowed; empty when it is."""
    if not found.name.startswith(("probe.", "probe_lab.")) or found.name.startswith("probe.__version"):
        return ""
    importer = found.importer.removeprefix("lab/").removesuffix(".py").replace("/", ".")
    if importer.startswith("probe_lab"):
        allowed = LAB_FLEETS_USE if found.importer.startswith(LAB_FLEETS) else LAB_MAY_USE
        strange = found.name.startswith("probe.") and room_of(found.name) not in allowed
        return f"the laboratory uses {room_of(found.name)}" if strange else ""
    if found.name.startswith("probe_lab."):
        return "imports the laboratory"
    if importer in ("probe.__init__", "probe.__main__"):
        return ""
    if found.name.startswith(f"{PLUGINS}.") and not importer.startswith(".".join(found.name.split(".")[:4]) + "."):
        return f"{importer} imports a plug-in by name"
    mine, theirs = room_of(importer), room_of(found.name)
    if ROOMS.index(theirs) > ROOMS.index(mine):
        return f"{mine} stands below {theirs}"
    if mine == theirs and floor_of(found.name) > floor_of(importer):
        return f"{importer} stands on a lower floor than {found.name}"
    return ""


@cache
def all_imports() -> list[Import]:
    return [found for path in sources("probe", "lab")
            for found in imports_of(path, (ROOT / path).read_text(encoding="utf-8"))]


def sources(*folders: str) -> list[str]:
    return sorted(str(p.relative_to(ROOT)) for folder in folders for p in (ROOT / folder).rglob("*.py"))


def test_imports_point_down() -> None:
    wrong = [f"{i.importer}:{i.line}: {why}" for i in all_imports() if (why := wrong_direction(i))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("importer", "name", "allowed"), [
    ("probe/inference/rules/tls_rules.py", "probe.measurement.clock.Clock", False),
    ("probe/measurement/streams/tls_handshake.py", "probe.inference.rules.rule", True),
    ("probe/measurement/session/make_run.py", "probe.control.feeds.feed_board", False),
    ("probe/core/tables/roles.py", "probe.catalogue.load", False),
    ("probe/core/tables/roles.py", "probe.core.verdicts", False),
    ("probe/measurement/planning/next_steps.py", "probe.measurement.session.run_loop", False),
    ("probe/inference/evidence/path_evidence.py", "probe.inference.verdicts.classify", False),
    ("probe/results/row_codec.py", "probe_lab.world", False),
    ("probe/results/layout.py", "probe.results.publication.datapackage", False),
    ("lab/probe_lab/world.py", "probe.measurement.streams.tls_handshake", False),
    ("lab/probe_lab/world.py", "probe.core.tables.roles", True),
    ("lab/probe_lab/fleet/fleet_score.py", "probe.research.events.event", True),
    ("lab/probe_lab/fleet/fleet_score.py", "probe.inference.rules.rule", False),
    ("lab/probe_lab/cli/demo.py", "probe.research.report.report_page", False),
    ("lab/probe_lab/cli/fleet.py", "probe.operation.commands.progress_bar", False),
    ("probe/operation/status/status_facts.py", "probe.operation.schedules.missing_runs", True),
    ("probe/config/consent/consent_check.py", "probe.config.settings", True),
    ("probe/cli/targets.py", "probe_lab.world", False),
    ("probe/cli/look.py", "probe.research.plugins.stores.store_listings", False),
    ("probe/research/plugins/stores/stores_part.py", "probe.research.plugins.stores.store_listings", True),
    ("probe/research/plugins/stores/stores_part.py", "probe.research.plugins.registers.register_words", False),
    ("probe/research/plugins/stores/stores_part.py", "probe.research.look.look_values", True),
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


def test_scapy_stays_where_packets_are_shown() -> None:
    wrong = [
        f"{i.importer}:{i.line}" for i in all_imports()
        if i.name.split(".")[0] == "scapy" and not i.importer.startswith(SCAPY_ALLOWED)
    ]
    assert not wrong, "\n".join(wrong)


def test_what_a_scheduled_run_imports_is_light() -> None:
    by_hand = ("probe/cli/", "probe/research/report/", "probe/research/look/", "probe/__main__")
    light = [path for path in sources("probe") if not path.startswith((*HEAVY_ALLOWED, *by_hand))]
    names = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in light]
    program = f"import importlib, sys\nfor n in {names!r}: importlib.import_module(n)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not HEAVY & {name.split(".")[0] for name in done.stdout.split()}


def test_files_are_short() -> None:
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines())
               for path in sources("probe", "lab", "tests", "tools")}
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
