"""`--address`: where a site is published, for links in feeds, pictures and alerts."""

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


def address_option() -> Callable[[F], F]:
    """The option, as the parameter `address: str`."""
    return click.option("--address", default="", metavar="URL", callback=check_address,
                        help="Where the site is published, for links: https://example.org/blocked/")
