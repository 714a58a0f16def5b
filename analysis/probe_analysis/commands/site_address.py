"""`--address` and `--contact`: where a site is published, and who reads that something on it is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def check_address(_context: click.Context, _option: click.Parameter, address: str) -> str:
    """The URL, ending in a slash; empty where none is given. Raises BadParameter for what is none."""
    if address and not (address.startswith(("https://", "http://")) and address.isascii() and address.isprintable()
                        and not set(address) & set(" <>\"'\\")):
        raise click.BadParameter("is no URL: https://...")
    return f"{address.rstrip('/')}/" if address else ""


def check_contact(_context: click.Context, _option: click.Parameter, contact: str) -> str:
    """A mail address or an https URL; empty where none is given. Raises BadParameter for what is neither."""
    name, at, host = contact.partition("@")
    is_mail = bool(name and at and "." in host and "@" not in host)
    if contact and not (contact.isascii() and contact.isprintable() and not set(contact) & set(" <>\"'\\")
                        and (contact.startswith("https://") or is_mail)):
        raise click.BadParameter("is no mail address, and no URL: https://...")
    return contact


def address_option() -> Callable[[F], F]:
    """The option, as the parameter `address: str`."""
    return click.option("--address", default="", metavar="URL", callback=check_address,
                        help="Where the site is published, for links: https://example.org/blocked/")
