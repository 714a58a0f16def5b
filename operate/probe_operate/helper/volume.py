"""A transfer as the helper makes it: how the service's bytes flow where nobody is suspected of slowing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from probe.controls.helper_protocol import XVolume
from probe.controls.reaching.public_addresses import has_route
from probe.core.addresses import parse_address
from probe.core.tables.failures import is_own_shortage
from probe.instruments.clock import start_clock
from probe.instruments.steps import Transfer
from probe.instruments.visits.transfer import make_transfer
from probe_operate.helper.helper_order import HelperOrder, list_addresses
from probe_operate.reaching.doh import DohLookup
from probe_operate.reaching.target_guard import TargetGuard


def make_volume_job(order: HelperOrder, lookups: Mapping[str, DohLookup],
                    guard: TargetGuard) -> Callable[[], XVolume | None] | None:
    """The transfer to make; None where none was ordered or none may be made. From the address that was asked for if the
    name leads there from here as well, else from the first that it leads to: nobody chooses whom we load."""
    site = order.site
    if not order.volume or site is None or site.scheme != "https":
        return None
    known = [a for a in list_addresses(site.host, lookups) if not guard.refusal(a, site.port) and has_route(a)]
    address = order.volume if order.volume in known else next(iter(known), "")
    if not address:
        return None
    plan = Transfer(purpose="sample", address=address, port=site.port, url=site.url, input=site.url,
                    sni="" if parse_address(site.host) else site.host)
    return partial(_take, plan)


def _take(plan: Transfer) -> XVolume | None:
    """What the transfer came to; None where this machine had no socket for it."""
    seen = make_transfer(plan, clock=start_clock())
    if is_own_shortage(seen.failure):
        return None
    return XVolume(bytes_read=seen.bytes_read, flow_s=seen.transfer.flow_s, failure=seen.failure or None)
