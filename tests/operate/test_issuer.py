"""Proofs of age: who waited gets one a month, nobody gets two, and no two of them can be linked."""

from __future__ import annotations

import json
import stat
import threading
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from issuer_world import IssuerWorld, Volunteer, grown, issuing
from probe.config.settings import UploadSettings
from probe.core.tables.name_ages import ESTABLISHED_DAYS
from probe.store.archive.vouched_names import VOUCHED_FILE, read_vouched_names
from probe.store.signing.age_proofs import AgeProof
from probe.upkeep.issuer.issuer_protocol import ExchangeRequest, RefusedError
from probe.upkeep.upload.age_wallet import WALLET_FILE, begin_exchange, make_request, read_wallet
from probe.upkeep.upload.issuer_client import IssuerClient
from probe_analysis.exports.established_probes import count_established
from probe_operate.collect.collecting import CollectResult, collect_runs
from upload_world import answering

pytest_plugins = ("issuer_fixtures",)


def collect(world: IssuerWorld, out: Path, *sources: Path, keys: bool = True) -> CollectResult:
    return collect_runs([world.inbox, *sources], out, today=world.clock.now.date(),
                        issuer=world.keys if keys else None)


def write_proof(world: IssuerWorld, content: bytes, number: int = 1) -> None:
    path = world.inbox / "proofs" / f"{world.clock.now:%Y-%m}-{number:024x}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def read_proof(path: Path) -> AgeProof:
    return msgspec.json.decode(path.read_bytes(), type=AgeProof)


# ---- who has waited

def test_a_name_is_established_as_soon_as_its_proof_came(world: IssuerWorld, tmp_path: Path) -> None:
    old, new, out = grown(world), Volunteer(world=world, name="new"), tmp_path / "out"
    Volunteer(world=world, name="first").measure()
    new.measure()
    world.clock.go(2026, 12, 1)
    collect(world, out, world.home / "first" / "results")  # the record begins
    world.clock.go(2026, 12, 1 + ESTABLISHED_DAYS)
    new.renew()
    old.renew()
    done = collect(world, out, old.results, new.results)
    assert done.proofs
    assert (done.proofs.new, done.proofs.known, done.proofs.worthless) == (1, 0, {})
    record, today = read_vouched_names(out), world.clock.now.date()
    assert [count_established({today: {name}}, today, asn, record)
            for name, asn in ((old.key_name, 64500), (new.key_name, 64500), (old.key_name, 64501))] == [1, 0, 0]
    yesterday = today - timedelta(days=1)
    assert count_established({yesterday: {old.key_name}}, yesterday, 64500, record) == 0
    done = collect(world, out)
    assert done.proofs
    assert (done.proofs.new, done.proofs.known) == (0, 1)


def test_without_the_issuers_keys_all_is_as_ever(world: IssuerWorld, tmp_path: Path) -> None:
    volunteer = grown(world)
    volunteer.renew()
    done = collect(world, tmp_path / "out", volunteer.results, keys=False)
    assert (done.proofs, done.refused, done.taken) == (None, [], 1)
    record = read_vouched_names(tmp_path / "out")
    assert record
    assert {told.since for told in record.names.values()} == {world.clock.now.date()}


def test_a_proof_moves_no_beginning_of_a_record(world: IssuerWorld, tmp_path: Path) -> None:
    volunteer, out = grown(world), tmp_path / "out"
    volunteer.renew()
    collect(world, out, volunteer.results)
    record = read_vouched_names(out)
    assert record
    assert record.begin == world.clock.now.date()
    assert record.find(volunteer.key_name, 64500, world.clock.now.date())
    (out / VOUCHED_FILE).write_text("probe_id,since,asn,prefix\r\n"
                                    f"{volunteer.key_name},2026-12-03,64500,p1\r\nx,2026-11-01,,\r\n")
    record = read_vouched_names(out)
    assert record
    told = record.find(volunteer.key_name, 64500, world.clock.now.date())
    assert told
    assert (told.since, told.prefix, record.begin) == (date(2026, 11, 30), "p1", date(2026, 11, 1))


