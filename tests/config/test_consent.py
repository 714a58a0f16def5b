"""What a volunteer is told and asked, what is written down of it, and which runs may start."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import msgspec
import pytest

from consent_world import TODAY, agreed, call
from consent_world import home as home
from in_order import in_order
from mmdb_files import write_mmdb
from probe.catalogue.laboratory_marker import Marker
from probe.catalogue.load import load_catalogue
from probe.cli import run as run_module
from probe.config.consent.consent_check import explain_lacking_consent, explain_refusal
from probe.config.consent.consent_questions import QUESTIONS
from probe.config.consent.consent_text import write_consent_text, write_short_text
from probe.config.consent.country_profiles import load_profiles, profile_of
from probe.config.consent.setup_answers import KEEP_DAYS, QUOTA_MB, Answers, list_changes
from probe.config.settings import GeoSettings, HelperSettings, RunSettings, Settings, SettingsError, load_settings
from probe.core.languages import LANGUAGES, LanguageCode
from probe.core.line_folding import count_columns
from probe.core.tables.consent_words import CONCERNED, LEVELS, SENT, TEXT_NUMBER, TEXTS_IN_FORCE, list_sent
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.shapes import SHAPES
from probe.core.translation import speak
from probe.session.selection import select_sites
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_NO_CONSENT, EXIT_USAGE

OWN = """\
[run]   # how
results = "/srv"  # the big disk
skip_services = ["line"]

