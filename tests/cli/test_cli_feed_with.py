"""`probe feed --with`: what it needs, and that without it nothing is sent to anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from globalping_made import ScriptedApi, serving_api
from probe.config.folders import find_own_state
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_NO_CONSENT, EXIT_USAGE
from update_world import call, settle


@pytest.fixture
def api(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    settle(in_folder, monkeypatch)
    monkeypatch.delenv("PROBE_GLOBALPING_TOKEN", raising=False)
    call("feed", "--new-key", "k")
    with serving_api(ScriptedApi(looks=[(404, b"", {})], created=(429, b"{}", {"Retry-After": "9"}))) as script:
        yield script


def configure(api: ScriptedApi, **public: str) -> None:
    told = {"globalping_url": api.url, **public}
    Path("probe.toml").write_text("[public_controls]\n" + "".join(
        f"{name} = {json.dumps(value)}\n" for name, value in told.items()))


def publish(*options: str) -> int:
    return call("feed", "--key", "k", "--name", "world", "-o", "out", "--fast", "--with", "globalping", "--json",
                *options).exit_code


def token() -> str:
    Path("token").write_text("secret\n")
    Path("token").chmod(0o600)
    return str(Path("token").absolute())


@pytest.fixture
def agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_operate.cli.feed.explain_refusal", lambda *_, **__: "")


def test_before_consent_nothing_is_sent(api: ScriptedApi) -> None:
    configure(api, globalping_leave="2026-11-01", globalping_token_file=token())
    assert publish() == EXIT_NO_CONSENT
    assert api.headers == []


@pytest.mark.usefixtures("agreed")
@pytest.mark.parametrize("leave", ["", "soon", (datetime.now(UTC) + timedelta(days=9)).date().isoformat()])
def test_without_leave_nothing_is_sent(api: ScriptedApi, leave: str) -> None:
    configure(api, globalping_leave=leave, globalping_token_file=token())
    assert publish() == EXIT_FAILED
    assert api.headers == []


@pytest.mark.usefixtures("agreed")
def test_without_a_token_nothing_is_sent(api: ScriptedApi) -> None:
    configure(api, globalping_leave="2026-11-01")
    assert publish() == EXIT_FAILED
    assert api.headers == []


@pytest.mark.usefixtures("agreed")
def test_with_both_it_is_asked_and_its_limit_kept(api: ScriptedApi) -> None:
    configure(api, globalping_leave="2026-11-01", globalping_token_file=token())
    assert publish() == EXIT_FAILED
    assert len(api.asked) == 1
    assert not Path("out/world.json").exists()


@pytest.mark.usefixtures("agreed")
def test_what_was_asked_is_forgotten_with_the_rest(api: ScriptedApi, tmp_path: Path) -> None:
    configure(api, globalping_leave="2026-11-01", globalping_token_file=token())
    publish()
    (kept,) = find_own_state().glob("globalping/world.json")
    broken_off, linked = kept.with_name(".world.json.77.part"), tmp_path / "linked"
    broken_off.write_text("{")
    assert call("forget", "--yes").exit_code == 0
    assert not find_own_state().exists()
    linked.mkdir()
    (linked / "mine.json").write_text("mine")
    kept.parent.parent.mkdir()
    kept.parent.symlink_to(linked)
    call("forget", "--yes")
    assert (linked / "mine.json").exists()


@pytest.mark.usefixtures("agreed")
@pytest.mark.parametrize("options", [("--ask", "nowhere"), ("--tests", "3"), ("--with", "somebody")])
def test_silly_options_are_told(api: ScriptedApi, options: tuple[str, ...]) -> None:
    configure(api, globalping_leave="2026-11-01", globalping_token_file=token())
    assert publish(*options) == EXIT_USAGE
    assert api.headers == []


@pytest.mark.usefixtures("agreed")
def test_a_folder_without_results_is_told(api: ScriptedApi) -> None:
    configure(api, globalping_leave="2026-11-01", globalping_token_file=token())
    Path("empty").mkdir()
    assert publish("--ask", "empty") == EXIT_FAILED
    assert api.headers == []


@pytest.mark.usefixtures("agreed")
def test_rows_are_asked_about_only_with_a_network(api: ScriptedApi) -> None:
    Path("empty").mkdir()
    result = call("feed", "--key", "k", "--name", "world", "-o", "out", "--ask", "empty")
    assert result.exit_code == EXIT_USAGE
    assert api.headers == []