def test_names_of_two_months_and_two_volunteers_share_nothing(world: IssuerWorld) -> None:
    """All that the issuer and the inbox see, but for addresses and times: no value of one month comes again in another,
    and what was signed is none of what was asked to be signed."""
    volunteers = [grown(world, name) for name in "ab"]
    asked: list[dict[str, object]] = []
    exchange = world.issuer.exchange

    def note(request: ExchangeRequest) -> object:
        asked.append(msgspec.to_builtins(request))
        return exchange(request)

    world.issuer.exchange = note  # type: ignore[assignment, method-assign]
    for year, month in ((2026, 12), (2027, 1)):
        world.clock.go(year, month, 4)
        for volunteer in volunteers:
            volunteer.measure()
            volunteer.renew()
    shown: list[dict[str, object]] = [json.loads(path.read_bytes()) for path in world.proofs()]
    assert (len(asked), len(shown)) == (4, 4)
    values = [str(value) for one in (*asked, *shown) for name, value in one.items()
              if name not in ("month", "format", "asn", "coupon")]
    values += [str(request["coupon"][name]) for request in asked  # type: ignore[index]
               for name in ("serial", "prefix", "signature")]
    assert len(set(values)) == len(values) == 4 * (2 + 3) + 4 * 3
    assert len({str(one["probe_id"]) for one in shown}) == 4


def test_fresh_registrations_buy_no_age(world: IssuerWorld, tmp_path: Path) -> None:
    """Those made today have nothing today, nor within the next month, whatever they ask."""
    serials, count = [], 5
    for number in range(count):
        sybil = Volunteer(world=world, name=f"s{number}")
        sybil.renew()
        serials.append(read_wallet(world.digest, folder=sybil.state)[0].coupon)
    world.clock.go(2026, 11, 30)
    client = IssuerClient(UploadSettings(issuer=world.url), {})
    for number, coupon in enumerate(serials):
        assert coupon
        assert coupon.month == "2026-12"
        sybil = Volunteer(world=world, name=f"s{number}")
        sybil.measure()
        sybil.renew()
        waiting = begin_exchange(world.keys, "2026-11", sybil.key_name, 64500)
        with pytest.raises(RefusedError) as refused:
            client.exchange(make_request(coupon, waiting))
        assert refused.value.word == "month"
    assert world.proofs() == []
    done = collect(world, tmp_path / "out", *(world.home / f"s{number}" / "results" for number in range(count)))
    assert done.proofs
    assert done.proofs.new == 0


def test_registrations_of_a_day_are_counted(tmp_path: Path, keys: Path) -> None:
    with issuing(tmp_path / "world", keys, most_per_day=2) as world:
        volunteers = [Volunteer(world=world, name=name) for name in "abc"]
        for volunteer in volunteers:
            volunteer.renew()
        coupons = [read_wallet(world.digest, folder=one.state)[0].coupon is not None for one in volunteers]
        world.clock.now += timedelta(days=1)
        volunteers[-1].renew()
        assert coupons == [True, True, False]
        assert read_wallet(world.digest, folder=volunteers[-1].state)[0].coupon


# ---- what is forged, altered or shown twice

def test_what_proves_nothing_is_counted(world: IssuerWorld, tmp_path: Path, keys: Path) -> None:
    volunteer = grown(world)
    volunteer.renew()
    [path] = world.proofs()
    proof = read_proof(path)
    path.unlink()
    with issuing(tmp_path / "other", keys, number=2) as other:
        stranger = grown(other)
        stranger.renew()
        [forged] = [one.read_bytes() for one in other.proofs()]
    altered = [msgspec.structs.replace(proof, **change) for change in (
        {"probe_id": stranger.key_name}, {"asn": 64501}, {"month": "2026-11"}, {"prefix": "0" * 64},
        {"signature": "0" * 512}, {"probe_id": "laboratory"}, {"month": "2031-01"})]
    bad = [forged, *map(msgspec.json.encode, altered), b"", b"{", b"[" * 5000, b"\xff" * 100, b"x" * 3000]
    for number, content in enumerate(bad):
        write_proof(world, content, number)
    out = tmp_path / "out"
    done = collect(world, out, volunteer.results)
    assert done.proofs
    assert (done.proofs.new, sum(done.proofs.worthless.values())) == (0, len(bad))
    record = read_vouched_names(out)
    assert record
    assert record.find(stranger.key_name, 64500, world.clock.now.date()) is None
    assert record.find(volunteer.key_name, 64501, world.clock.now.date()) is None


def test_a_proof_of_another_month_is_worth_nothing(world: IssuerWorld, tmp_path: Path) -> None:
    """Whoever kept it back, and puts it under a name of this month."""
    volunteer = grown(world)
    volunteer.renew()
    [path] = world.proofs()
    content = path.read_bytes()
    world.clock.go(2027, 3)
    write_proof(world, content)
    done = collect(world, tmp_path / "out", volunteer.results)
    assert done.proofs
    assert (done.proofs.new, sum(done.proofs.worthless.values())) == (0, 1)