[[helper]]
id = "a"
url = "https://helper.example/"
"""
KNOWN = ("line", "signal", "telegram")
DIGESTS = {1: "2f9d0944b9cd7c4c", 2: "004876de44de2bfb", 3: "5e9a28fe42d47276", 4: "242a7227ac9b0ea7",
           5: "d5a2babb53083ea8", 6: "f0fd9747ccc98c16"}
"""Number of the consent text -> digest of its words, however lines are broken (before 5, of its lines). A text that has
changed gets the next number: all are asked again. A slip of the pen that changes no meaning may keep its number, with a
new digest here."""


def whole_text() -> str:
    profiles = load_profiles().profile.values()
    return "\n".join(line for profile in profiles for line in write_consent_text(profile, cc="ZZ"))


# ---- the text

def test_a_changed_text_has_a_new_number() -> None:
    assert hashlib.sha256(" ".join(whole_text().split()).encode()).hexdigest()[:16] == DIGESTS[TEXT_NUMBER]


def test_the_text_says_plainly_what_must_be_said() -> None:
    text = " ".join(whole_text().split())
    assert in_order(text, "not anonymous", "level 1", "names of all messengers")
    for words in ("household", "employer", "owner"):
        assert words in CONCERNED
        assert " ".join(CONCERNED[words].split()) in text
    assert all(" ".join(row.meaning.split()) in text for row in SENT)
    assert all(meaning in text for meaning in LEVELS.values())
    assert max(map(len, whole_text().splitlines())) <= 88


def test_everything_that_takes_consent_is_in_the_text() -> None:
    protocols = {name: row.level for row in SENT for name in row.protocols}
    shapes = {name: row.level for row in SENT for name in row.shapes}
    assert protocols == {p.name: p.consent_level for p in PROTOCOLS.values() if p.built}
    assert shapes == {name: shape.consent_level for name, shape in SHAPES.items()}
    assert {s.consent_level for s in load_catalogue(search=False).services.values()} <= {1, *(
        row.level for row in SENT if row.word in ("delicate_names", "fronts"))}


def test_a_country_that_nobody_listed_is_a_careful_one() -> None:
    assert profile_of("ZZ") == profile_of("") == profile_of("TR") == load_profiles().profile["careful"]
    assert profile_of("ru") == load_profiles().profile["grave"]
    listed = [cc for codes in load_profiles().countries.values() for cc in codes]
    assert len(listed) == len(set(listed))
    assert set(load_profiles().countries) <= set(load_profiles().profile)


def test_nobody_is_set_up_beyond_the_core_and_level_1_by_default() -> None:
    for profile in load_profiles().profile.values():
        assert (profile.tier, profile.level) == (1, 1)
    slower = [load_profiles().profile[name].pace_s for name in ("open", "careful", "grave")]
    assert slower == sorted(set(slower))


# ---- what is enough

def test_what_was_agreed_to_is_enough_and_no_more() -> None:
    assert explain_lacking_consent(agreed(2)) == ""
    assert explain_lacking_consent(msgspec.structs.replace(agreed(2), run=RunSettings(consent_level=1))) == ""
    raised = msgspec.structs.replace(agreed(1), run=RunSettings(consent_level=2))
    assert "consent_level is 2" in explain_lacking_consent(raised)


@pytest.mark.parametrize(("settings", "told"), [
    (Settings(), "Nobody has agreed"), (agreed(text=min(TEXTS_IN_FORCE) - 1), "now number"),
    (agreed(sends=list_sent(1)[1:]), "has changed"), (agreed(concerned=("household",)), "employer, owner"),
    (msgspec.structs.replace(agreed(), helper=(HelperSettings(id="a", url="https://new.example/"),)),
     "https://new.example/"),
])
def test_what_has_changed_since_is_asked_again(settings: Settings, told: str) -> None:
    assert told in explain_lacking_consent(settings)
    assert "probe setup" in explain_refusal(settings, lab=False)
    assert explain_refusal(settings, lab=True) == "", "nothing leaves the laboratory"


def test_names_that_are_delicate_by_themselves_take_consent() -> None:
    catalogue = load_catalogue(search=False)
    for level in (1, 2, 3):
        chosen = select_sites(catalogue, tier=3, cc="ZZ", consent_level=level, families=(4,), seed=1)
        services = {e.service for site in chosen.sites for e in site.endpoints}
        assert ("session" in services) == (level >= 2)
        assert ("signal_reflector" in services) == (level >= 3)


# ---- answers

def test_a_profile_fills_what_was_not_said_and_a_choice_outlasts_it() -> None:
    first = list_changes(Answers(country="ru"), Settings(), known=KNOWN, today=TODAY)
    grave = profile_of("RU")
    assert (first["vantage"]["cc"], first["run"]["pace_s"]) == ("RU", grave.pace_s)
    before = msgspec.structs.replace(agreed(2), vantage=msgspec.structs.replace(Settings().vantage, cc="RU"),
                                     run=RunSettings(consent_level=2, tier=2, pace_s=grave.pace_s,
                                                     deadline_s=grave.deadline_s, skip_services=("line",)))
    again = list_changes(Answers(country="DE"), before, known=KNOWN, today=TODAY)["run"]
    assert (again["consent_level"], again["tier"], again["skip_services"]) == (2, 2, ("line",))
    assert again["pace_s"] == profile_of("DE").pace_s
    own = msgspec.structs.replace(before, run=RunSettings(pace_s=5.0))
    assert list_changes(Answers(country="DE"), own, known=KNOWN, today=TODAY)["run"]["pace_s"] == 5.0


@pytest.mark.parametrize(("answers", "told"), [
    (Answers(country="Germany"), "two letters"), (Answers(skip_services=("telegrm",)), "did you mean telegram"),
    (Answers(country="UK"), "did you mean GB"), (Answers(country="qq"), "two letters"),
    (Answers(country="XX"), "two letters"), (Answers(country="D\u0415"), "two letters"),
    (Answers(skip_services=("xyz",)), "probe targets list"), (Answers(network_type="tin cans"), "wired"),
])
def test_an_answer_that_cannot_be_is_explained(answers: Answers, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        list_changes(answers, Settings(), known=KNOWN, today=TODAY)


# ---- the commands

def test_setup_by_flags_is_enough_for_a_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Measured(Exception):
        pass

    def refuse(*_: object) -> None:
        raise Measured

    monkeypatch.setattr(run_module, "_measure", refuse)
    refused = call("run", "--fast")
    assert (refused.exit_code, type(refused.exception)) == (EXIT_NO_CONSENT, SystemExit)
    assert "probe setup" in refused.output
    assert not (home / "results").exists()
    assert call("run", "--dry-run").exit_code == 0, "nothing is sent by it"
    assert call("setup", "--agree", str(TEXT_NUMBER), "--country", "de", "--results", "out").exit_code == 0
    file = home / "config/probe/probe.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = load_settings()
    assert (settings.vantage.cc, settings.run.results) == ("DE", str(home / "out"))
    assert isinstance(call("run", "--fast").exception, Measured)
    file.write_text(file.read_text().replace("consent_level = 1", "consent_level = 3"))
    assert call("run", "--fast").exit_code == EXIT_NO_CONSENT
    monkeypatch.setattr(run_module, "read_marker", lambda: Marker(lab=True))
    assert isinstance(call("run", "--fast").exception, Measured)


def test_setup_from_a_file(home: Path) -> None:
    Path("a.toml").write_text(f'agree = {TEXT_NUMBER}\nlevel = 2\ncountry = "IR"\nskip_services = ["signal"]\n')
    assert call("setup", "--answers", "a.toml", "--level", "1").exit_code == 0
    settings = load_settings()
    assert (settings.run.consent_level, settings.run.skip_services, settings.vantage.cc) == (1, ("signal",), "IR")


def test_setup_in_a_conversation(home: Path) -> None:
    Path("probe.toml").write_text(OWN)
    said = "Iran\nir\n\ny\nx\na\nc\na\nb\ny\n4\n3\nn\n2\ny\nASx\nAS64501\nmobile\nno.mmdb\nnone\n\n\n"
    result = call("setup", "--config", "probe.toml", said=said)
    assert result.exit_code == 0, result.output
    assert all(part in result.output for part in ("https://helper.example/", "'4'", "no.mmdb: "))
    assert load_settings("probe.toml").geo == GeoSettings(lookup=False)
    settings = load_settings("probe.toml")
    assert (settings.vantage.cc, settings.vantage.asn, settings.vantage.network_type) == ("IR", 64501, "mobile")
    assert (settings.run.consent_level, settings.run.skip_services, settings.run.results) == (2, ("line",), "/srv")
    assert settings.consent
    assert settings.consent.to == ("https://helper.example/",)
    assert [helper.id for helper in settings.helper] == ["a"]
    assert explain_lacking_consent(settings) == ""


@pytest.mark.parametrize(("level", "said", "code"), [
    (1, "", 0), (2, "y\n", 0), (3, "y\n", 0), (2, "n\n", EXIT_NO_CONSENT),
    (3, "\n", EXIT_NO_CONSENT)])
def test_more_than_the_first_level_is_agreed_to_by_itself(home: Path, level: int, said: str, code: int) -> None:
    """What was told before are the costs of level 1."""
    result = call("setup", "--level", str(level), said=f"DE\n\n\n\nn\nc\na\nb\ny\n{said}\n\n\n\n\n")
    assert (result.exit_code, load_settings().consent is not None) == (code, code == 0), result.output
    assert code or load_settings().run.consent_level == level


@pytest.mark.parametrize(("cc", "run_min", "every_min"), [("DE", 15, 60), ("TR", 40, 60), ("RU", 45, 180)])
def test_time_and_rhythm_are_those_of_the_country(home: Path, cc: str, run_min: int, every_min: int) -> None:
    public = ["", ""] if cc == "DE" else []
    result = call("setup", said="\n".join([cc, *public, "", "n", "c", "a", "b", "y", *[""] * 8]))
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    assert text.count(f"{run_min} minutes each") == 2, "before consent, and after"
    assert text.count(f"every {every_min} minutes") == 3
    assert f"probe run: {run_min} minutes" in text
    assert load_settings().run.deadline_s == run_min * 60
    assert f"{run_min} minutes each" in " ".join(call("run", "--dry-run").output.split())


def test_a_time_of_one_s_own_is_told_after_the_set_up(home: Path) -> None:
    Path("probe.toml").write_text("[run]\ndeadline_s = 1200\n")
    result = call("setup", "--config", "probe.toml", "--agree", str(TEXT_NUMBER), "--country", "RU")
    assert "20 minutes" in result.output
    assert "45 minutes" not in result.output


@pytest.mark.parametrize("blank", ["", " ", "  \t"])
@pytest.mark.parametrize("asked", [True, False])
def test_a_blank_is_no_results_folder(home: Path, blank: str, asked: bool) -> None:
    said = f"DE\n\n\n\nn\nc\na\nb\ny\n\n\n\n\n\n{blank}\n"
    flags = () if asked else ("--agree", str(TEXT_NUMBER), "--country", "DE", "--results", blank)
    result = call("setup", *flags, said=said if asked else "")
    assert result.exit_code == 0, result.output
    assert load_settings().run.results == str(home / "probe-results")


def test_a_results_folder_may_have_blanks_within(home: Path) -> None:
    assert call("setup", "--agree", str(TEXT_NUMBER), "--country", "DE", "--results", " my results ").exit_code == 0
    assert load_settings().run.results == str(home / "my results")


@pytest.mark.parametrize(("said", "code"), [
    ("DE\n\n\n\nn\nc\na\nb\nn\n", EXIT_NO_CONSENT), ("DE\n\n\n\nn\nc\na\nb\n\n", EXIT_NO_CONSENT),
    ("DE\n\n\n\nn\na\na\nb\n", EXIT_NO_CONSENT), ("DE\n\n\n\nn\nc\na\n", EXIT_FAILED), ("DE\n\n", EXIT_FAILED),
    ("DE\n", EXIT_FAILED), ("", EXIT_FAILED)])
def test_whoever_does_not_agree_is_left_alone(home: Path, said: str, code: int) -> None:
    """Whoever says no gets a status of their own; whose input ends before has not answered."""
    result = call("setup", said=said)
    assert (result.exit_code, type(result.exception)) == (code, SystemExit)
    assert not list(home.rglob("*.toml"))


@pytest.mark.parametrize(("arguments", "code", "told"), [
    (("--agree", str(TEXT_NUMBER + 1)), EXIT_NO_CONSENT, "probe setup --show"),
    (("--answers", "no.toml"), EXIT_FAILED, "no.toml"), (("--level", "4"), EXIT_USAGE, "level"),
    (("--answers", "empty.toml"), EXIT_NO_CONSENT, "Nobody agreed"),
    (("--answers", "odd.toml"), EXIT_FAILED, "countri"),
    (("--agree", str(TEXT_NUMBER), "--config", "bad.toml"), EXIT_FAILED, "bad.toml"),
    (("--agree", str(TEXT_NUMBER), "--config", "a file/x.toml"), EXIT_FAILED, "a file stands"),
    (("--agree", str(TEXT_NUMBER), "--skip-service", "lime"), EXIT_FAILED, "did you mean line"),
])
def test_what_cannot_be_is_told(home: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    texts = {"empty.toml": "", "odd.toml": 'countri = "DE"', "bad.toml": "[run\n", "a file": ""}
    for name, text in texts.items():
        Path(name).write_text(text)
    result = call("setup", *arguments)
    assert (result.exit_code, type(result.exception)) == (code, SystemExit), result.output
    assert told in result.output
    assert {path.name: path.read_text() for path in home.iterdir()} == texts


def test_a_wrong_answer_is_explained_and_asked_again() -> None:
    for question in QUESTIONS:
        letters = [chr(ord("a") + place) for place in range(len(question.answers))]
        assert [question.is_right(letter) for letter in letters].count(True) == 1
        assert {question.is_right(word) for word in ("", "z", "aa", "7", "\u00e4")} == {None}


def test_a_first_set_up_bounds_what_is_kept_and_a_later_one_leaves_it(home: Path) -> None:
    agree = ("--agree", str(TEXT_NUMBER), "--country", "DE", "--results", "out")
    assert call("setup", *agree).exit_code == 0
    assert (load_settings().store.keep_days, load_settings().store.quota_mb) == (KEEP_DAYS, QUOTA_MB)
    file = home / "config/probe/probe.toml"
    file.write_text(file.read_text().replace(f"quota_mb = {QUOTA_MB}", "quota_mb = 0"))
    assert call("setup", *agree).exit_code == 0
    assert load_settings().store.quota_mb == 0


def test_country_and_network_of_an_own_public_address_are_not_asked_for(home: Path,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    write_mmdb(Path("own.mmdb"), {"93.184.0.0/16": {"country_code": "DE", "asn": "AS64501"}})
    Path("probe.toml").write_text('[geo]\nfiles = ["own.mmdb"]\n')
    monkeypatch.setattr("probe.instruments.device.own_addresses.list_own_addresses", lambda: ("93.184.216.34",))
    result = call("setup", "--config", "probe.toml", said="\n\n\nn\nc\na\nb\ny\n1\nunknown\n\n\nout\n")
    assert result.exit_code == 0, result.output
    assert load_settings("probe.toml").vantage.cc == "DE"
    assert "93.184" not in result.output + Path("probe.toml").read_text()


@pytest.mark.parametrize("place", ["/proc/probe", "a file/results"])
def test_a_folder_that_cannot_be_written_is_refused(home: Path, place: str) -> None:
    Path("a file").write_text("")
    result = call("setup", "--agree", str(TEXT_NUMBER), "--results", place)
    assert (result.exit_code, type(result.exception)) == (EXIT_FAILED, SystemExit)
    assert not (home / "config/probe/probe.toml").exists()


def test_a_link_to_the_configuration_stays_one(home: Path) -> None:
    Path("real.toml").write_text(OWN)
    Path("link.toml").symlink_to("real.toml")
    assert call("setup", "--agree", str(TEXT_NUMBER), "--config", "link.toml").exit_code == 0
    assert Path("link.toml").is_symlink()
    assert "[consent]" in Path("real.toml").read_text()


def test_showing_writes_nothing(home: Path) -> None:
    result = call("setup", "--show", "--country", "ru")
    assert result.exit_code == 0
    assert f"(text {TEXT_NUMBER})" in result.output
    assert in_order(result.output, "RU", "grave")
    assert not list(home.iterdir())


def test_a_refused_run_of_a_schedule_is_in_the_log(home: Path) -> None:
    result = call("run", "--timed", "--results", "out")
    assert result.exit_code == EXIT_NO_CONSENT
    (file,) = (home / "out/schedule").iterdir()
    assert json.loads(file.read_text())["kind"] == "refused"


def test_a_table_is_named_checked_and_kept(home: Path) -> None:
    agree = ("--agree", str(TEXT_NUMBER), "--results", "out")
    write_mmdb(Path("own.mmdb"), {"93.184.0.0/16": {"country_code": "DE"}})
    assert call("setup", *agree, "--geo", "own.mmdb").exit_code == 0
    own = str(Path("own.mmdb").absolute())
    assert load_settings().geo == GeoSettings(files=(own,))
    result = call("setup", *agree)  # what is not said stays
    assert load_settings().geo == GeoSettings(files=(own,))
    assert f"looked up in: {own}" in result.output
    Path("own.mmdb").write_bytes(b"<html>")
    wrong = call("setup", *agree, "--geo", "own.mmdb")
    assert wrong.exit_code == EXIT_FAILED
    assert in_order(wrong.output, "own.mmdb", "MaxMind DB")
    assert call("setup", *agree, "--geo", "none").exit_code == 0
    assert load_settings().geo == GeoSettings(lookup=False)
    assert call("setup", *agree, "--geo", "table").exit_code == 0
    assert load_settings().geo == GeoSettings()


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("code", LANGUAGES)
def test_the_text_is_no_wider_than_the_terminal(code: LanguageCode, columns: int) -> None:
    with speak(code):
        lines = [*write_consent_text(profile_of("RU"), cc="RU", columns=columns, public="https://c.example.org"),
                 *write_short_text(profile_of("RU"), cc="RU", costs="1 MB", columns=columns)]
    wide = [line for line in lines if line.startswith("  ") and count_columns(line) > columns + 2]
    assert not [line for line in wide if "probe " not in line and "http" not in line]  # to be copied: never broken
