"""`probe run` and its neighbours where nothing is measured: arguments, mistakes, locks, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from probe.cli import run as run_module
from probe.cli.command_table import COMMANDS, PARTS
from probe.cli.main import cli
from probe.config.install_advice import advise_extra
from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.control_remedies import FIRST_CONTROL, REMEDIES
from probe.judge.path.all_rules import list_rules
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_LOCKED, EXIT_USAGE
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock


class Measured(Exception):
    """The command came as far as measuring, which no test here may."""


@pytest.fixture(autouse=True)
def _measure_nothing(monkeypatch: pytest.MonkeyPatch, in_folder: Path) -> None:
    def refuse(*_: object) -> None:
        raise Measured

    monkeypatch.setattr(run_module, "_measure", refuse)
    monkeypatch.setattr("probe.instruments.device.tunnels.detect_tunnel", lambda: "")
    monkeypatch.setattr(run_module, "explain_refusal", lambda *_, **__: "")  # consent has its own tests
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ())
    monkeypatch.delenv("PROBE_CONFIG", raising=False)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def targets(*urls: str) -> str:
    Path("targets.txt").write_text("".join(f"{url}\n" for url in urls))
    return "targets.txt"


@pytest.mark.parametrize(("arguments", "told"), [
    (("--tier", "4"), "tier"), (("--tier", "one"), "tier"), (("--deadline-s", "1"), "deadline-s"),
    (("--deadline-s", "1e9"), "deadline-s"), (("--seed", "x"), "seed"), (("--nonsense",), "nonsense"),
    (("--at", "2017-05-04T10:00:00Z"), "laboratory"), (("--input", "https://not.in.the.catalogue/"), "probe targets"),
    (("surplus",), "surplus"),
])
def test_wrong_usage_is_told_and_measures_nothing(arguments: tuple[str, ...], told: str) -> None:
    result = call("run", *arguments)
    assert (result.exit_code, type(result.exception)) == (EXIT_USAGE, SystemExit)
    assert told in result.output


@pytest.mark.parametrize(("arguments", "told"), [
    (("--config", "absent.toml"), "absent.toml: cannot be read"), (("--catalogue", "absent.csv"), "absent.csv"),
    (("--config", "bad.toml"), "bad.toml: "), (("--results", "a file/results"), "a file"),
])
def test_what_cannot_be_used_is_named(arguments: tuple[str, ...], told: str) -> None:
    Path("bad.toml").write_text("[run]\ntire = 1\n")
    Path("a file").write_text("")
    result = call("run", *arguments)
    assert (result.exit_code, type(result.exception)) == (EXIT_FAILED, SystemExit)
    assert told in result.output
    assert "Traceback" not in result.output


def test_a_time_that_is_none_is_told_in_the_laboratory_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from probe.catalogue.laboratory_marker import Marker

    monkeypatch.setattr(run_module, "read_marker", lambda: Marker(lab=True))
    result = call("run", "--at", "yesterday")
    assert result.exit_code == EXIT_USAGE
    assert "2017-05-04T10:00:00Z" in result.output


def test_a_proper_call_would_measure() -> None:
    assert isinstance(call("run", "--fast", "--catalogue", targets("https://chat.example/")).exception, Measured)


def test_a_dry_run_counts_and_writes_nothing() -> None:
    def counts(*urls: str) -> tuple[int, int]:
        many = (f"https://site{n}.example/" for n in range(40))  # beside fewer, fewer controls are measured
        result = call("run", "--dry-run", "--catalogue", targets("https://chat.example/", *many, *urls))
        assert result.exit_code == 0
        endpoints, sites, *_ = (int(word) for word in result.output.split() if word.isdigit())
        return endpoints, sites

    endpoints, sites = counts()
    assert counts("https://chat.example/b") == (endpoints + 1, sites)
    assert counts("https://other.example/") == (endpoints + 1, sites + 1)
    assert sorted(p.name for p in Path().iterdir()) == ["targets.txt"]


def test_a_second_run_leaves_the_first_alone() -> None:
    catalogue = targets("https://chat.example/")
    with hold_run_lock(Path("results")):
        result = call("run", "--catalogue", catalogue)
        assert (result.exit_code, type(result.exception)) == (EXIT_LOCKED, SystemExit)
        assert "Another run" in result.output
    assert isinstance(call("run", "--catalogue", catalogue).exception, Measured)


def test_a_lock_is_let_go_when_its_holder_fails() -> None:
    def hold_and_fail() -> None:
        with hold_run_lock(Path("results")):
            with pytest.raises(LockedError), hold_run_lock(Path("results")):
                pass
            raise KeyError

    with pytest.raises(KeyError):
        hold_and_fail()
    with hold_run_lock(Path("results")):
        assert Path("results/.lock").exists()


# ---- explain, classify, the group

def test_every_block_type_and_rule_can_be_explained() -> None:
    whole = call("explain")
    assert all(f"\n{block}  (" in f"\n{whole.output}" for block in BLOCK_TYPES)
    for rule in list_rules():
        result = call("explain", rule.id)
        assert result.exit_code == 0, rule.id
        assert result.output.startswith(f"{rule.id}: {rule.outcome}")


def test_a_branch_is_explained_with_what_hangs_on_it() -> None:
    found = json.loads(call("explain", "tls.reset", "--json").output)
    assert [b["id"] for b in found] == [name for name in BLOCK_TYPES if name.startswith("tls.reset")]
    assert len(found) > 2
    assert call("explain", "down").output.startswith("down: ")
    for word in REMEDIES:
        assert REMEDIES[word] in call("explain", word).output


def test_an_unknown_word_is_told() -> None:
    result = call("explain", "tls.nonsense")
    assert result.exit_code == EXIT_USAGE
    assert "tls.nonsense" in result.output


def test_classify_of_nothing_says_so() -> None:
    result = call("classify", "absent")
    assert result.exit_code in (EXIT_FAILED, EXIT_USAGE)
    assert "absent" in result.output


def test_every_command_of_the_table_is_there_and_helps() -> None:
    listing = call("--help")
    assert len(listing.output.splitlines()) <= 45, "one screen"
    for name, entry in COMMANDS.items():
        assert name in listing.output
        assert entry.part != "probe" or entry.help in listing.output
        result = call(name, "--help")
        assert result.exit_code == 0, (name, result.exception)


def test_commands_of_parts_that_are_not_installed_are_listed_with_how_to_get_them(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.cli.main.added_commands", dict)
    listing = call("--help").output
    assert len(listing.splitlines()) <= 45
    assert "analyse" in call("analysis").output
    for part in PARTS:
        assert f"./{part})" in listing
    for name, entry in COMMANDS.items():
        if entry.part != "probe":
            refused = call(name, "--help")
            assert (refused.exit_code, f"./{entry.part}" in refused.output) == (EXIT_FAILED, True)


def test_the_doctor_names_what_is_out_of_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.instruments.device.vantage.list_families", lambda: ())
    Path("bad.toml").write_text("[run]\ntier = 'x'\n")
    result = call("doctor", "--config", "bad.toml", "--json")
    assert result.exit_code == EXIT_FAILED
    findings = {f["what"]: f for f in json.loads(result.output)["findings"]}
    assert not findings["configuration"]["ok"]
    assert "bad.toml" in findings["configuration"]["text"]
    assert not findings["network"]["ok"]
    assert findings["catalogue"]["ok"]


@pytest.mark.parametrize(("helpers", "able"), [
    ((), False), ((("a", 1, "NL"),), False), ((("a", 1, "NL"), ("b", 1, "NL")), False),
    ((("a", 1, "NL"), ("b", 2, "DE")), True),
])
def test_two_helpers_count_when_their_networks_differ(
    helpers: tuple[tuple[str, int, str], ...], able: bool, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("probe.instruments.device.vantage.list_families", lambda: (4,))
    monkeypatch.setattr("probe.upkeep.status.installation_checks.may_capture", lambda: False)
    tables = "".join(f'[[helper]]\nid = "{i}"\nurl = "https://{i}.example/"\nasn = {asn}\ncc = "{cc}"\n'
                     for i, asn, cc in helpers)
    Path("probe.toml").write_text(tables)
    found = json.loads(call("doctor", "--config", "probe.toml", "--json").output)
    assert ("two_helpers" in found["means"]) == able
    assert ("helper" in found["means"]) == bool(helpers)
    assert found["convictable"]["tcp.drop.port"] == bool(helpers)
    assert {"tcp.drop.port", "ip.blackhole", "udp"} <= set(found["with_one_control"]) or helpers
    told = call("doctor", "--config", "probe.toml").output.splitlines()
    assert any(FIRST_CONTROL in line for line in told if line.startswith("  ")) != able, "it says what to do instead"


@pytest.mark.parametrize("able", [True, False])
def test_the_doctor_says_what_packets_add_and_how_to_allow_them(able: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.instruments.device.vantage.list_families", lambda: (4,))
    monkeypatch.setattr("probe.upkeep.status.installation_checks.may_capture", lambda: able)
    Path("probe.toml").write_text("")
    found = json.loads(call("doctor", "--config", "probe.toml", "--json").output)
    line = next(f for f in found["findings"] if f["what"] == "packets")
    assert line["ok"], "a run without them is in order"
    assert ("--packets" in line["text"]) != able
    assert ("packets" in found["means"]) == able
    assert found["convictable"]["tls.close.sni"] == able


@pytest.mark.parametrize(("lacking", "tunnel", "network_type", "links", "wrong"), [
    ("", "", "unknown", (4,), set()), ("Nobody agreed.", "", "unknown", (4,), {"consent"}),
    ("", "full", "unknown", (4,), {"tunnel"}), ("", "full", "vpn", (4,), set()), ("", "split", "unknown", (4,), set()),
    ("", "", "unknown", (), {"network"}),
])
def test_the_doctor_fails_where_a_run_would_be_worth_nothing(
    lacking: str, tunnel: str, network_type: str, links: tuple[int, ...], wrong: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checks = "probe.upkeep.status.installation_checks"
    monkeypatch.setattr("probe.instruments.device.vantage.list_families", lambda: links)
    monkeypatch.setattr("probe.instruments.device.tunnels.detect_tunnel", lambda: tunnel)
    monkeypatch.setattr(f"{checks}.explain_lacking_consent", lambda _: lacking)
    monkeypatch.setattr("probe.instruments.names.system_dns.read_network_resolvers", lambda: ("192.0.2.53",))
    monkeypatch.setattr(f"{checks}.has_file_capabilities", lambda _: False)
    Path("probe.toml").write_text(f'[vantage]\nnetwork_type = "{network_type}"\n')
    result = call("doctor", "--config", "probe.toml", "--json")
    found = {finding["what"] for finding in json.loads(result.output)["findings"] if not finding["ok"]}
    assert found == wrong
    assert result.exit_code == (EXIT_FAILED if wrong else 0)


@pytest.mark.parametrize("there", [False, True])
def test_the_doctor_leaves_no_folder_behind(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.instruments.device.vantage.list_families", lambda: (4,))
    if there:
        Path("deep/er").mkdir(parents=True)
    Path("probe.toml").write_text('[run]\nresults = "deep/er"\n')
    found = json.loads(call("doctor", "--config", "probe.toml", "--json").output)["findings"]
    (line,) = (finding for finding in found if finding["what"] == "results")
    assert line["ok"]
    assert (Path("deep/er").exists(), Path("deep").exists()) == (there, there)


def test_the_doctor_names_a_shared_interpreter_that_was_armed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.upkeep.status.installation_checks.has_file_capabilities", lambda _: True)
    monkeypatch.setattr("sys.prefix", "/nowhere")
    monkeypatch.setattr("probe.instruments.device.vantage.list_families", lambda: (4,))
    found = json.loads(call("doctor", "--json").output)["findings"]
    (line,) = (finding for finding in found if finding["what"] == "interpreter")
    assert not line["ok"]


def test_the_doctor_says_how_to_add_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.instruments.device.vantage.list_families", lambda: (4,))
    monkeypatch.setattr("probe.upkeep.status.installation_checks.find_lacking_modules", lambda: {"aioquic"})
    found = json.loads(call("doctor", "--json").output)["findings"]
    (line,) = (finding for finding in found if finding["what"] == "libraries")
    assert line["ok"]
    assert "-    libraries: aioquic" in call("doctor").output
    assert advise_extra("quic") in line["text"]
