"""Submitting and consent: nothing is sent without a URL, two yeses, and never what was made in the laboratory."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector_world import TARGETS, a_run, agreed_to, collecting, submit, with_runs
from in_order import in_order
from probe.config.consent.consent_check import (
    explain_lacking_consent,
    explain_lacking_submit_consent,
    explain_lacking_upload_consent,
)
from probe.config.consent.consent_text import PUBLIC, write_consent_text
from probe.config.consent.country_profiles import profile_of
from probe.config.settings import SettingsError, load_settings
from probe.core.tables.consent_words import TEXT_NUMBER
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_NO_CONSENT, EXIT_USAGE
from probe_analysis.submit.collector import CollectorClient
from probe_analysis.submit.published_runs import RipeRun
from probe_analysis.submit.submit_send import submit_waiting_runs
from upload_world import call

URL = "https://collector.example/base"


@pytest.fixture
def config(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(in_folder / "home"))
    monkeypatch.delenv("PROBE_CONFIG", raising=False)
    return in_folder / "probe.toml"


def _setup(config: Path, *more: str) -> str:
    result = call("setup", "--agree", str(TEXT_NUMBER), "--config", str(config), *more)
    assert result.exit_code == 0, result.output
    return result.output


def test_without_a_url_or_a_yes_nothing_is_sent(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "a")
    with collecting() as stub:
        agreed = ["--config", str(agreed_to(stub.url, tmp_path / "probe.toml"))]
        nowhere = call("submit", "ooni", str(results), "--public-for-ever", *agreed)
        once = call("submit", "ooni", str(results), "--collector", stub.url, *agreed)
        assert stub.asked == []
    assert (nowhere.exit_code, once.exit_code) == (EXIT_USAGE, EXIT_NO_CONSENT)
    assert "public" in once.output
    assert not (results / "submit").exists()


def test_without_what_setup_records_nothing_is_sent(tmp_path: Path, config: Path) -> None:
    results = with_runs(tmp_path / "results", "a")
    with collecting() as stub:
        both = ["submit", "ooni", str(results), "--collector", stub.url, "--public-for-ever", "--config", str(config)]
        config.write_text("")
        nobody = call(*both)
        config.write_text(f'[submit]\ncollector = "{stub.url}"\n')
        by_hand = call(*both)
        _setup(config, "--submit-to", "none")
        other = call(*both)
        assert stub.asked == []
        _setup(config, "--submit-to", stub.url + "/")
        assert call(*both).exit_code == 0
    assert len(stub.taken) == TARGETS
    assert {nobody.exit_code, by_hand.exit_code, other.exit_code} == {EXIT_NO_CONSENT}
    assert "Nobody has agreed" in nobody.output
    assert "collector" in other.output
    assert f"probe setup --submit-to {stub.url}" in other.output


def test_a_collector_is_agreed_to_by_itself(config: Path) -> None:
    told = _setup(config, "--submit-to", URL)
    assert in_order(told, "public", URL)
    settings = load_settings(str(config))
    assert explain_lacking_submit_consent(settings,
                                          URL) == explain_lacking_consent(
                                              settings) == explain_lacking_upload_consent(settings) == ""
    assert "https://other.example" in explain_lacking_submit_consent(settings, "https://other.example")
    config.write_text(config.read_text().replace(URL, URL + "2", 1))
    changed = load_settings(str(config))
    assert URL + "2" in explain_lacking_submit_consent(changed, URL + "2")
    assert explain_lacking_consent(changed) == "", "runs do not depend on it"
    _setup(config, "--submit-to", "none")
    after = load_settings(str(config))
    assert (after.submit.collector, after.consent and after.consent.public_at) == ("", ())


def test_an_upload_or_a_helper_there_is_no_consent_to_be_public(config: Path) -> None:
    _setup(config, "--upload-to", URL)
    config.write_text(config.read_text() + f'\n[submit]\ncollector = "{URL}"\n')
    assert URL in explain_lacking_submit_consent(load_settings(str(config)), URL)


def test_the_text_tells_what_becomes_public_to_whom_it_concerns() -> None:
    plain, told = (" ".join(" ".join(write_consent_text(profile_of("ZZ"), cc="ZZ", public=public)).split())
                   for public in ("", URL))
    assert "for ever" not in plain
    assert f"by way of {URL}" in told
    assert all(" ".join(text.split()) in told for text in PUBLIC)


def test_setup_shows_it_before_it_asks(config: Path) -> None:
    shown = call("setup", "--show", "--submit-to", URL, "--config", str(config)).output
    assert in_order(shown, "public", URL)
    refused = call("setup", "--show", "--submit-to", "http://collector.example", "--config", str(config))
    assert (refused.exit_code, "unencrypted" in refused.output) == (EXIT_FAILED, True)
    config.write_text('[submit]\ncollector = "https://10.0.0.1"\n')
    with pytest.raises(SettingsError, match=r"submit\.collector"):
        load_settings(str(config))


# ---- the laboratory


def test_what_was_made_in_the_laboratory_goes_to_this_device_alone(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "a", lab=True)
    refused = call("submit", "ooni", str(results), "--lab", "--collector", "https://collector.example",
                   "--public-for-ever")
    assert refused.exit_code == EXIT_FAILED
    assert "collector" in refused.output
    with collecting() as stub:
        assert "0 measurements" in submit(stub, results).output
        assert stub.asked == []
        (tmp_path / "nobody.toml").write_text("")  # nobody lives there who could be asked
        done = call("submit", "ooni", str(results), "--lab", "--collector", stub.url, "--public-for-ever", "--config",
                    str(tmp_path / "nobody.toml"))
    assert (done.exit_code, len(stub.taken), stub.problems) == (0, TARGETS, []), done.output
    assert {one.annotations["lab"] for one in stub.taken} == {"true"}


def test_a_folder_of_both_sends_each_alone(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "a", lab=True)
    write_run(a_run("b"), results, parquet=False)
    with collecting() as stub:
        assert submit(stub, results).exit_code == 0
        assert {one.annotations.get("lab") for one in stub.taken} == {None}
        assert submit(stub, results, "--lab").exit_code == 0
    assert len(stub.taken) == 2 * TARGETS


def test_the_sender_itself_refuses_laboratory_runs_elsewhere(tmp_path: Path) -> None:
    results = with_runs(tmp_path / "results", "a", lab=True)
    with pytest.raises(ValueError, match="laboratory"):
        submit_waiting_runs(results, CollectorClient(URL, ends=float("inf")),
                            [RipeRun(run=a_run("a", lab=True).run, cell=None)], at_most=1)
