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

HOUSES = ("probe", "probe_analysis", "probe_operate", "probe_lab")
"""The packages of the four distributions."""
HOUSE_FOLDERS = {"probe": "", "probe_analysis": "analysis/", "probe_operate": "operate/", "probe_lab": "lab/"}
HOUSE_SOURCES = ("probe", "analysis", "operate", "lab")
HOUSES_BELOW: dict[str, set[str]] = {"probe": set(), "probe_analysis": {"probe"}, "probe_operate": {"probe"},
                                     "probe_lab": {"probe", "probe_analysis"}}
"""What each may import beside itself."""
ROOMS = {
    "probe": ("core", "catalogue", "config", "judge", "instruments", "session", "controls", "store", "upkeep", "cli"),
    "probe_analysis": ("tables", "exports", "batches", "code_digest", "collect_seldom", "bulk", "publication",
                       "populations", "cells", "counts", "engines", "day_cache", "counting", "events", "times",
                       "population", "slowed", "rollout", "fleet_health", "imported", "explanation", "submit",
                       "findings", "pages", "look", "report", "site", "alerts", "plugins", "labels", "examples", "",
                       "commands", "cli"),
    "probe_operate": ("lists", "reaching", "helper", "issuer", "collect", "inbox", "receiving", "origins", "feeds",
                      "services", "cli"),
}
"""Bottom to top: a room imports from itself and from those before it; "" stands for the modules beside the rooms."""
RULES = "*_rules"
"""In the judge's rooms evidence and rules of a protocol lie side by side: rules read what all protocols show of a path,
so they stand above `path`."""
ABOVE_PATHS = re.compile(r"_(rules|bases|paths)$")
FLOORS: dict[str, tuple[str, ...]] = {
    "core": ("tables", ""),
    "config": ("", "geo", "consent"),
    "judge": ("", "common", "packets", "hops", "app", "dns", "network", "tcp", "tls", "http", "udp", "flow", "program",
              "path", RULES, "odds", "verdicts"),
    "instruments": ("", "streams", "names", "datagrams", "device", "packets", "messengers", "visits", "hops"),
    "session": ("planning", ""),
    "controls": ("", "reaching", "asking", "feeds", "globalping", "public"),
    "store": ("", "files", "signing", "runs", "verification", "archive"),
    "upkeep": ("schedules", "updates", "issuer", "upload", "status", "commands", "page"),
}
"""Of rooms of `probe` with packages of their own, bottom to top; "" stands for the modules beside them."""
ABOVE_ALL = {"instruments": ("ladder",)}
"""Modules beside a room's packages that stand above these."""
PLUGINS = "probe_analysis.plugins"
LAB_MAY_USE = {"core", "catalogue"}
"""The laboratory is built from the facts of protocols: sharing the client's code would share its mistakes."""
LAB_FLEETS = "lab/probe_lab/fleet/"
"""Made-up fleets write the schema of the results, and score the detector of events."""
LAB_FLEETS_USE = {*LAB_MAY_USE, "store"}
HEAVY = {"pandas", "pyarrow", "scapy", "pyroute2", "starlette", "uvicorn", "jinja2", "rich", "duckdb", "ibis",
         "aioquic", "numba", "numpy", "obstore", "maxminddb", "resvg_py", "tomlkit", "segno"}
HEAVY_ALLOWED = ("lab/probe_lab/",
                 *(f"analysis/probe_analysis/{room}" for room in (
                     "cells/", "counting/", "counts/", "day_cache/", "engines/", "events/", "population/", "slowed/",
                     "times/", "site/", "alerts/", "rollout/", "open_results.py")),
                 "operate/probe_operate/helper/helper_server.py", "operate/probe_operate/receiving/inbox_app.py",
                 "operate/probe_operate/helper/page_fetch_h3.py",
                 "probe/instruments/datagrams/quic_handshake.py", "probe/instruments/datagrams/quic_trust.py")
