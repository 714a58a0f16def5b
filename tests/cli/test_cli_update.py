"""`probe update`, and what `probe targets` and `probe status` tell of signed lists."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from in_order import in_order
from probe.session.context_making import choose_interval_s
from probe.session.run_plan import RunPlan
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_LOCKED, EXIT_USAGE
from probe.upkeep.commands.run_lock import hold_run_lock
from project_root import ROOT
from signed import OTHERS, OURS, document, put, targets
from update_world import Made, bring, call, configure, listed, made_by, settle, today


@pytest.fixture(autouse=True)
def home(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settle(in_folder, monkeypatch)
    return in_folder


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return made_by(monkeypatch)


# ---- probe update

def test_a_list_is_brought_and_told() -> None:
    configure()
    result = bring(policy={"RU": {"max_level": 1, "pace_s": 3}})
    assert result.exit_code == 0, result.output
    assert in_order(result.output, "New", listed(7), "FF07060504030201", "RU", "level 1", "3 s")
    assert "Nothing new" in bring(policy={"RU": {"max_level": 1, "pace_s": 3}}).output
    told = json.loads(call("update", "--from", "list.json", "--json").output)
    assert (told["serial"], told["new"], told["max_level"], told["key"]) == (7, False, 1, "FF07060504030201")


def test_each_growth_of_a_list_is_told_with_what_it_costs() -> None:
    configure()
    pages = [{"input": f"https://telegram.org/{n}", "target_id": f"telegram.web.n{n}"} for n in range(2)]
    lines = [len(bring(serial, targets=targets(*pages[:n])).output.splitlines())
             for serial, n in enumerate((1, 1, 2, 1), start=7)]
    assert [n - lines[1] for n in lines] == [2, 0, 3, 0]


def test_a_key_may_be_given_once_and_is_kept_to(made: Made) -> None:
    put(Path(), document(day=today()))
    Path("ours.pub").write_text(OURS.public_file)
    Path("theirs.pub").write_text(OTHERS.public_file)
    assert "no official list" in call("update", "--from", "list.json").output
    assert "not by" in call("update", "--from", "list.json", "--key", "theirs.pub").output
    assert call("update", "--from", "list.json", "--key", "ours.pub").exit_code == 0
    assert call("update", "--from", "list.json").exit_code == 0
    result = call("update", "--from", "list.json", "--key", "theirs.pub")
    assert result.exit_code == EXIT_FAILED
    assert "which is here" in result.output
    assert call("run").exit_code == 0
    assert made.runs[0][0].path == listed(7)


@pytest.mark.parametrize(("spoil", "why"), [
    (lambda: Path("list.json").write_bytes(document(8, today()) + b" "), "altered"),
    (lambda: Path("list.json.minisig").unlink(), "cannot be read"),
    (lambda: put(Path(), document(8, today()), signer=OTHERS), "not by"),
    (lambda: put(Path(), document(6, today())), "lower than 7"),
    (lambda: put(Path(), document(7, today(), policy={"RU": {}})), "something else"),
    (lambda: put(Path(), document(8, today() + timedelta(days=9))), "future"),
    (lambda: put(Path(), document(8, today(), format=2)), "format 2"),
    (lambda: put(Path(), b"x" * (4 << 20) + b"x"), "larger than"),
])
def test_a_bad_list_is_refused_and_the_last_good_one_stays(spoil: Any, why: str) -> None:
    configure()
    assert bring().exit_code == 0
    spoil()
    result = call("update", "--from", "list.json")
    assert result.exit_code == EXIT_FAILED
    assert why in result.output
    assert "stays in use" in result.output
    assert "signed list 7" in call("targets", "list").output
    assert "failed: " in call("status", "--details").output


def test_a_list_whose_targets_cannot_be_used_is_kept_for_what_it_asks() -> None:
    configure()
    assert bring().exit_code == 0
    put(Path(), document(8, today(), targets=targets({"tier": "\x1b[2Jx"}), policy={"*": {"pause": "raids"}}))
    result = call("update", "--from", "list.json")
    assert result.exit_code == EXIT_FAILED
    assert "tier" in result.output
    assert "\x1b" not in result.output
    assert "raids" in call("status", "--details").output


def test_staged_targets_are_written_and_told() -> None:
    whole = str(ROOT / "targets.csv")
    made = call("update", "make", "--targets", whole, "--staged", whole, "--percent", "20", "--serial", "9",
                "-o", "list.json")
    assert made.exit_code == 0, made.output
    put(Path(), Path("list.json").read_bytes())
    configure()
    told = json.loads(call("update", "--from", "list.json", "--json").output)
    assert (told["serial"], told["staged_percent"]) == (9, 20)
    Path("next.csv").write_text(targets({"tier": "9"}))
    assert call("update", "make", "--targets", whole, "--staged", "next.csv", "--serial", "9", "-o",
                "other.json").exit_code == EXIT_FAILED
    assert not Path("other.json").exists()


@pytest.mark.parametrize(("arguments", "told"), [
    ((), "no official list"), (("--key", "absent"), "absent"),
    (("--from", "http://l.example.org/list"), "not encrypted"),
])
def test_wrong_use_is_told(arguments: tuple[str, ...], told: str) -> None:
    Path("probe.toml").write_text(f'[update]\nkey = "{OURS.public_line}"\n')
    result = call("update", *arguments)
    assert result.exit_code in (EXIT_USAGE, EXIT_FAILED)
    assert told in result.output


def test_a_key_that_is_none_is_told_wherever_it_matters(made: Made) -> None:
    configure(key="RWoops")
    for command in (("run",), ("targets", "list"), ("update", "--from", "list.json")):
        result = call(*command)
        assert result.exit_code == EXIT_FAILED, command
        assert "update.key" in result.output
    assert "BAD   list: " in call("status", "--details").output
    assert not made.runs


# ---- made, signed, brought

def test_what_is_made_is_taken(root: Path) -> None:
    Path("policy.toml").write_text('["*"]\nmax_tier = 2\n[RU]\npause = "raids"\n')
    result = call("update", "make", "--targets", str(root / "targets.csv"), "--policy", "policy.toml", "--serial", "3",
                  "-o", "list.json")
    assert result.exit_code == 0, result.output
    assert in_order(result.output, "minisign", "list.json")
    configure()
    put(Path(), Path("list.json").read_bytes())
    assert in_order(call("update", "--from", "list.json").output, "RU", "raids", "tier 2")
    assert listed(3) in call("targets", "list").output


@pytest.mark.parametrize(("text", "policy", "why"), [
    (targets({"tier": "9"}), "", "tier"),
    (targets({"service": "nobodys", "target_id": "nobodys.web.a"}), "", "nobodys"),
    (None, "[RU]\npuase = 'x'\n", "puase"), (None, "[", "policy"),
])
def test_what_volunteers_would_refuse_is_not_made(root: Path, text: str | None, policy: str, why: str) -> None:
    Path("t.csv").write_text((root / "targets.csv").read_text() if text is None else text)
    Path("policy.toml").write_text(policy)
    result = call("update", "make", "--targets", "t.csv", "--policy", "policy.toml", "--serial", "3", "-o", "list.json")
    assert result.exit_code == EXIT_FAILED
    assert why in result.output
    assert not Path("list.json").exists()


# ---- the others

def test_targets_tell_where_the_list_is_from() -> None:
    configure()
    bring(policy={"RU": {"max_tier": 1}})
    told = call("targets", "list").output
    assert in_order(told, listed(7), "list.json", "FF07060504030201", "0 days", "tier 1")
    assert listed(7) in call("doctor", "--json").output


@pytest.mark.parametrize(("age_days", "state"), [(0, "ok  "), (40, "BAD ")])
def test_status_tells_age_and_what_is_asked(age_days: int, state: str) -> None:
    configure()
    assert "BAD   list: " in call("status", "--details").output
    bring(day=today() - timedelta(days=age_days), policy={"RU": {"max_tier": 1}})
    line = next(line for line in call("status", "--details").output.splitlines() if "  list: " in line)
    assert line.startswith(state)
    assert f"{age_days} days old" in line
    assert "tier 1" in line


def test_a_unit_may_write_where_lists_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.cli.install.explain_refusal", lambda *_, **__: "")
    configure("https://lists.example.org/list")
    state = f"-{Path('.local/state/probe').absolute()}"

    def writable() -> str:
        shown = call("install", "systemd", "--print").output
        return next(line for line in shown.splitlines() if line.startswith("ReadWritePaths="))

    assert writable().split()[1:] == [state]
    configure()
    assert state not in writable(), "who fetches none need not write there"


def test_what_is_kept_is_forgotten(home: Path) -> None:
    configure()
    bring()
    assert call("forget", "--yes").exit_code == 0
    assert not (home / ".local/state/probe").exists()


def test_a_run_without_lists_loads_nothing_to_fetch_them(root: Path) -> None:
    program = (
        "import sys, probe.cli.run, datetime; from probe.upkeep.updates.catalogue_choice import choose_catalogue; "
               "from probe.config.settings import Settings; choose_catalogue(Settings(), None, "
               "now=datetime.datetime.now()); "
               "print(*sys.modules)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, timeout=120,
                          check=True)
    assert not {"probe.upkeep.updates.signed_fetch", "requests", "cryptography"} & set(done.stdout.split())


@pytest.mark.parametrize(("fast", "least_s", "flows", "expected_s"), [
    (True, 0.0, 10, 0.0), (False, 0.0, 10, 1.0), (False, 0.0, 1000, 0.7), (False, 3.0, 10, 3.0),
    (False, 3.0, 1000, 3.0),
])
def test_the_pace_that_is_asked_is_the_least(fast: bool, least_s: float, flows: int, expected_s: float) -> None:
    plan = RunPlan(deadline_s=1000, fast=fast, least_pace_s=least_s)
    assert choose_interval_s(plan, pace_s=1.0, flows=flows) == pytest.approx(expected_s)


def test_two_looks_do_not_meet(home: Path) -> None:
    configure()
    put(Path(), document(day=today()))
    with hold_run_lock(home / ".local/state/probe"):
        result = call("update", "--from", "list.json")
    assert result.exit_code == EXIT_LOCKED
    assert "Another look" in result.output
    assert call("update", "--from", "list.json").exit_code == 0
