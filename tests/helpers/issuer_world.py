"""An issuer on loopback whose clock a test sets, and volunteers who live through months beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from probe.config.month_key import read_month_key
from probe.config.settings import UploadSettings
from probe.store.runs.run_writer import write_run
from probe.store.signing.age_proofs import IssuerKeys, digest_issuer_keys, read_issuer_keys
from probe.upkeep.upload.age_renewal import RenewalTerms, renew_age
from probe.upkeep.upload.folder_upload import FolderSender
from probe.upkeep.upload.issuer_client import IssuerClient
from probe_operate.issuer.issuer_secret import IssuerSecret, make_issuer_secret, read_issuer_secret
from probe_operate.issuer.issuer_server import IssuerServer
from probe_operate.issuer.issuing import Issuer
from probe_operate.issuer.ledger import Ledger
from signed_runs import named
from stored import a_result

FIRST, MONTHS = "2026-10", 8


@cache
def _secret_bytes(home: Path, number: int, first: str) -> bytes:
    path = home / f"issuer-{number}-{first}.key"
    make_issuer_secret(path, first=first, months=MONTHS)
    return path.read_bytes()


@dataclass(kw_only=True)
class Clock:
    """The one time of a world."""

    now: datetime = datetime(2026, 10, 5, 12, tzinfo=UTC)

    def go(self, year: int, month: int, day: int = 3) -> None:
        self.now = datetime(year, month, day, 12, tzinfo=UTC)


@dataclass(kw_only=True)
class IssuerWorld:
    """An issuer, its clock, and the inbox beside it."""

    home: Path
    secret: IssuerSecret
    url: str
    clock: Clock
    issuer: Issuer

    @property
    def keys(self) -> IssuerKeys:
        return read_issuer_keys(self.issuer.public)

    @property
    def digest(self) -> str:
        return digest_issuer_keys(self.issuer.public)

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    def proofs(self) -> list[Path]:
        return sorted((self.inbox / "proofs").glob("*"))


@dataclass(kw_only=True)
class Volunteer:
    """An installation with a state and results of its own."""

    world: IssuerWorld
    name: str

    @property
    def state(self) -> Path:
        return self.world.home / self.name / "state" / "probe"

    @property
    def results(self) -> Path:
        return self.world.home / self.name / "results"

    @property
    def key_name(self) -> str:
        """What it is called this month."""
        key = read_month_key(f"{self.world.clock.now:%Y-%m}", folder=self.state)
        assert key
        return key.name

    def measure(self, asn: int = 64500) -> None:
        """A signed run, now."""
        now = self.world.clock.now
        key = read_month_key(f"{now:%Y-%m}", folder=self.state)
        assert key
        result = a_result(f"r-{self.name}-{now:%Y%m%d}-{asn}", f"{now:%Y-%m-%dT%H:%M:%SZ}")
        result = replace(result, run=replace(result.run, vantage=replace(result.run.vantage, probe_asn=asn)))
        write_run(named(result, key=key), self.results, parquet=False, signer=key)

    def renew(self, *, url: str = "", digest: str = "") -> list[str]:
        """What happens before an upload; what is told of it."""
        place = f"file://{self.world.inbox}"
        client = IssuerClient(UploadSettings(to=place, issuer=url or self.world.url), {})
        return renew_age(RenewalTerms(
            client=client, digest=digest or self.world.digest, results=self.results,
            sender=FolderSender(place, self.results), now=self.world.clock.now, folder=self.state))


@contextmanager
def issuing(home: Path, keys: Path, *, number: int = 1, first: str = FIRST,
            most_per_day: int = 200) -> Iterator[IssuerWorld]:
    """A world, while the block runs. `keys`: a folder in which keys are made once; `number`: whose; `first`: of
    which month on."""
    clock = Clock()
    (home / "inbox").mkdir(parents=True)
    secret_file = home / "issuer.key"
    secret_file.write_bytes(_secret_bytes(keys, number, first))
    secret_file.chmod(0o600)
    secret, ledger = read_issuer_secret(secret_file), Ledger(home / "issuer" / "spent.sqlite")
    issuer = Issuer(secret, ledger, most_per_day=most_per_day, get_now=lambda: clock.now)
    server = IssuerServer("127.0.0.1", 0, issuer)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield IssuerWorld(home=home, secret=secret, url=f"http://127.0.0.1:{server.server_port}", clock=clock,
                          issuer=issuer)
    finally:
        server.shutdown()
        server.server_close()
        ledger.close()


def grown(world: IssuerWorld, name: str = "a", *, asn: int = 64500) -> Volunteer:
    """A volunteer who registered in October; now it is December, and a first run was made."""
    volunteer = Volunteer(world=world, name=name)
    world.clock.go(2026, 10)
    volunteer.renew()
    world.clock.go(2026, 12)
    volunteer.measure(asn)
    return volunteer
