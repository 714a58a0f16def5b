"""`probe issuer`: lets volunteers prove without a name that they are not new; stands beside their inbox."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import click

from probe.config.settings import SettingsError
from probe.core.addresses import bracket_host
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.output_option import output_option
from probe.upkeep.commands.progress_bar import show_progress
from probe_operate.issuer.issuer_secret import MONTHS
from probe_operate.issuer.issuing import MOST_PER_DAY


@click.group()
def issuer() -> None:
    """Register volunteers, and later sign proofs that a volunteer registered at least a month ago. Nobody can link a
    proof to a volunteer, or two proofs to each other.

    Each volunteer's probe gets a new name every month. So a new name does not show whether the volunteer is new. The
    issuer's proof shows that the volunteer registered at least one whole calendar month ago.

    A proof does not say which volunteer registered. docs/threats.md says which attacks such proofs stop.
    """


@issuer.command()
@output_option("file", "File for the secret keys; the public ones go beside it.", required=True)
@click.option("--months", type=click.IntRange(3, 120), default=MONTHS, show_default=True,
              help="Number of months, from this one on. After them, every volunteer counts as new again.")
def make(out: Path, months: int) -> None:
    """Make the keys of an issuer, for years ahead, so that all volunteers know the same ones from the beginning.

    \b
    Examples:
      probe issuer make -o issuer.key
    """
    from probe.store.signing.age_proofs import digest_issuer_keys
    from probe_operate.issuer.issuer_secret import make_issuer_secret

    try:
        with show_progress("Making keys") as progress:
            public = make_issuer_secret(out.absolute(), first=f"{datetime.now(UTC):%Y-%m}", months=months,
                                        progress=progress)
        digest = digest_issuer_keys(public.read_bytes())
    except (SettingsError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from None
    click.echo(f"Written: {out} (keep a copy; without it everybody's age begins anew) and {public}\n"
               f"Volunteers need, in [upload] of their configuration:\n"
               f"  issuer = \"https://your server/issuer\"\n  issuer_keys = \"{digest}\"\n"
               f"and you: probe collect ... --issuer-keys {public}")


@issuer.command()
@click.option("--key", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE",
              help="The secret keys.")
@click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE",
              help="File that lists the spent coupons; made if it is missing. Back it up with the keys.")
@click.option("--listen", "listen_at", default="127.0.0.1:8082", show_default=True, metavar="ADDR:PORT",
              help="A loopback address; a web server in front speaks TLS.")
@click.option("--per-day", type=click.IntRange(1, 100_000), default=MOST_PER_DAY, show_default=True,
              help="Registrations that are accepted in a day, from all volunteers together.")
def serve(key: Path, ledger: Path, listen_at: str, per_day: int) -> None:
    """Answer volunteers' programs: register volunteers, and sign proofs that they registered at least a month ago.

    When a volunteer registers, the issuer gives the volunteer's program a coupon (a signed random number). In a later
    month the program returns the coupon, and gets a proof and the next coupon.

    The issuer accepts each coupon once. Never run two issuers with the same keys: a volunteer could then use one coupon
    at both issuers, and get two proofs.

    \b
    Examples:
      probe issuer serve --key issuer.key --ledger spent.sqlite
    """
    from probe.controls.helper_protocol import split_address
    from probe_operate.issuer.issuer_secret import read_issuer_secret
    from probe_operate.issuer.issuer_server import IssuerServer
    from probe_operate.issuer.issuing import Issuer
    from probe_operate.issuer.ledger import Ledger

    try:
        address, port = split_address(listen_at)
        server = IssuerServer(address, port, Issuer(read_issuer_secret(key), Ledger(ledger), most_per_day=per_day))
    except (SettingsError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from None
    except ValueError as error:
        raise click.UsageError(f"--listen: {error}") from None
    except OSError as error:
        raise click.ClickException(f"cannot listen on {listen_at}: {error.strerror or error}") from None
    click.echo(f"listening on http://{bracket_host(address)}:{server.server_port}/")
    with server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