SCAPY_ALLOWED = ("analysis/probe_analysis/commands/packet_lines.py",)
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
    """The room that a dotted name lies in; empty for a module that stands beside the rooms."""
    house, room, *_ = [*name.split("."), ""]
    return room if room in ROOMS[house] else ""


def floor_of(name: str) -> int:
    """The floor of its room that a dotted name lies on; 0 in rooms without floors."""
    _, room, *rest = name.split(".")
    floors = FLOORS.get(room, ())
    if not floors:
        return 0
    if room == "judge" and len(rest) > 1 and rest[0] != "verdicts" and ABOVE_PATHS.search(rest[1]):
        return floors.index(RULES)
    if rest and rest[0] in floors:
        return floors.index(rest[0])
    return len(floors) if rest and rest[0] in ABOVE_ALL.get(room, ()) else floors.index("")


def module_of(path: str) -> str:
    """The dotted name of a file of one of the houses."""
    folder = next((f for f in HOUSE_FOLDERS.values() if f and path.startswith(f)), "")
    return path.removeprefix(folder).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def wrong_direction(found: Import) -> str:
    """Why an import is not allowed; empty when it is."""
    house, importer = found.name.split(".")[0], module_of(found.importer)
    own = importer.split(".")[0]
    if found.name in ("probe", "probe.__version__") or house not in HOUSES or importer in ("probe", "probe.__main__"):
        return ""
    if own == "probe_lab":
        return _wrong_in_laboratory(found, house)
    if house != own:
        return "" if house in HOUSES_BELOW[own] else f"{own} stands below {house}"
    if found.name.startswith(f"{PLUGINS}.") and not importer.startswith(".".join(found.name.split(".")[:3])):
        return f"{importer} imports a plug-in by name"
    mine, theirs = room_of(importer), room_of(found.name)
    if ROOMS[own].index(theirs) > ROOMS[own].index(mine):
        return f"{mine} stands below {theirs}"
    if own == "probe" and mine == theirs and floor_of(found.name) > floor_of(importer):
        return f"{importer} stands on a lower floor than {found.name}"
    return ""


def _wrong_in_laboratory(found: Import, house: str) -> str:
    fleets = found.importer.startswith(LAB_FLEETS)
    if house == "probe_analysis":
        return "" if fleets else "the laboratory uses the analysis"
    if house == "probe_operate":
        return "the laboratory uses the operators' part"
    strange = house == "probe" and found.name.split(".")[1] not in (LAB_FLEETS_USE if fleets else LAB_MAY_USE)
    return f"the laboratory uses {found.name.split('.')[1]}" if strange else ""


@cache
def all_imports() -> list[Import]:
    return [found for path in sources(*HOUSE_SOURCES)
            for found in imports_of(path, (ROOT / path).read_text(encoding="utf-8"))]


def sources(*folders: str) -> list[str]:
    return sorted(str(p.relative_to(ROOT)) for folder in folders for p in (ROOT / folder).rglob("*.py"))


def test_every_file_lies_in_a_room() -> None:
    for house, folder in HOUSE_FOLDERS.items():
        lying = {room_of(module_of(path)) for path in sources(f"{folder}{house}")} if house in ROOMS else set()
        assert lying <= {*ROOMS.get(house, ()), ""}
        assert not {*ROOMS.get(house, ())} - lying - {""}, "a room that there is not"


def test_what_a_room_says_of_itself_names_what_is_there() -> None:
    missing = []
    for path in (path for path in sources(*HOUSE_SOURCES) if path.endswith("/__init__.py")):
        said = ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8"))) or ""
        folder, house = (ROOT / path).parent, module_of(path).split(".")[0]
        missing += [f"{path}: {name}" for name in re.findall(r"`([\w/]+(?:\.py|/))`", said)
                    if not (folder / name).exists()]
        missing += [f"{path}: {name}" for part in re.findall(r"May import (.*?)[.:;]", said, re.DOTALL)
                    for name in re.findall(r"`(\w+)`", part) if name not in ROOMS.get(house, ())]
    assert not missing, "\n".join(missing)


