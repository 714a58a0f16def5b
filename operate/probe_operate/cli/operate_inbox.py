"""`probe operate inbox` and `probe operate volunteer`: the service that takes uploads, and the logins for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from probe.config.settings import SettingsError
from probe.core.addresses import bracket_host
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, translate_os_errors
from probe_operate.receiving.logins import MOST_SHARES
from probe_operate.receiving.shares import ShareLimits
from probe_operate.services.operator_choices import find_folder, read_choices
from probe_operate.services.web_server import INBOX_PATH, UPLOAD_USER

_USUAL = ShareLimits()
_LEAST_FREE_MB = 1000


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--logins", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Who may upload, as `probe operate init` and `probe operate volunteer` write it.")
@click.option("--issuer-keys", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Public keys of the issuer: who has its proof needs no login.")
@click.option("--listen", "listen_at", default="127.0.0.1:8083", show_default=True, metavar="ADDR:PORT",
              help="A loopback address; a web server in front speaks TLS.")
@click.option("--mb-per-day", type=click.IntRange(1), default=_USUAL.bytes_per_day // 10**6, show_default=True,
              help="What one volunteer may send in a day (UTC).")
@click.option("--files-per-day", type=click.IntRange(1), default=_USUAL.files_per_day, show_default=True)
@click.option("--mb", type=click.IntRange(1), default=_USUAL.bytes // 10**6, show_default=True,
              help="What may lie in DIR of one volunteer.")
@click.option("--files", type=click.IntRange(1), default=_USUAL.files, show_default=True)
@click.option("--least-free-mb", type=click.IntRange(0), default=_LEAST_FREE_MB, show_default=True,
              help="What stays free on the disk of DIR.")
def inbox(directory: Path, logins: Path, issuer_keys: Path | None, listen_at: str, mb_per_day: int, files_per_day: int,
          mb: int, files: int, least_free_mb: int) -> None:
    """Take volunteers' uploads into DIR. What the inbox accepted is on the disk, and nobody can change or read it.

    Each login has a folder and a share of its own: a volunteer who sends too much stops nobody else. Without a login
    upload those for whose name of the month the issuer signed a proof; each such name has a share.

    \b
    Examples:
      probe operate inbox /srv/reachability/state/inbox --logins /srv/reachability/config/logins
    """
    from probe.controls.helper_protocol import split_address
    from probe.store.signing.age_proofs import AgeError, read_issuer_keys
    from probe_operate.receiving.inbox_server import make_inbox_desk, open_inbox_server

    limits = ShareLimits(bytes_per_day=mb_per_day * 10**6, files_per_day=files_per_day, bytes=mb * 10**6, files=files)
    try:
        keys = None
        if issuer_keys:
            with translate_os_errors(issuer_keys):
                keys = read_issuer_keys(issuer_keys.read_bytes())
        desk = make_inbox_desk(directory.absolute(), logins, limits, prefix=INBOX_PATH,
                               least_free_bytes=least_free_mb * 10**6, issuer=keys)
        address, port = split_address(listen_at)
        server, sock = open_inbox_server(desk, address, port)
    except (StoreError, AgeError) as error:
        raise click.ClickException(visible(str(error))) from None
    except ValueError as error:
        raise click.UsageError(f"--listen: {error}") from None
    except OSError as error:
        raise click.ClickException(f"cannot listen on {listen_at}: {error.strerror or error}") from None
    click.echo(f"listening on http://{bracket_host(address)}:{sock.getsockname()[1]}{INBOX_PATH}")
    with sock:
        server.run(sockets=[sock])


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.argument("name", metavar="NAME")
@click.option("--shares", type=click.IntRange(1, MOST_SHARES), default=1, show_default=True,
              help="How many volunteers will use the login: so many times it has one volunteer's share.")
@click.option("--remove", is_flag=True, help="Take the login away. What was sent with it stays.")
def volunteer(directory: Path, name: str, shares: int, remove: bool) -> None:
    """Make a login of its own for a volunteer or a group, with a sheet, or take one away. It counts at once.

    With the login of the common sheet, all volunteers use one share of the inbox, and one of them can use it up. A
    login of its own prevents this. But it shows you which uploads come from the same person.

    \b
    Examples:
      probe operate volunteer /srv/reachability group-a --shares 20
      probe operate volunteer /srv/reachability group-a --remove
    """
    from probe_operate.receiving.logins import draw_password, make_login, read_logins, write_logins
    from probe_operate.services.operator_folder import explain_lacking_sheet, make_sheet, write_sheet

    try:
        folder = find_folder(directory)
        choices = read_choices(folder)
        logins = read_logins(folder.logins)
        if remove:
            if name == UPLOAD_USER or logins.pop(name, None) is None:
                raise SettingsError(f"there is no login {name} that could be taken away")
            write_logins(folder.logins, logins.values())
            click.echo(f"{name} uploads no more.")
            return
        if name in logins:
            raise SettingsError(f"there is a login {name} already")
        if why := explain_lacking_sheet(choices):
            raise SettingsError(why)
        password = draw_password()
        sheet = make_sheet(choices, folder, today=datetime.now(UTC).date(), login=(name, password))
        write_logins(folder.logins, (*logins.values(), make_login(name, password, shares=shares)))
        for path in write_sheet(sheet, choices, folder, name=name):
            click.echo(f"  for {name}: {path}")
    except ValueError as error:  # SettingsError is one
        raise click.ClickException(visible(str(error))) from None
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from None
