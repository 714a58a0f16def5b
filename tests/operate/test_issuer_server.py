"""The issuer itself: what it takes, what it keeps, how its keys are made; and where it may stand."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import requests
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from issuer_world import IssuerWorld, grown
from probe.cli.main import cli
from probe.config.settings import SettingsError, UploadSettings, check_upload_settings
from probe.store.signing.age_proofs import AgeError, IssuerKeys, read_issuer_keys
from probe.upkeep.issuer.issuer_protocol import Coupon, ExchangeRequest, RefusedError, RegisterRequest, read_message
from probe.upkeep.upload.age_wallet import begin_exchange, make_request, read_wallet
from probe_operate.issuer.age_proof_check import read_age_proof
from probe_operate.issuer.issuer_secret import read_issuer_secret
from probe_operate.issuer.issuer_server import IssuerServer
from probe_operate.issuer.issuing import Issuer
from probe_operate.issuer.ledger import Ledger, copy_ledger

pytest_plugins = ("issuer_fixtures",)


@given(content=st.binary(max_size=300) | st.text(max_size=200).map(str.encode)
       | st.recursive(st.none() | st.text(max_size=9) | st.integers(), lambda inner: st.lists(inner, max_size=3)
                      | st.dictionaries(st.sampled_from(["month", "coupon", "proof", "next", "blinded"]), inner),
                      max_leaves=9).map(msgspec.json.encode))
def test_any_bytes_are_a_message_or_none(content: bytes) -> None:
    assert [read_message(content, kind) for kind in (RegisterRequest, ExchangeRequest, Coupon)] == [None] * 3
    with pytest.raises(AgeError):
        read_age_proof(content, IssuerKeys(months={}))
    with pytest.raises(AgeError):
        read_issuer_keys(content)


@pytest.mark.parametrize(("path", "body", "status"), [
    ("/register", b"", 400), ("/register", b"{", 400), ("/register", b'{"month":"2026-10","blinded":"00"}', 400),
    ("/register", b'{"month":"2026-10","blinded":"%s"}' % (b"0" * 512), 400),
    ("/register", b'{"month":"2026-11","blinded":"%s"}' % (b"1" * 512), 412),
    ("/register", b"x" * 9000, 413), ("/exchange", b"[" * 8000, 400), ("/", b"{}", 404)])
def test_what_the_issuer_does_not_take(world: IssuerWorld, path: str, body: bytes, status: int) -> None:
    assert requests.post(world.url + path, data=body, timeout=5).status_code == status


def test_a_body_without_an_honest_length_is_not_waited_for(world: IssuerWorld) -> None:
    for length in ("-1", "1e3", "99999999999", "", "\u0661"):
        answer = requests.post(world.url + "/register", data=b"", timeout=5,
                               headers={"Content-Length": length.encode()})
        assert answer.status_code in (400, 413)


def test_the_issuer_keeps_no_address_and_listens_on_loopback_alone(
        world: IssuerWorld, capfd: pytest.CaptureFixture[str]) -> None:
    grown(world).renew()
    with pytest.raises(ValueError, match="loopback"):
        IssuerServer("192.0.2.1", 0, world.issuer)
    ledger = world.home / "issuer" / "spent.sqlite"
    assert b"127.0.0.1" not in ledger.read_bytes()
    assert "127.0.0.1" not in "".join(capfd.readouterr())
    assert stat.S_IMODE(ledger.stat().st_mode) == 0o600


def test_a_restored_ledger_remembers(world: IssuerWorld, tmp_path: Path) -> None:
    volunteer = grown(world)
    coupon = read_wallet(world.digest, folder=volunteer.state)[0].coupon
    assert coupon
    volunteer.renew()
    (tmp_path / "restored").write_bytes(copy_ledger(world.home / "issuer" / "spent.sqlite"))
    again = Issuer(world.secret, Ledger(tmp_path / "restored"), get_now=lambda: world.clock.now)
    with pytest.raises(RefusedError) as refused:
        again.exchange(make_request(coupon, begin_exchange(world.keys, "2026-12", volunteer.key_name, 64500)))
    assert refused.value.word == "spent"


def test_keys_end(world: IssuerWorld) -> None:
    world.clock.go(2027, 5)
    with pytest.raises(RefusedError) as refused:
        world.issuer.register(RegisterRequest(month="2027-05", blinded="1" * 512))
    assert refused.value.word == "keys"


# ---- by the commands

def test_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "issuer.key"
    made = CliRunner().invoke(cli, ["issuer", "make", "-o", str(path), "--months", "3"])
    assert made.exit_code == 0, made.output
    again = CliRunner().invoke(cli, ["issuer", "make", "-o", str(path), "--months", "3"])
    assert again.exit_code == 1
    public = tmp_path / "issuer.key.public.json"
    secret = read_issuer_secret(path)
    assert secret.describe_public() == public.read_bytes()
    month = f"{datetime.now(UTC):%Y-%m}"
    assert read_issuer_keys(public.read_bytes()).find_coupon(month) == secret.find_coupon(month).modulus
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(SettingsError):
        read_issuer_secret(path)


def test_collect_takes_the_keys_of_an_issuer(world: IssuerWorld, tmp_path: Path) -> None:
    volunteer = grown(world)
    volunteer.renew()
    public = tmp_path / "keys.json"
    public.write_bytes(world.issuer.public)
    said = ["collect", str(volunteer.results.parent), "-o", str(tmp_path / "out"), "--json", "--issuer-keys"]
    done = CliRunner().invoke(cli, [*said, str(public)])
    assert json.loads(done.output)["proofs"] == {"new": 0, "known": 0, "worthless": {}}
    public.write_bytes(b"{}")
    assert CliRunner().invoke(cli, [*said, str(public)]).exit_code == 1


@pytest.mark.parametrize(("change", "sound"), [
    ({}, True), ({"issuer": "https://b.example/issuer"}, False), ({"issuer": "http://a.example/issuer"}, False),
    ({"issuer": ""}, False), ({"issuer_keys": ""}, False), ({"issuer_keys": "F" * 64}, False),
    ({"issuer": "https://a.example:8443/issuer"}, False), ({"to": "s3://a.example/x", "issuer_keys": "0" * 64}, False)])
def test_an_issuer_is_where_results_go(change: dict[str, str], sound: bool) -> None:
    """So whoever is asked learns of no address that the place of uploads does not see."""
    settings = UploadSettings(to="https://a.example/inbox", issuer="https://a.example/issuer", issuer_keys="0" * 64)
    assert (check_upload_settings(msgspec.structs.replace(settings, **change)) == "") is sound