def test_a_coupon_is_spent_once_also_by_two_at_once(world: IssuerWorld) -> None:
    volunteer = grown(world)
    coupon = read_wallet(world.digest, folder=volunteer.state)[0].coupon
    assert coupon
    requests_ = [make_request(coupon, begin_exchange(world.keys, "2026-12", volunteer.key_name, 64500 + number))
                 for number in range(8)]
    got: list[object] = []
    ready = threading.Barrier(len(requests_))

    def ask(request: ExchangeRequest) -> None:
        ready.wait()
        try:
            got.append(world.issuer.exchange(request))
        except RefusedError as error:
            got.append(error.word)

    threads = [threading.Thread(target=ask, args=(one,)) for one in requests_]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got.count("spent") == len(requests_) - 1


def test_a_copied_installation_begins_anew(world: IssuerWorld) -> None:
    """Both copies hold the coupon; the second to spend it is refused, registers, and has waited for nothing."""
    one = grown(world)
    copy = Volunteer(world=world, name="copy")
    copy.state.mkdir(parents=True)
    for path in one.state.iterdir():
        (copy.state / path.name).write_bytes(path.read_bytes())
    copy.measure(64501)
    one.renew()
    assert len(world.proofs()) == 1
    copy.renew()
    assert len(world.proofs()) == 1
    copy.renew()
    wallet = read_wallet(world.digest, folder=copy.state)[0]
    assert wallet.coupon
    assert wallet.coupon.month == "2027-02"


def test_a_coupon_waits_for_who_was_away(world: IssuerWorld) -> None:
    volunteer = grown(world)
    world.clock.go(2027, 3)
    volunteer.measure()
    volunteer.renew()
    [path] = world.proofs()
    wallet = read_wallet(world.digest, folder=volunteer.state)[0]
    assert wallet.coupon
    assert (read_proof(path).month, wallet.coupon.month) == ("2027-03", "2027-04")


# ---- what breaks on the way

@pytest.mark.parametrize("later", [(2026, 12), (2027, 1)])
def test_a_lost_answer_loses_no_age(world: IssuerWorld, later: tuple[int, int]) -> None:
    volunteer = grown(world)
    with answering(lambda handler: handler.reply(500)) as broken:
        volunteer.renew(url=broken.url)  # its keys are kept since the registration
    [(_, _, _, body)] = broken.asked
    world.issuer.exchange(msgspec.json.decode(body, type=ExchangeRequest))  # it came through, the answer did not
    world.clock.go(*later, 4)
    volunteer.measure()
    volunteer.renew()
    wallet = read_wallet(world.digest, folder=volunteer.state)[0]
    assert wallet.coupon
    assert wallet.coupon.month == "2027-01"
    volunteer.renew()
    [path] = world.proofs()
    assert read_proof(path).month == f"{later[0]}-{later[1]:02}"


@pytest.mark.parametrize("content", [b"", b"{", b"\x00" * 100, b"[" * 100_000])
def test_a_torn_wallet_is_told_and_registers_anew(world: IssuerWorld, content: bytes) -> None:
    volunteer = grown(world)
    (volunteer.state / WALLET_FILE).write_bytes(content)
    assert len(volunteer.renew()) == 2
    wallet, was_lost = read_wallet(world.digest, folder=volunteer.state)
    assert wallet.coupon
    assert (was_lost, wallet.coupon.month) == (False, "2027-02")
    assert stat.S_IMODE((volunteer.state / WALLET_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("answer", [b"", b"{}", b"[" * 8000, b"\xff" * 100_000,
                                    b'{"signed":"%s"}' % (b"0" * 512), b'{"refused":"nothing"}'])
@pytest.mark.parametrize("status", [200, 302, 500])
def test_a_hostile_issuer_fails_nothing(world: IssuerWorld, answer: bytes, status: int) -> None:
    volunteer = Volunteer(world=world, name="a")
    volunteer.measure()

    def reply(handler) -> None:  # type: ignore[no-untyped-def]
        handler.reply(200, world.issuer.public) if handler.path == "/keys" else handler.reply(status, answer)

    with answering(reply) as hostile:
        assert len(volunteer.renew(url=hostile.url)) == 1
    assert read_wallet(world.digest, folder=volunteer.state)[0].coupon is None


def test_keys_that_nobody_else_was_told_of_are_not_taken(world: IssuerWorld) -> None:
    volunteer = Volunteer(world=world, name="a")
    volunteer.measure()
    assert len(volunteer.renew(digest="0" * 64)) == 1
    assert not (volunteer.state / WALLET_FILE).exists()
