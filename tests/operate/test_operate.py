"""An operator's folder: keys once, the rest anew, units that systemd takes, a server that keeps no addresses."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml
from click.testing import CliRunner

from inbox_world import receiving
from operator_folder import NOW, init, make_operator_folder, publish
from probe.cli.main import cli
from probe.config.consent.operator_sheet import answer_by_sheet, read_sheet
from probe.config.consent.setup_answers import add_destinations
from probe.config.settings import Settings, SettingsError, check_upload_settings
from probe.core.translation import speak
from probe.store.signing.age_proofs import digest_issuer_keys
from probe_operate.issuer.issuer_secret import make_issuer_secret
from probe_operate.issuer.ledger import Ledger
from probe_operate.lists.signing import read_secret_key
from probe_operate.services.operator_checks import check_parts, format_check_metrics
from probe_operate.services.operator_choices import (
    ISSUER_KEY,
    ISSUER_KEYS,
    OperatorChoices,
    OperatorFolder,
    check_choices,
    find_folder,
    read_choices,
)
from probe_operate.services.operator_steps import back_up, make_step_command, note_step, read_outcomes, run_step
from upload_world import NGINX, free_ports

SAID = ("--operator", "Example <Lab>", "--contact", "a@example.org", "--reviewed", "Board, 2026-11-20")
COMPOSE_SCHEMA = Path(__file__).with_name("compose_spec.json")


@pytest.fixture
def folder(tmp_path: Path) -> OperatorFolder:
    return make_operator_folder(tmp_path / "op")


# ---- what is written

def test_no_sheet_without_a_contact_and_a_review(folder: OperatorFolder) -> None:
    for kept in ((), SAID[:2], SAID[:4]):
        assert init(folder.root, *kept).exit_code == 1
        assert not (folder.root / "volunteers").exists()
        assert not (folder.public / "join.html").exists()
    assert (folder.root / "systemd" / "reachability-probe-web.service").is_file()
    done = init(folder.root, *SAID)
    assert done.exit_code == 0, done.output
    sheet = read_sheet(str(folder.root / "volunteers" / "sheet.toml"))
    assert sheet.contact == "a@example.org"
    text = (folder.root / "volunteers" / "sheet.txt").read_text()
    [link] = re.findall(r"'(https://[^']+)'", text)
    assert read_sheet(link) == sheet
    page = (folder.public / "join.html").read_text()
    assert {"<svg" in page, "Example &lt;Lab&gt;" in page, "<script" not in page} == {True}


def test_the_page_for_volunteers_is_in_english_whatever_the_operator_reads(folder: OperatorFolder) -> None:
    def told() -> tuple[str, str]:
        return (folder.public / "join.html").read_text(), (folder.root / "volunteers" / "sheet.txt").read_text()

    assert init(folder.root, *SAID).exit_code == 0
    english = told()
    with speak("en"):  # and again afterwards
        done = CliRunner().invoke(cli, ["--lang", "fa", "operate", "init", str(folder.root), *SAID])
    assert done.exit_code == 0, done.output
    assert told() == english


def test_another_call_keeps_keys_and_policies_and_what_was_said(folder: OperatorFolder) -> None:
    (folder.config / "policy.toml").write_text("[XX]\npause = \"x\"\n")
    def kept() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (*folder.keys.iterdir(), folder.config / "policy.toml")
                } | {"logins": folder.logins.read_bytes()}
    before = kept()
    assert init(folder.root, *SAID, "--vantage", "de-1").exit_code == 0
    assert init(folder.root).exit_code == 0
    assert kept() == before
    choices = read_choices(folder)
    assert (choices.host, choices.vantage, choices.contact) == ("probe.example.org", "de-1", "a@example.org")


def test_secrets_are_in_files_of_their_owner_and_nowhere_else(folder: OperatorFolder) -> None:
    assert init(folder.root, *SAID).exit_code == 0
    secrets = [path for path in folder.keys.iterdir() if path.suffix != ".pub"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (*secrets, folder.keys)} == {0o600, 0o700}
    lines = {line for path in secrets if path.suffix == ".key" for line in path.read_text().splitlines()[1:]}
    password = (folder.keys / "upload-password").read_text()
    others = [path for path in folder.root.rglob("*") if path.is_file() and path.parent != folder.keys]
    assert len(others) > 20
    for path in others:
        text = path.read_text()
        assert not [line for line in lines if line in text], path
        assert password not in text or path.parent.name == "volunteers" or path.name == "join.html", path


@pytest.mark.parametrize("wrong", [
    {"host": "localhost"}, {"host": "Probe.example.org"}, {"host": "a.example;"}, {"host": "a b.example"},
    {"host": "a.example\n"}, {"vantage": "../x"}, {"vantage": ""}, {"certificate": "/c.pem"},
    {"certificate": "/c.pem;", "key": "/k"}, {"certificate": "c.pem", "key": "k.pem"}, {"contact": "a\nb"},
    {"web_port": 8080}, {"client_header": "X;"}, {"client_header": "X\n"},
    {"client_header": "X", "certificate": "/c.pem", "key": "/k.pem"},
])
def test_choices_that_would_mean_something_to_a_configuration_are_refused(wrong: dict[str, str | int]) -> None:
    assert check_choices(OperatorChoices(host="probe.example.org")) == ""
    assert check_choices(OperatorChoices(**{"host": "probe.example.org", **wrong}))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a b", "a;b", "a%b", "a$b", "a\"b", "a\nb"])
def test_a_folder_that_would_too(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        find_folder(tmp_path / name)


def test_the_first_call_needs_a_host(tmp_path: Path) -> None:
    assert init(tmp_path / "op", *SAID).exit_code == 1
    assert not (tmp_path / "op").exists()


# ---- units and the compose file

UNITS = ("backup", "check", "crowd", "feed", "helper", "hourly", "inbox", "list", "metrics", "rollout", "site", "web")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
@pytest.mark.parametrize("with_certificate", [True, False])
def test_systemd_takes_every_unit_and_finds_it_shut_in(folder: OperatorFolder, with_certificate: bool) -> None:
    if with_certificate:
        assert init(folder.root, "--certificate", "/etc/tls/c.pem", "--key", "/etc/tls/k.pem").exit_code == 1
    here = folder.root / "systemd"
    services = sorted(here.glob("*.service"))
    wanted = sorted([*UNITS, *(["origins"] if with_certificate else [])])
    assert [path.name for path in services] == [f"reachability-probe-{name}.service" for name in wanted]
    done = subprocess.run(["systemd-analyze", "verify", *map(str, here.iterdir())], capture_output=True, text=True,
                          timeout=60, check=False)
    assert [line for line in done.stderr.splitlines() if "reachability-probe" in line and (
        NGINX or "nginx" not in line)] == []
    for path in services:
        judged = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", str(path)],
                                capture_output=True, text=True, timeout=60, check=False)
        assert judged.returncode == 0, judged.stdout + judged.stderr


def test_each_timer_has_its_service(folder: OperatorFolder) -> None:
    here = folder.root / "systemd"
    for timer in here.glob("*.timer"):
        assert timer.with_suffix(".service").is_file()
    started = "".join(path.read_text() for path in here.glob("*.service"))
    assert "OnSuccess=reachability-probe-site.service reachability-probe-metrics.service\n" in started


def test_credentials_that_units_name_are_there(folder: OperatorFolder) -> None:
    text = "".join(path.read_text() for path in (folder.root / "systemd").iterdir())
    named = re.findall(r"(?m)^LoadCredential=[\w.-]+:(.*)$", text)
    assert len(named) > 8
    assert all(Path(path).is_file() for path in named)


def test_the_backup_holds_every_key_that_a_service_needs(folder: OperatorFolder) -> None:
    assert init(folder.root, "--encrypt-to", "age1" + "q" * 58).exit_code == 1
    texts = {path.name: path.read_text() for path in (folder.root / "systemd").glob("*.service")}
    loads = {name: set(re.findall(r"(?m)^LoadCredential=([\w.-]+):", text)) for name, text in texts.items()}
    assert "age.key" in loads["reachability-probe-hourly.service"]
    assert set.union(*loads.values()) == loads["reachability-probe-backup.service"]
    hourly = yaml.safe_load((folder.root / "compose.yaml").read_text())["services"]["hourly"]
    assert set(hourly["secrets"]) == loads["reachability-probe-backup.service"]


def test_the_compose_file_is_one(folder: OperatorFolder) -> None:
    assert init(folder.root, "--certificate", "/etc/tls/c.pem", "--key", "/etc/tls/k.pem",
                "--encrypt-to", "age1" + "q" * 58).exit_code == 1
    made = yaml.safe_load((folder.root / "compose.yaml").read_text())
    assert made.pop("name") == "reachability-probe"  # the schema is older than it
    jsonschema.validate(made, json.loads(COMPOSE_SCHEMA.read_text()) | {
        "$schema": "http://json-schema.org/draft-07/schema#"})
    assert set(made["services"]) == {"web", "helper", "inbox", "feed", "hourly", "lists", "origins"}
    for service in made["services"].values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        named = [one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])]
        assert set(named) <= set(made["secrets"])
        assert service["healthcheck"]["test"][0] == "CMD"


def test_an_issuer_stands_where_the_operator_says_so(folder: OperatorFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keys once, its service, its place on the web server, its ledger in the backup, and a line of the sheet."""
    assert not (folder.keys / ISSUER_KEY).exists()
    monkeypatch.setattr("probe_operate.services.operator_folder.make_issuer_secret",
                        partial(make_issuer_secret, months=3))
    assert init(folder.root, *SAID, "--issuer").exit_code == 0
    key, public = (folder.keys / ISSUER_KEY).read_bytes(), (folder.config / ISSUER_KEYS).read_bytes()
    sheet = read_sheet(str(folder.root / "volunteers" / "sheet.toml"))
    assert sheet.issuer
    assert (sheet.issuer.url, sheet.issuer.keys) == ("https://probe.example.org/issuer", digest_issuer_keys(public))
    assert check_upload_settings(add_destinations(answer_by_sheet(sheet, Settings()), Settings()).upload) == ""
    assert init(folder.root).exit_code == 0
    assert (key, public) == ((folder.keys / ISSUER_KEY).read_bytes(), (folder.config / ISSUER_KEYS).read_bytes())
    units = [path.stem.removeprefix("reachability-probe-") for path in (folder.root / "systemd").glob("*.service")]
    assert sorted(units) == sorted([*UNITS, "issuer"])
    compose = yaml.safe_load((folder.root / "compose.yaml").read_text())
    assert compose["services"]["issuer"]["secrets"] == [ISSUER_KEY]
    assert "reachability-probe-issuer.service" in (folder.root / "install.sh").read_text()
    assert "location /issuer/" in (folder.config / "nginx.conf").read_text()
    choices = read_choices(folder)
    assert str(folder.config / ISSUER_KEYS) in make_step_command("collect", choices, folder, folder.keys)
    Ledger(folder.ledger).close()
    with tarfile.open(back_up(folder, folder.keys, now=NOW)) as archive:
        assert {f"keys/{ISSUER_KEY}", "issuer/spent.sqlite"} <= set(archive.getnames())
    assert [one.well for one in check_parts(choices, folder, ["issuer"], now=NOW)] == [False]
    assert init(folder.root, "--no-issuer").exit_code == 0
    assert "location /issuer/" not in (folder.config / "nginx.conf").read_text()


