"""What a person configured: one TOML file, read into frozen values, every mistake named with its path."""

from __future__ import annotations

import math
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from probe.catalogue.types import MatrixServer, check_agreement
from probe.config.destination import (
    PROXY_SCHEMES,
    find_collector_problem,
    find_plaintext_problem,
    find_server,
    find_upload_problem,
    redact_url,
)
from probe.config.folders import find_config_home
from probe.core.safe_files import open_own

_MOST_BYTES = 16 << 20
SEARCH_PATHS = ("$XDG_CONFIG_HOME/probe/probe.toml", "~/.config/probe/probe.toml", "/etc/probe/probe.toml")


class SettingsError(ValueError):
    """The configuration cannot be used; the text says where and why."""


class HelperSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A test helper that may be asked about failing endpoints."""

    id: str
    url: str
    address: str = ""
    asn: int = 0
    cc: str = ""
    agreed: str = ""
    """Date on which its operator agreed to be asked for foreign names, YYYY-MM-DD; empty: he did not."""

    def __post_init__(self) -> None:
        if not self.agreed:
            return
        if not (self.address and self.asn and self.cc):
            raise ValueError("a helper with `agreed` needs `address`, `asn` and `cc`")
        check_agreement(self.address, self.agreed)


class VantageSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the person says of the network."""

    cc: str = "ZZ"
    asn: int = 0
    network_type: str = "unknown"


class GeoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where country and network are looked up on this device, beside what is stated (`probe.config.geo`)."""

    lookup: bool = True
    """false: in no table, and rows say what is stated, or nothing."""
    files: tuple[str, ...] = ()
    """Files of one's own (.mmdb) in the place of the packaged table: of countries, of networks, or one of both."""


class RunSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How runs behave unless a flag says otherwise."""

    results: str = "results"
    catalogue: str = ""
    tier: int = 1
    consent_level: int = 1
    skip_services: tuple[str, ...] = ()
    pace_s: Annotated[float, msgspec.Meta(ge=0.2, le=60)] = 1.0
    """Between two new flows of a run that is not `--fast`, at most; shorter where the deadline asks for it."""
    deadline_s: Annotated[float, msgspec.Meta(ge=5, le=7200)] = 900.0
    """Of a run that is not `--fast`."""
    rotate: bool | None = None
    """Whether a schedule's runs take turns with the tiers beyond the core, while `tier` is 1; None: where the country's
    profile is open. False: every run takes all of the core, as one by hand does, and nothing else."""
    on_battery: Literal["run", "skip"] = "run"
    """What a schedule's run does while the device runs on its battery; with less than a fifth left it is skipped."""
    on_metered: Literal["core", "run", "skip"] = "core"
    """What it does on a line that is paid for by volume; core: no more than the core, and no transfers."""


class ConsentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the person agreed to, and when; `probe setup` writes it, `probe.config.consent.consent_check` reads it."""

    date: str
    text: int
    """Number of the consent text that was read."""
    level: int
    sends: tuple[str, ...] = ()
    """Words of `probe.core.tables.consent_words`."""
    to: tuple[str, ...] = ()
    """Helpers and servers of one's own choice that names may be sent to."""
    concerned: tuple[str, ...] = ()
    """Who else agreed, or is not there."""
    public_at: tuple[str, ...] = ()
    """Collectors to which measurements may be submitted, to be public for ever."""
    language: str = "en"
    """Of the text that was read: English, or a translation that a speaker had signed."""


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the results is kept; 0: no limit. What is past a limit goes after each run, the oldest first."""

    keep_days: Annotated[int, msgspec.Meta(ge=0)] = 0
    quota_mb: Annotated[int, msgspec.Meta(ge=0)] = 0


class UploadSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the tables of each run are sent; without `to` nowhere. Keys never stand here but in the URL's own login."""

    to: str = ""
    """s3://bucket/folder, gs://..., az://container/folder, https://... (PUT, as WebDAV has it) or file:///folder."""
    account: str = ""
    """az:// only: the storage account."""
    region: str = ""
    endpoint: str = ""
    """s3:// only: the server, where it is not Amazon's."""
    credentials: str = ""
    """A TOML file with keys, which nobody but its owner can read."""
    proxy: str = ""
    """Instead of the environment's `*_PROXY`."""
    ca_file: str = ""
    """Certificates (PEM) to trust besides, for a server of one's own."""
    encrypt_to: str = ""
    """Public key of age (age1...) of whoever may read results; empty: whoever runs the place may."""
    issuer: str = ""
    """URL of the issuer of proofs of age, on the same server as `to` (docs/upload.md); empty: none is got."""
    issuer_keys: str = ""
    """SHA-256 of the issuer's public keys, the same for all volunteers."""

    @property
    def place(self) -> str:
        """Where results go, without passwords, as it is shown and agreed to; empty: nowhere."""
        if not self.to:
            return ""
        server = redact_url(self.endpoint) if self.endpoint else self.account
        return redact_url(self.to) + (f" at {server}" if server else "")


class SubmitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where measurements may be submitted by hand, to be public for ever; without `collector` nowhere."""

    collector: str = ""
    """https:// URL of a server that takes reports as OONI's collectors do; none is built in."""

    @property
    def place(self) -> str:
        """The collector written one way, as it is shown and agreed to; empty: none."""
        return redact_url(self.collector) if self.collector else ""


class FingerprintSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lists of known answers that the person fetched (`probe.catalogue.fingerprint_lists` tells the forms)."""

    files: tuple[str, ...] = ()


class UpdateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where signed lists of targets come from (`probe.upkeep.updates`); none is built in."""

    url: str = ""
    """Of the list, with its signature beside it; a path for one that is brought by hand."""
    key: str = ""
    """Whose signatures are taken: a public key as minisign writes it."""
    each_run: bool = False
    """Whether its signature is asked for before each run instead of once a day, so that a stop is obeyed at once."""


class FeedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signed control feed (`docs/feed.md`); none is built in."""

    urls: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=8)]
    """Where it lies, its signature beside it: mirrors, asked in this order until one has a fresh one; or paths."""
    key: str
    """Whose signature is taken: a public key as minisign writes it."""


class PublicControlSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Public networks that may be asked about what failed here; off until somebody agrees to it (`docs/feed.md`)."""

    globalping: bool = False
    """Whether runs ask Globalping themselves; it sees the address here together with what fails."""
    ooni_helpers: bool = False
    """Whether runs ask OONI's public helpers, which see the same."""
    globalping_token_file: str = ""
    """A file with a token, which nobody but its owner can read; `PROBE_GLOBALPING_TOKEN` of the environment goes first.
    Runs need none; making a feed does."""
    ooni_helper_addresses: tuple[str, ...] = ()
    """URLs in the place of the list that came with the program."""
    globalping_leave: str = ""
    """The date of Globalping's written leave to make a feed of it (`probe feed --with globalping`)."""
    globalping_url: str = ""
    """Another server that speaks the same; empty: the public one."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration."""

    vantage: VantageSettings = VantageSettings()
    geo: GeoSettings = GeoSettings()
    run: RunSettings = RunSettings()
    store: StoreSettings = StoreSettings()
    consent: ConsentSettings | None = None
    fingerprints: FingerprintSettings = FingerprintSettings()
    upload: UploadSettings = UploadSettings()
    submit: SubmitSettings = SubmitSettings()
    update: UpdateSettings = UpdateSettings()
    feed: Annotated[tuple[FeedSettings, ...], msgspec.Meta(max_length=16)] = ()
    public_controls: PublicControlSettings = PublicControlSettings()
    helper: tuple[HelperSettings, ...] = ()
    matrix_server: tuple[MatrixServer, ...] = ()
    path: str = ""


def load_settings(path: str | None = None) -> Settings:
    """Read `path`, else `$PROBE_CONFIG`, else the first of `SEARCH_PATHS` that exists, else the defaults.

    Raises SettingsError for a file that was named and cannot be read, or that holds what it should not.
    """
    named = path or os.environ.get("PROBE_CONFIG", "")
    file = Path(named).expanduser() if named else _find_settings_file()
    if file is None:
        return Settings()
    try:
        raw = read_toml(file)
        if "path" in raw:
            raise SettingsError(f"{file}: path: is not a setting")
        read = msgspec.convert(raw, Settings)
        if why := check_upload_settings(read.upload) or check_submit_settings(read.submit):
            raise SettingsError(f"{file}: {why}")
        vantage = msgspec.structs.replace(read.vantage, cc=read.vantage.cc.upper())
        return msgspec.structs.replace(read, vantage=vantage, path=str(file))
    except msgspec.ValidationError as error:
        raise SettingsError(f"{file}: {error}") from None


