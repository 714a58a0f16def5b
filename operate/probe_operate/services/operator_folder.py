"""Writes an operator's folder: keys once, and everything else anew, so that writing it again is how it is upgraded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from probe.config.consent.operator_sheet import (
    OperatorSheet,
    SheetFeed,
    SheetIssuer,
    SheetLists,
    check_sheet,
    make_link,
)
from probe.config.settings import SettingsError
from probe.store.files.atomic import make_folder, replace_file, translate_os_errors
from probe.store.signing.age_proofs import digest_issuer_keys
from probe_operate.issuer.issuer_secret import make_issuer_secret, read_issuer_secret
from probe_operate.lists.signing import find_public_key_path, make_key
from probe_operate.receiving.logins import draw_password, make_login, read_logins, write_logins
from probe_operate.services.compose_file import make_compose
from probe_operate.services.operator_choices import (
    FILE_NAME,
    ISSUER_KEY,
    ISSUER_KEYS,
    STATE_FOLDERS,
    OperatorChoices,
    OperatorFolder,
)
from probe_operate.services.operator_steps import ALERTS
from probe_operate.services.operator_units import USER, make_units
from probe_operate.services.volunteer_page import make_page, make_text
from probe_operate.services.web_server import ISSUER_PATH, UPLOAD_USER, make_web_configuration

COMMON_SHARES = 50
"""What all who have the common sheet may send together: so many times one volunteer's share."""
_POLICY = """\
# What is asked of runs, by country; ["*"] is for all. It is out within ten minutes, and obeyed at each next run.
#   ["*"]
#   stop = ["signal"]                # services that nobody measures any more
#   [XX]
#   pause = "measurers were arrested there on 2026-11-20"
"""


def write_operator_folder(choices: OperatorChoices, folder: OperatorFolder, command: Sequence[str]) -> None:
    """Everything but the volunteers' sheet. Keys and policies that are there stay. Raises StoreError."""
    for path in (folder.root, folder.keys, folder.config, *(folder.state / name for name in STATE_FOLDERS),
                 folder.state / "own", folder.partly, folder.public / "feeds", folder.public / "lists",
                 folder.public / "site"):
        make_folder(path)
    for name in ("feed", "crowd", "list"):
        if not (folder.keys / f"{name}.key").exists():
            make_key(folder.keys / f"{name}.key")
    _write_logins(folder)
    if not (folder.keys / ALERTS).exists():
        replace_file(folder.keys / ALERTS, b"")
    if choices.issuer:
        _write_issuer(folder)
    replace_file(folder.root / FILE_NAME, _format_choices(choices).encode())
    if not (folder.config / "policy.toml").exists():
        replace_file(folder.config / "policy.toml", _POLICY.encode())
    replace_file(folder.config / "nginx.conf", make_web_configuration(choices, folder).encode())
    for name, text in make_units(choices, folder, command).items():
        replace_file(folder.root / "systemd" / name, text.encode())
    replace_file(folder.root / "compose.yaml", make_compose(choices, folder, uid=os.getuid(), gid=os.getgid()).encode())
    lines = _list_install_lines(choices, folder)
    replace_file(folder.root / "install.sh", "".join(f"{line}\n" for line in lines).encode())


def explain_lacking_sheet(choices: OperatorChoices) -> str:
    """Why no sheet may be made; empty when one may."""
    lacking = [f"{name} ({what})" for name, value, what in (
        ("--operator", choices.operator, "who you are, to volunteers"),
        ("--contact", choices.contact, "who is told when something happens to a volunteer, and how"),
        ("--reviewed", choices.reviewed, "who has reviewed the risks to volunteers, and when")) if len(value) < 3]
    return f"No sheet for volunteers was made. It needs {'; '.join(lacking)}." if lacking else ""


def make_sheet(choices: OperatorChoices, folder: OperatorFolder, *, today: date,
               login: tuple[str, str] | None = None) -> OperatorSheet:
    """The sheet of these choices and keys; `login`: another one than that of all. Raises SettingsError."""
    if why := explain_lacking_sheet(choices):
        raise SettingsError(why)
    user, password = login or (UPLOAD_USER, _read_password(folder))
    feeds = tuple(SheetFeed(key=_read_public(folder, name), urls=(f"https://{choices.host}/feeds/{file_name}.json",))
                  for name, file_name in (("feed", choices.vantage), ("crowd", "crowd")))
    sheet = OperatorSheet(
        format=1, operator=choices.operator, contact=choices.contact, reviewed=choices.reviewed, date=today,
        upload_to=f"https://{user}:{password}@{choices.host}/inbox", feeds=feeds,
        encrypt_to=choices.encrypt_to,
        helpers=(f"https://{choices.host}/helper",), issuer=_make_sheet_issuer(choices, folder),
        lists=SheetLists(key=_read_public(folder, "list"), url=f"https://{choices.host}/lists/list.json",
                         each_run=True))
    if why := check_sheet(sheet):
        raise SettingsError(f"this sheet {why}")
    return sheet


