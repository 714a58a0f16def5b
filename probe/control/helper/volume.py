"""A transfer as the helper makes it: how the service's bytes flow where nobody is suspected of slowing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from probe.control.helper.helper_order import Order, resolved
from probe.control.helper_protocol import XVolume
from probe.control.reaching.doh import Lookup
from probe.control.reaching.target_guard import Guard, has_route
from probe.core.addresses import parse
from probe.measurement.clock import start_clock
from probe.measurement.planning.steps import Transfer
from probe.measurement.visits.transfer import transfer


def volume_job(order: Order, lookups: Mapping[str, Lookup], guard: Guard) -> Callable[[], XVolume] | None:
    """The transfer to make; None where none was ordered or none may be made. From the address that was asked for if the
    name leads there from here as well, else from the first that it leads to: nobody chooses whom we load."""
    site = order.site
    if not order.volume or site is None or site.scheme != "https":
        return None
    known = [a for a in resolved(site.host, lookups) if not guard.refusal(a, site.port) and has_route(a)]
    address = order.volume if order.volume in known else next(iter(known), "")
    if not address:
        return None
    plan = Transfer(purpose="sample", address=address, port=site.port, url=site.url, input=site.url,
                    sni="" if parse(site.host) else site.host)
    return partial(_take, plan)


def _take(plan: Transfer) -> XVolume:
    seen = transfer(plan, clock=start_clock())
    return XVolume(bytes_read=seen.bytes_read, flow_s=seen.transfer.flow_s, failure=seen.failure or None)