@pytest.mark.parametrize(("said", "wanted"), [
    ((), False), (("--client-header", "X-Forwarded-For"), True),
    (("--client-header", "X-Forwarded-For", "--no-origins"), False),
    (("--certificate", "/etc/tls/c.pem", "--key", "/etc/tls/k.pem"), True),
    (("--certificate", "/etc/tls/c.pem", "--key", "/etc/tls/k.pem", "--no-origins"), False),
])
def test_origins_are_written_down_where_the_server_can_know_them(said: Sequence[str], wanted: bool,
                                                                 folder: OperatorFolder) -> None:
    assert init(folder.root, *SAID, *said).exit_code == 0
    compose = yaml.safe_load((folder.root / "compose.yaml").read_text())
    told = {
        (folder.root / "systemd" / "reachability-probe-origins.service").exists(),
        "reachability-probe-origins.service" in (folder.root / "install.sh").read_text(),
        "syslog:" in (folder.config / "nginx.conf").read_text(),
        "origins" in compose["services"], "origins-runtime" in compose.get("volumes", {}),
        str(folder.origins) in make_step_command("collect", read_choices(folder), folder, folder.keys),
        not all(one.well for one in check_parts(read_choices(folder), folder, ["origins"], now=NOW)),
    }
    assert told == {wanted}


