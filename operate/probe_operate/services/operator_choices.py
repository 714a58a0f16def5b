"""What an operator chose: one file in his folder, by which everything else in it is written. And where things lie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from probe.config.settings import SettingsError, read_toml

FILE_NAME = "operator.toml"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}\Z")
_HOST = re.compile(r"(?=.{4,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+\Z")

_Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class OperatorChoices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it. Empty texts were not said."""

    host: str
    """Name of the server, as volunteers reach it by https."""
    operator: str = ""
    contact: str = ""
    """Who is told of incidents, and how."""
    reviewed: str = ""
    """Who has reviewed the risks to volunteers, and when."""
    vantage: str = "vantage-1"
    """Name of this machine's control feed."""
    certificate: str = ""
    """PEM files for the web server; empty: another server in front speaks TLS, and ours listens on loopback alone."""
    key: str = ""
    encrypt_to: Annotated[str, msgspec.Meta(pattern=r"^(age1[a-z0-9]{58})?\Z")] = ""
    """Public key of age to which volunteers encrypt what they send; its identity is then in keys/age.key."""
    issuer: bool = False
    """Whether volunteers may prove that they are not new (`probe issuer`)."""
    origins: bool = True
    """Whether it is written down from which network each upload came, where that can be known."""
    client_header: str = ""
    """Without a certificate: the header in which the server in front puts who asks."""
    web_port: _Port = 443
    """Of the web server; on loopback where it has no certificate."""
    health_port: _Port = 8081
    helper_port: _Port = 8080
    metrics_port: _Port = 9099
    issuer_port: _Port = 8082
    inbox_port: _Port = 8083
    stage_percent: Annotated[int, msgspec.Meta(ge=1, le=99)] = 10
    """How many of 100 volunteers take config/targets-next.csv, where it is there."""
    lab: bool = False
    """Whether it is a rehearsal, with the laboratory's rows and no others."""

    @property
    def knows_origins(self) -> bool:
        """Whether origins are written down: behind a server that does not tell who asks there is nothing to write."""
        return self.origins and bool(self.certificate or self.client_header)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorFolder:
    """Where things lie in an operator's folder."""

    root: Path

    @property
    def keys(self) -> Path:
        """Secrets, for the operator and root alone."""
        return self.root / "keys"

    @property
    def config(self) -> Path:
        """What services read."""
        return self.root / "config"

    @property
    def state(self) -> Path:
        """What services write."""
        return self.root / "state"

    @property
    def inbox(self) -> Path:
        """What volunteers upload."""
        return self.state / "inbox"

    @property
    def partly(self) -> Path:
        """Uploads that are not whole yet, on the inbox's file system."""
        return self.state / "inbox-partly"

    @property
    def logins(self) -> Path:
        """Who may upload."""
        return self.config / "logins"

    @property
    def ledger(self) -> Path:
        """What the issuer has taken; coupons could be spent again without it."""
        return self.state / "issuer" / "spent.sqlite"

    @property
    def origins(self) -> Path:
        """From which network each upload came."""
        return self.state / "origins"

    @property
    def collected(self) -> Path:
        """Their runs, checked."""
        return self.state / "collected"

    @property
    def analysis(self) -> Path:
        """What was found in them."""
        return self.state / "analysis"

    @property
    def public(self) -> Path:
        """What the web server shows: feeds, lists, site."""
        return self.state / "public"

    @property
    def figures(self) -> Path:
        """Text files for Prometheus' node_exporter, and the page of the fleet's health."""
        return self.state / "figures"

    @property
    def backup(self) -> Path:
        """Archives of keys and configuration."""
        return self.state / "backup"


ISSUER_KEY = "issuer.key"
ISSUER_KEYS = "issuer.json"
"""In `config`: the issuer's public keys."""
STATE_FOLDERS = ("inbox", "origins", "collected", "analysis", "public", "figures", "backup")
"""Below `state`."""
_KEYS = ("feed.key", "crowd.key", "list.key", "upload-password", "alerts")


def list_keys(choices: OperatorChoices) -> tuple[str, ...]:
    """The files in `keys` that services need, and without which a lost machine's backup could not be used: the identity
    too that opens what volunteers sealed."""
    return (*_KEYS, *(["age.key"] if choices.encrypt_to else []), *([ISSUER_KEY] if choices.issuer else []))


def read_choices(folder: OperatorFolder) -> OperatorChoices:
    """What stands in the folder. Raises SettingsError where nothing does, or what cannot be used."""
    path = folder.root / FILE_NAME
    try:
        choices = msgspec.convert(read_toml(path), OperatorChoices)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from None
    if why := check_choices(choices):
        raise SettingsError(f"{path}: {why}")
    return choices


def check_choices(choices: OperatorChoices) -> str:
    """What cannot be; empty when all can. Words of it go into configurations of others: none may say more there."""
    if not _HOST.match(choices.host):
        return f"host {choices.host!r} is no full name of a server, such as probe.example.org, in small letters"
    if not _NAME.match(choices.vantage):
        return f"vantage {choices.vantage!r} is no name: small letters, digits and dashes"
    if bool(choices.certificate) != bool(choices.key):
        return "certificate and key go together"
    if choices.client_header and (choices.certificate or not _HEADER.match(choices.client_header)):
        return "client_header is the name of a header, such as X-Forwarded-For, where there is no certificate"
    if any(path and (not path.startswith("/") or re.search(r"[\s\"'\\;{}$%#:]", path))
           for path in (choices.certificate, choices.key)):
        return "certificate and key are whole paths, without blanks and signs that configurations give a meaning"
    if any(not text.isprintable() or len(text) > 300 for text in (choices.operator, choices.contact, choices.reviewed)):
        return "operator, contact and reviewed are single lines of 300 characters at most"
    ports = (choices.web_port, choices.health_port, choices.helper_port, choices.metrics_port, choices.issuer_port,
             choices.inbox_port)
    return "each port serves one thing" if len(set(ports)) < len(ports) else ""


def find_folder(root: Path) -> OperatorFolder:
    """The folder by its whole path. Raises SettingsError for one that cannot stand in configurations."""
    path = root.expanduser().absolute()
    if re.search(r"[\s\"'\\;{}$%#:]", str(path)):
        raise SettingsError(f"{path}: has blanks or signs that configurations give a meaning: choose another folder")
    return OperatorFolder(root=path)
