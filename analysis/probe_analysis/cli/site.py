"""`probe site`: what was found, as a public site of static files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from probe.core.counted_words import count_things
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.output_option import output_option
from probe.upkeep.commands.progress_bar import show_progress
from probe_analysis.commands.operators_option import operators_option, read_operators
from probe_analysis.commands.site_address import address_option, check_contact

_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ"])


@click.command()
@click.argument("analysis", metavar="[ANALYSIS]", default="analysis",
                type=click.Path(file_okay=False, path_type=Path))
@output_option("folder", "Folder of the site.", default="public", show_default=True)
@click.option("--name", default="Blocked messengers", show_default=True, help="What the site is called.")
@address_option()
@operators_option()
@click.option("--contact", default="", metavar="MAIL|URL", callback=check_contact,
              help="Who reads that something is wrong: a mail address or an https address, on each event's page.")
@click.option("--png", is_flag=True, help="A PNG beside each SVG as well; takes longer.")
@click.option("--as-of", type=_MOMENT, help="Make it as it would have been at this time (UTC). Default: now.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def site(analysis: Path, out: Path, name: str, address: str, operators: Path | None, contact: str, png: bool,
         as_of: datetime | None, as_json: bool) -> None:
    """Make a public site from what `probe analyse` keeps in ANALYSIS.

    The site's first page shows current blocks. Each country, service, network and event has a page with a permanent
    address. A page has charts (SVG, CSV), news feeds (Atom, JSON), and its events in a form for programs. To read the
    site you need no web server: open public/index.html.

    The site shows only what may be published. Volunteers' results appear a day after they were measured. Other
    projects' data appear at once. A network appears only if at least five probes measured there.

    If the data come from the laboratory or a simulation, each page of the site says so.

    Call the command after each `probe analyse`. It writes only pages on which something changed.

    \b
    Examples:
      probe analyse collected && probe site
      probe site may -o public --address https://example.org/blocked/ --operators operators.csv
      probe site may --as-of 2026-05-14 -o as-it-was
    """
    from probe_analysis.site.make_site import SiteWish, list_orders
    from probe_analysis.site.site_files import write_site
    from probe_analysis.site.site_gather import gather_site
    from probe_analysis.site.site_shell import SiteFrame

    now = as_of.replace(tzinfo=UTC) if as_of else datetime.now(UTC).replace(microsecond=0)
    try:
        names = read_operators(operators)
        data = gather_site(analysis, now=now, operators=names)
        head = SiteFrame(name=name, address=address, lab=data.lab, contact=contact)
        with show_progress("Pages") as progress:
            done = write_site(out, list_orders(data, SiteWish(head=head, png=png)), progress)
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
    if as_json:
        click.echo(json.dumps({"site": str(out), "events": len(data.events), "pages": done.pages, "made": done.made,
                               "files": done.files, "removed": done.removed, "unread": data.unread}))
        return
    if data.unread:
        click.echo(f"Left out: {count_things(data.unread, 'row')} of the log that are none.")
    click.echo(visible(f"Site: {out / 'index.html'}; {count_things(len(data.events), 'event')}, "
                       f"{count_things(done.pages, 'page')} and feeds, "
                       f"{done.made} of them made anew, {count_things(done.files, 'file')} written."))