def test_words_of_an_operator_mean_nothing_in_the_compose_file() -> None:
    from probe_operate.services.compose_file import make_compose

    odd = OperatorFolder(root=Path("/a: b{c}\"#$x"))
    made = yaml.safe_load(make_compose(OperatorChoices(host="a.example"), odd, uid=1, gid=2))
    assert made["services"]["web"]["volumes"][0]["source"] == "/a: b{c}\"#$$x/config"


# ---- steps and checks

def test_a_step_that_fails_is_remembered_with_when_it_last_worked(folder: OperatorFolder) -> None:
    note_step(folder, "site", lambda: "", get_now=lambda: NOW)
    note_step(folder, "site", lambda: "no disk", get_now=lambda: NOW + timedelta(hours=1))
    found = read_outcomes(folder)["site"]
    assert (found.worked_at, found.at, found.message) == (NOW, NOW + timedelta(hours=1), "no disk")
    assert run_step(["sh", "-c", "echo broken; false"]) == "broken"
    assert run_step(["true"]) == ""
    assert run_step(["/nonexistent"]) != ""


def test_checks_tell_what_is_late(folder: OperatorFolder) -> None:
    choices = msgspec.structs.replace(read_choices(folder), inbox_port=free_ports(1)[0])

    def well(part: str, now: datetime) -> bool:
        [found] = check_parts(choices, folder, [part], now=now)  # type: ignore[list-item]
        return found.well

    now = datetime.now(UTC)
    assert not well("steps", now)
    for step in ("collect", "analyse", "site", "health", "list", "backup"):
        note_step(folder, step, lambda: "", get_now=lambda: now)
    assert well("steps", now)
    assert not well("steps", now + timedelta(hours=4))
    assert not well("inbox", now)
    with receiving(folder.state, logins=folder.logins, port=choices.inbox_port):
        assert not well("inbox", now)
        (folder.inbox / "v1" / "archives" / "date=2026-11-28").mkdir(parents=True)
        assert well("inbox", now)
        assert not well("inbox", now + timedelta(hours=4))
    assert not well("inbox", now)
    assert not well("list", now)
    publish(folder)
    assert well("list", now)
    assert not well("list", now + timedelta(days=15))
    text = format_check_metrics(list(check_parts(choices, folder, ["list", "feed"], now=now)))
    told = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert told['probe_operator_part_well{part="list"}'] == "1"
    assert told['probe_operator_part_well{part="feed"}'] == "0"


def test_a_backup_holds_keys_for_the_owner_alone_and_few_are_kept(folder: OperatorFolder) -> None:
    for day in range(16):
        made = back_up(folder, folder.keys, now=NOW + timedelta(days=day))
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert len(list(folder.backup.iterdir())) == 14
    told = subprocess.run(["tar", "-tzf", made], capture_output=True, text=True, check=True).stdout.split()
    assert {"keys/list.key", "operator.toml", "config/policy.toml"} <= set(told)


def test_a_key_that_a_service_manager_hands_over_is_taken(folder: OperatorFolder, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    from probe.upkeep.updates.minisign import SignatureError

    handed = tmp_path / "credentials"
    handed.mkdir()
    key = handed / "list.key"
    shutil.copyfile(folder.keys / "list.key", key)
    key.chmod(0o440)
    with pytest.raises(SignatureError):
        read_secret_key(key)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    assert read_secret_key(key).public
    key.chmod(0o444)
    with pytest.raises(SignatureError):
        read_secret_key(key)