def test_imports_point_down() -> None:
    wrong = [f"{i.importer}:{i.line}: {why}" for i in all_imports() if (why := wrong_direction(i))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("importer", "name", "allowed"), [
    ("probe/judge/tls/tls_rules.py", "probe.instruments.clock.Clock", False),
    ("probe/instruments/streams/tls_handshake.py", "probe.judge.common.rule", True),
    ("probe/session/make_run.py", "probe.controls.feeds.feed_board", False),
    ("probe/core/tables/roles.py", "probe.catalogue.load", False),
    ("probe/core/tables/roles.py", "probe.core.verdicts", False),
    ("probe/session/planning/next_steps.py", "probe.session.run_loop", False),
    ("probe/judge/path/path_evidence.py", "probe.judge.verdicts.classify", False),
    ("probe/judge/path/path_evidence.py", "probe.judge.tls.tls_rules", False),
    ("probe/judge/tls/tls_rules.py", "probe.judge.path.path_context", True),
    ("probe/judge/tls/shape_evidence.py", "probe.judge.path.path_context", False),
    ("probe/store/row_codec.py", "probe_lab.world", False),
    ("probe/store/layout.py", "probe_analysis.publication.datapackage", False),
    ("lab/probe_lab/world.py", "probe.instruments.streams.tls_handshake", False),
    ("lab/probe_lab/world.py", "probe.core.tables.roles", True),
    ("lab/probe_lab/fleet/fleet_score.py", "probe_analysis.events.event", True),
    ("lab/probe_lab/fleet/fleet_score.py", "probe.judge.common.rule", False),
    ("lab/probe_lab/cli/demo.py", "probe_analysis.report.report_page", False),
    ("lab/probe_lab/cli/fleet.py", "probe.upkeep.commands.progress_bar", False),
    ("probe/upkeep/status/status_facts.py", "probe.upkeep.schedules.missing_runs", True),
    ("probe/config/consent/consent_check.py", "probe.config.settings", True),
    ("probe/cli/targets.py", "probe_lab.world", False),
    ("probe/cli/show.py", "probe_analysis.publication.datapackage", False),
    ("operate/probe_operate/collect/collecting.py", "probe.store.signing.keys", True),
    ("operate/probe_operate/collect/collecting.py", "probe_analysis.cells.cell_inputs", False),
    ("analysis/probe_analysis/cells/cell_inputs.py", "probe_operate.collect.collecting", False),
    ("analysis/probe_analysis/cells/cell_inputs.py", "probe_analysis.events.event", False),
    ("analysis/probe_analysis/cli/look.py", "probe_analysis.plugins.stores.store_listings", False),
    ("analysis/probe_analysis/plugins/stores/stores_part.py", "probe_analysis.plugins.stores.store_listings", True),
    ("analysis/probe_analysis/plugins/stores/stores_part.py", "probe_analysis.plugins.registers.register_words", False),
    ("analysis/probe_analysis/plugins/stores/stores_part.py", "probe_analysis.look.look_values", True),
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
    by_hand = ("probe/cli/", "probe/__main__")
    light = [path for path in sources("probe") if not path.startswith((*HEAVY_ALLOWED, *by_hand))]
    names = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in light]
    program = f"import importlib, sys\nfor n in {names!r}: importlib.import_module(n)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not HEAVY & {name.split(".")[0] for name in done.stdout.split()}


def test_files_are_short() -> None:
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines())
               for path in sources(*HOUSE_SOURCES, "tests", "tools")}
    assert not {path: n for path, n in lengths.items() if n > MAX_LINES}


def test_the_project_speaks_of_itself() -> None:
    texts = [ROOT / name for name in ("Makefile", "pyproject.toml", "targets.csv", ".ci/run", ".gitignore")]
    texts += [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for folder in (*HOUSE_SOURCES, "tests", "tools"):
        texts += [p for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".toml", ".html", ".md")]
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if SPEAKS_OF_ITSELF.search(line)
    ]
    assert not wrong, "\n".join(wrong)
