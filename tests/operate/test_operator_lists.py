"""An operator's lists: signed anew when something changes, staged targets, a wrong policy."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from operator_folder import make_operator_folder, publish
from probe.cli.main import cli
from probe.upkeep.updates.list_document import ListError, StagedTargets, read_document
from probe.upkeep.updates.minisign import parse_public_key, parse_signature, verify_signature
from probe_operate.services.list_publishing import AFRESH
from probe_operate.services.operator_choices import OperatorFolder
from probe_operate.services.operator_steps import read_outcomes
from project_root import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> OperatorFolder:
    return make_operator_folder(tmp_path / "op")


def test_a_list_is_signed_anew_when_a_policy_changes_or_it_grows_old(folder: OperatorFolder) -> None:
    key = parse_public_key((folder.keys / "list.key.pub").read_text())
    lists = folder.public / "lists"

    def serial() -> int:
        raw = (lists / "list.json").read_bytes()
        verify_signature(raw, parse_signature((lists / "list.json.minisig").read_bytes()), key)
        return int(json.loads(raw)["serial"])

    publish(folder)
    first = serial()
    publish(folder, later=timedelta(hours=1))
    assert serial() == first
    (folder.config / "policy.toml").write_text('[XX]\npause = "arrests"\n')
    publish(folder, later=timedelta(hours=1))
    second = serial()
    assert second > first
    assert json.loads((lists / "list.json").read_bytes())["policy"] == {"XX": {"pause": "arrests"}}
    publish(folder, later=AFRESH + timedelta(days=1))
    assert serial() > second


def test_targets_that_come_next_are_staged_until_all_measure_them(folder: OperatorFolder) -> None:
    there, text = folder.public / "lists" / "list.json", (ROOT / "targets.csv").read_text(encoding="utf-8-sig")

    publish(folder)
    coming = folder.config / "targets-next.csv"
    fewer = "".join(text.splitlines(keepends=True)[:-1])
    coming.write_text(fewer)
    publish(folder, later=timedelta(hours=1))
    assert read_document(there.read_bytes()).stage == StagedTargets(percent=10, targets=fewer)
    coming.rename(folder.config / "targets.csv")
    publish(folder, later=timedelta(hours=2))
    found = read_document(there.read_bytes())
    assert (found.stage, found.targets) == (None, fewer)
    coming.write_text("target_id\nx\n")
    (folder.config / "policy.toml").write_text('[XX]\npause = "arrests"\n')
    for hours in (3, 4):
        with pytest.raises(ListError, match="targets-next"):
            publish(folder, later=timedelta(hours=hours))
    found = read_document(there.read_bytes())
    assert (found.targets, found.stage, found.policy["XX"].pause) == (fewer, None, "arrests")


def test_a_wrong_policy_leaves_the_last_list(folder: OperatorFolder) -> None:
    publish(folder)
    before = (folder.public / "lists" / "list.json").read_bytes()
    (folder.config / "policy.toml").write_text('[XX]\npaus = "arrests"\n')
    done = CliRunner().invoke(cli, ["operate", "work", str(folder.root), "list"])
    assert done.exit_code == 1
    assert (folder.public / "lists" / "list.json").read_bytes() == before
    assert read_outcomes(folder)["list"].message