def _make_sheet_issuer(choices: OperatorChoices, folder: OperatorFolder) -> SheetIssuer | None:
    if not choices.issuer:
        return None
    path = folder.config / ISSUER_KEYS
    with translate_os_errors(path):
        digest = digest_issuer_keys(path.read_bytes())
    return SheetIssuer(url=f"https://{choices.host}{ISSUER_PATH}", keys=digest)


def write_sheet(sheet: OperatorSheet, choices: OperatorChoices, folder: OperatorFolder, *,
                name: str = "") -> Iterator[Path]:
    """Write it in its forms; their paths. `name`: of the login whose sheet it is, which is not made public; empty: of
    all. Raises StoreError, and SettingsError where the code cannot be drawn."""
    link, home = make_link(sheet, choices.host), folder.root / "volunteers" / name
    page = make_page(sheet, link)
    public = () if name else ((folder.public / "join.html", page.encode()),)
    for path, content in ((home / "sheet.html", page.encode()), *public,
                          (home / "sheet.toml", _as_toml(sheet).encode()),
                          (home / "sheet.txt", make_text(sheet, link).encode())):
        replace_file(path, content)
        yield path


def _format_choices(choices: OperatorChoices) -> str:
    head = "# What `probe operate init` writes everything else by; after a change here call it again.\n"
    return head + _as_toml(choices)


def _as_toml(value: msgspec.Struct) -> str:
    from tomlkit import dumps

    return dumps(msgspec.to_builtins(value, builtin_types=(date,)))


def _write_logins(folder: OperatorFolder) -> None:
    """The login of the common sheet, once; those that are there stay. Raises StoreError."""
    if not _password_path(folder).exists():
        replace_file(_password_path(folder), draw_password().encode())
    logins, password = read_logins(folder.logins) if folder.logins.exists() else {}, _read_password(folder)
    if UPLOAD_USER not in logins or not logins[UPLOAD_USER].fits(password):
        logins[UPLOAD_USER] = make_login(UPLOAD_USER, password, shares=COMMON_SHARES)
        write_logins(folder.logins, logins.values())
    (folder.keys / "passwords").unlink(missing_ok=True)  # where earlier versions had the one login


def _write_issuer(folder: OperatorFolder) -> None:
    """Its keys, once, for years; and the public ones, which services and volunteers read. Raises StoreError,
    SettingsError."""
    make_folder(folder.ledger.parent)
    path = folder.keys / ISSUER_KEY
    if not path.exists():
        make_issuer_secret(path, first=f"{datetime.now(UTC):%Y-%m}")
    replace_file(folder.config / ISSUER_KEYS, read_issuer_secret(path).describe_public())


def _list_install_lines(choices: OperatorChoices, folder: OperatorFolder) -> Iterator[str]:
    yield from (
        "#!/bin/sh",
        "# Written by `probe operate init`. As root: makes the services' user, installs their units and starts them.",
        "# After an upgrade the same.",
        "set -eu",
        f"id -u {USER} >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin {USER}",
        f"chown -R root:root {folder.keys}",
        f"chmod -R go-rwx {folder.keys}",
        f"chown -R {USER}:{USER} {folder.state}",
        f"chown -R root:{USER} {folder.config} {folder.root / FILE_NAME}",
        f"chmod -R u=rwX,g=rX,o= {folder.config} {folder.root / FILE_NAME}",
        f"chmod 755 {folder.root}",
        f"install -m 0644 {folder.root}/systemd/* /etc/systemd/system/",
        "systemctl daemon-reload",
        f"for unit in {folder.root}/systemd/*.timer {folder.root}/systemd/{USER}-web.service "
        f"{folder.root}/systemd/{USER}-helper.service {folder.root}/systemd/{USER}-feed.service "
        f"{folder.root}/systemd/{USER}-inbox.service"
        f"{f' {folder.root}/systemd/{USER}-issuer.service' if choices.issuer else ''}"
        f"{f' {folder.root}/systemd/{USER}-origins.service' if choices.knows_origins else ''}; do",
        '  systemctl enable "$(basename "$unit")"',
        '  systemctl restart "$(basename "$unit")"',
        "done",
    )


def _password_path(folder: OperatorFolder) -> Path:
    return folder.keys / "upload-password"


def _read_password(folder: OperatorFolder) -> str:
    with translate_os_errors(_password_path(folder)):
        return _password_path(folder).read_text(encoding="ascii").strip()


def _read_public(folder: OperatorFolder, name: str) -> str:
    """The key that volunteers have in their configuration: the first one, where it handed over to others since."""
    root = folder.keys / f"{name}-root.pub"
    path = root if root.exists() else find_public_key_path(folder.keys / f"{name}.key")
    with translate_os_errors(path):
        return path.read_text(encoding="ascii").splitlines()[-1]
