"""The web server that an operator gets, real, with inbox and issuer behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import requests
import tomlkit
from click.testing import CliRunner

from inbox_world import receiving
from issuer_world import Volunteer, issuing
from operator_folder import init, make_operator_folder
from probe.cli.main import cli
from probe.config.consent.operator_sheet import read_sheet
from probe.config.destination import parse_login
from probe.upkeep.upload.age_wallet import read_wallet
from probe_operate.services.operator_checks import check_parts
from probe_operate.services.operator_choices import (
    OperatorFolder,
    read_choices,
)
from probe_operate.services.web_server import UPLOAD_USER, make_web_configuration
from upload_world import NGINX, free_ports, running_nginx

SAID = ("--operator", "Example", "--contact", "a@example.org", "--reviewed", "Board, 2026-11-20")


@pytest.fixture
def folder(tmp_path: Path) -> OperatorFolder:
    return make_operator_folder(tmp_path / "op")


@contextmanager
def web(folder: OperatorFolder, issuer_port: int = 0) -> Iterator[str]:
    """The real server by the configuration that is written, with its credentials beside it; `issuer_port`: of an issuer
    that there is."""
    web_port, health_port, helper_port, metrics_port, inbox_port = free_ports(5)
    choices = msgspec.structs.replace(
        read_choices(folder), web_port=web_port, health_port=health_port, helper_port=helper_port,
        metrics_port=metrics_port, issuer=bool(issuer_port), issuer_port=issuer_port or 8082, inbox_port=inbox_port)
    written = msgspec.structs.replace(choices, issuer=False)
    (folder.root / "operator.toml").write_text(tomlkit.dumps(msgspec.to_builtins(written)))
    runtime = folder.root / "runtime"
    runtime.mkdir()
    text = make_web_configuration(choices, folder, runtime=str(runtime), credentials=str(folder.keys))
    with running_nginx(text, folder.root / "nginx.conf"), receiving(
            folder.state, logins=folder.logins, port=inbox_port):
        yield f"http://127.0.0.1:{web_port}"


@pytest.mark.skipif(not NGINX, reason="no nginx here")
def test_the_issuer_is_asked_by_volunteers_alone(folder: OperatorFolder, tmp_path: Path) -> None:
    login = (UPLOAD_USER, (folder.keys / "upload-password").read_text())
    with issuing(tmp_path / "world", tmp_path) as world, web(folder, int(world.url.rpartition(":")[2])) as url:
        asked = [requests.get(f"{url}/issuer/keys", timeout=5),
                 requests.get(f"{url}/issuer/keys", auth=login, timeout=5),
                 requests.delete(f"{url}/issuer/keys", auth=login, timeout=5),
                 requests.post(f"{url}/issuer/register", data=b"x" * 20_000, auth=login, timeout=5)]
        volunteer = Volunteer(world=world, name="a")
        with_login = url.replace("//", f"//{login[0]}:{login[1]}@")
        volunteer.renew(url=f"{with_login}/issuer")
    assert [one.status_code for one in asked] == [401, 200, 405, 413]
    assert asked[1].content == world.issuer.public
    assert read_wallet(world.digest, folder=volunteer.state)[0].coupon


@pytest.mark.skipif(not NGINX, reason="no nginx here")
def test_the_inbox_takes_what_is_new_and_shows_nothing(folder: OperatorFolder) -> None:
    password = (folder.keys / "upload-password").read_text()
    with web(folder) as url:
        ask = requests.Session()
        there = f"{url}/inbox/v1/archives/date=2026-11-28/r.tgz"
        assert ask.put(there, data=b"x").status_code == 401
        ask.auth = (UPLOAD_USER, password)
        assert ask.put(there, data=b"first").status_code == 201
        assert ask.put(there, data=b"first").status_code == 204
        assert ask.put(there, data=b"second").status_code == 201
        assert (folder.inbox / UPLOAD_USER / "archives/date=2026-11-28/r.tgz").read_bytes() == b"first"
        for squatted in ("sealed", "proofs", "v2", "v1/archives"):
            assert ask.put(f"{url}/inbox/{squatted}", data=b"x").status_code == 400
        assert ask.put(f"{url}/inbox/sealed/{'0' * 32}.age", data=b"sealed").status_code == 201
        assert [ask.request(method, there).status_code for method in ("GET", "DELETE", "MOVE", "PROPFIND")] == [405] * 4
        assert ask.get(f"{url}/inbox/").status_code == 405
        for path in ("/inbox/../keys/list.key", "/keys/list.key", "/inbox/%2e%2e/%2e%2e/keys/x"):
            assert ask.put(f"{url}{path}", data=b"x").status_code in (400, 401, 403, 404, 405), path
        assert {path.name for path in folder.keys.iterdir()} >= {"list.key"}
        assert ask.put(f"{url}/lists/list.json", data=b"x").status_code == 405 or not (
            folder.public / "lists/list.json").exists()
        choices = read_choices(folder)
        assert [one.part for one in check_parts(choices, folder, ["web", "helper", "inbox"], now=datetime.now(UTC))
                if one.well] == ["web", "inbox"]
    assert not [path for path in folder.root.rglob("*") if path.is_file() and path.parent.name != "keys"
                and b"127.0.0.1 - " in path.read_bytes()]


@pytest.mark.skipif(not NGINX, reason="no nginx here")
def test_what_is_public_is_read_and_not_written(folder: OperatorFolder) -> None:
    assert init(folder.root, *SAID).exit_code == 0
    (folder.public / "lists" / "list.json").write_text("{}")
    with web(folder) as url:
        assert requests.get(f"{url}/lists/list.json", timeout=5).text == "{}"
        assert requests.get(f"{url}/join", timeout=5).headers["Content-Type"].startswith("text/html")
        for path in ("/lists/list.json", "/feeds/x.json", "/index.html", "/join"):
            assert requests.put(f"{url}{path}", data=b"x", timeout=5).status_code in (403, 405), path
        assert requests.post(f"{url}/helper", data=b"{}", timeout=5).status_code == 502, "no helper runs"


@pytest.mark.skipif(not NGINX, reason="no nginx here")
def test_a_volunteer_may_have_a_login_of_her_own(folder: OperatorFolder) -> None:
    """It counts at once, at the inbox and at the issuer's place, and no more when it is taken away."""
    def call(*arguments: str) -> int:
        return CliRunner().invoke(cli, ["operate", "volunteer", str(folder.root), *arguments]).exit_code

    assert call("group-a") == 1, "no sheet without a contact"
    assert init(folder.root, *SAID).exit_code == 0
    name = "v1/archives/date=2026-11-28/r.tgz"
    with web(folder) as url:
        assert call("group-a", "--shares", "20") == 0
        sheet = read_sheet(str(folder.root / "volunteers" / "group-a" / "sheet.toml"))
        user, password = parse_login(sheet.upload_to) or ("", "")
        assert requests.put(f"{url}/inbox/{name}", data=b"x", auth=(user, password), timeout=5).status_code == 201
        assert (folder.inbox / "group-a" / "archives/date=2026-11-28/r.tgz").read_bytes() == b"x"
        big = requests.put(f"{url}/inbox/{name}", data=bytes(5 << 20), auth=(user, "wrong"), timeout=30)
        assert big.status_code == 401, "it is told, though more comes than anybody reads"
        assert [call(*wrong) for wrong in (("group-a",), ("Group",), ("volunteer", "--remove"), ("x", "--remove"))] == [
            1] * 4
        assert call("group-a", "--remove") == 0
        assert requests.put(f"{url}/inbox/{name}", data=b"x", auth=(user, password), timeout=5).status_code == 401
        assert init(folder.root).exit_code == 0
    assert password not in (folder.public / "join.html").read_text()