def check_upload_settings(upload: UploadSettings) -> str:
    """What is wrong with the settings of an upload; empty when nothing is. Never repeats a URL: it may hold a key."""
    scheme = upload.to.partition("://")[0]
    if not upload.to:
        return ""
    if why := find_upload_problem(upload.to):
        return f"upload.to {why}"
    if upload.endpoint and (scheme != "s3" or find_upload_problem(upload.endpoint)
                            or not upload.endpoint.startswith("http")):
        return "upload.endpoint must be the https:// URL of a server, and upload.to begin with s3://"
    if upload.endpoint and (why := find_plaintext_problem(upload.endpoint)):
        return f"upload.endpoint {why}"
    if bool(upload.account) != (scheme == "az") or (upload.account and not upload.account.isalnum()):
        return "upload.account must name the storage account where upload.to begins with az://, and only there"
    if upload.region and (scheme != "s3" or not re.fullmatch(r"[A-Za-z0-9-]{1,40}", upload.region)):
        return "upload.region must be a name such as eu-central-1, and upload.to begin with s3://"
    if upload.encrypt_to and not re.fullmatch(r"age1[a-z0-9]{58}", upload.encrypt_to):
        return "upload.encrypt_to must be a public key of age: one word that begins with age1"
    if upload.proxy and upload.proxy.partition("://")[0] not in PROXY_SCHEMES:
        return f"upload.proxy must begin with {', '.join(f'{name}://' for name in PROXY_SCHEMES)}"
    return _check_issuer(upload)


def _check_issuer(upload: UploadSettings) -> str:
    """What is wrong with the issuer's settings. It is on the server that gets the results: nobody else learns more."""
    if not upload.issuer and not upload.issuer_keys:
        return ""
    if not upload.issuer or not re.fullmatch(r"[0-9a-f]{64}", upload.issuer_keys):
        return "upload.issuer and upload.issuer_keys go together: a URL, and 64 hexadecimal digits of its operator"
    if why := find_upload_problem(upload.issuer):
        return f"upload.issuer {why}"
    if not upload.to.startswith("http") or find_server(upload.issuer) != find_server(upload.to):
        return "upload.issuer must be on the very server to which upload.to leads, by https"
    return ""


def check_submit_settings(submit: SubmitSettings) -> str:
    """What is wrong with the collector; empty when nothing is. Never repeats the URL."""
    why = find_collector_problem(submit.collector) if submit.collector else ""
    return f"submit.collector {why}" if why else ""


def read_toml(file: Path) -> dict[str, Any]:
    """What a file of TOML holds. Raises SettingsError for one that cannot be read or is none."""
    try:
        with open_own(file) as handle:
            return tomllib.loads(handle.read(_MOST_BYTES).decode("utf-8"), parse_float=_read_number)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: is no TOML: {error}") from None


def _read_number(text: str) -> float:
    """TOML has `nan` and `inf`, and no setting means either. Raises TOMLDecodeError."""
    number = float(text)
    if not math.isfinite(number):
        raise tomllib.TOMLDecodeError(f"{text} is no finite number")
    return number


def choose_results_folder(settings: Settings, given: Path | None = None) -> Path:
    """The folder that was given, else the configured one; `~` is the person's home in both."""
    return (given or Path(settings.run.results)).expanduser()


def find_usual_file() -> Path:
    """Where a person's own configuration belongs, whether it is there or not."""
    return _expand_user(SEARCH_PATHS[0])


def _find_settings_file() -> Path | None:
    return next((file for file in map(_expand_user, SEARCH_PATHS) if file.is_file()), None)


def _expand_user(candidate: str) -> Path:
    return Path(candidate.replace("$XDG_CONFIG_HOME", str(find_config_home()))).expanduser()
