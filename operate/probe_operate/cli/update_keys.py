"""`probe update sign` and `probe update keys`: the makers' side of signatures, and of keys that can be lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.core.counted_words import count_things
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, write_file
from probe.upkeep.commands.output_option import output_option

if TYPE_CHECKING:
    from probe.upkeep.updates.key_trust import KeysOf

_FILE = click.Path(dir_okay=False, path_type=Path)
_VALID = timedelta(days=3 * 365)


@click.command("sign")
@click.argument("file", metavar="FILE")
@click.option("--key", "key_file", type=_FILE, required=True,
              help="Secret key to sign with (of probe feed --new-key, or minisign -G -W).")
@click.option("--add", is_flag=True, help="Keep the signatures that other keys have already made of this FILE.")
def sign(file: str, key_file: Path, add: bool) -> None:
    """Sign FILE: a list, a feed, or key statements that were not published yet; the signature is FILE.minisig.

    If FILE.keys lies beside FILE, the signature says which key statement is the newest.

    \b
    Examples:
      probe update sign list.json --key first.key
      probe update sign list.json --key second.key --add
    """
    from probe.upkeep.updates.list_document import ListError
    from probe.upkeep.updates.minisign import SignatureError
    from probe_operate.lists.key_publishing import sign_file

    try:
        signed = sign_file(Path(file).absolute(), key_file.expanduser(), add=add)
    except (SignatureError, ListError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from None
    click.echo(f"Written: {file}.minisig, {count_things(len(signed.key_ids), 'signature')}"
               + (f", for key statement {signed.keys_number}" if signed.keys_number else "") + ".")


@click.group("keys")
def keys() -> None:
    """Say which keys sign a list or a feed from now on, and which may say so the next time.

    This is for people who make lists or feeds. Volunteers keep the key that they have (docs/lists.md#keys).

    \b
    Examples:
      probe update keys make --of list --number 1 --signer a.pub --keeper b.pub --keeper c.pub -o keys-1.json
      probe update sign keys-1.json --key first.key
      probe update keys add keys-1.json --from list.json.keys --key first.pub
    """


@keys.command("make")
@click.option("--of", type=click.Choice(["list", "feed"]), required=True, help="What the keys sign.")
@click.option("--number", type=click.IntRange(1, 999_999_999), required=True,
              help="Higher than that of every statement before.")
@click.option("--signer", "signers", multiple=True, required=True, metavar="FILE",
              help="Public key (.pub) that signs lists or feeds; repeat.")
@click.option("--threshold", type=click.IntRange(1, 8), default=1, show_default=True,
              help="How many of the signers must sign each list or feed.")
@click.option("--keeper", "keepers", multiple=True, required=True, metavar="FILE",
              help="Public key that may sign the next statement; repeat. Keep its secret half offline.")
@click.option("--keepers-threshold", type=click.IntRange(1, 8), default=1, show_default=True,
              help="How many of the keepers must sign the next statement.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]),
              help="First day on which lists and feeds count; older ones are refused (default: today, UTC).")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]),
              help="Last day on which these keys count (default: in three years).")
@output_option("file", "File to write.", required=True)
def make(of: KeysOf, number: int, signers: tuple[str, ...], threshold: int, keepers: tuple[str, ...],
         keepers_threshold: int, since: datetime | None, expires: datetime | None, out: Path) -> None:
    """Write a key statement, which you then sign with `probe update sign`.

    Sign the first statement with the key that volunteers have in their configuration. Each statement names keepers:
    the keys that sign the next statement.
    """
    from probe.upkeep.updates.list_document import ListError
    from probe.upkeep.updates.minisign import SignatureError
    from probe_operate.lists.key_publishing import make_statement, read_public_keys

    begins = (since or datetime.now(UTC)).date()
    try:
        text = make_statement(
            of=of, number=number, signers=read_public_keys(signers), threshold=threshold,
            keepers=read_public_keys(keepers), keepers_threshold=keepers_threshold, since=begins,
            expires=expires.date() if expires else begins + _VALID)
        write_file(out.absolute(), text.encode())
    except (SignatureError, ListError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from None
    click.echo(f"Written: {out}\nNext, sign it and publish it beside the list or feed:\n"
               f"  probe update sign {out} --key FILE\n"
               f"  probe update keys add {out} --from list.json.keys --key FILE.pub")


@keys.command("add")
@click.argument("statement", metavar="FILE")
@click.option("--from", "published", type=_FILE, required=True, metavar="FILE",
              help="File that is published beside the list or feed as .keys; the command makes it if it is missing.")
@click.option("--key", "key_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True,
              help="Public key that volunteers have in their configuration.")
def add(statement: str, published: Path, key_file: Path) -> None:
    """Add a signed key statement to the published ones, unless volunteers' programs would refuse it."""
    from probe.upkeep.updates.list_document import ListError
    from probe.upkeep.updates.minisign import SignatureError
    from probe_operate.lists.key_publishing import add_statement, read_public_keys

    try:
        (root,) = read_public_keys((str(key_file),))
        trust = add_statement(Path(statement), published.absolute(), root)
    except (SignatureError, ListError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from None
    click.echo(f"Written: {published}. From statement {trust.number} on {trust.names} must sign.\nNext, sign the list "
               "or feed anew, and serve the files side by side, .keys first.")
