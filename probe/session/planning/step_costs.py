"""What each row of the table of steps may take at most, from the limits that the program itself keeps.

Bytes are those of both ways together, as they were measured where no limit tells them: 5 kB a handshake.
"""

from __future__ import annotations

from probe.core.tables.protocols import PROTOCOLS
from probe.instruments.hops import hop_search, locate_udp, trace
from probe.instruments.hops.ttl_flow import FLOW_S
from probe.instruments.streams.http_parts import MAX_BODY_BYTES
from probe.instruments.visits import transfer
from probe.judge.flow.foreign_flows import TURNS as TURNS_THERE
from probe.judge.flow.record_evidence import ENOUGH, ENOUGH_BESIDE
from probe.judge.flow.slow_pages import ENOUGH_PAGES
from probe.judge.flow.stay_evidence import ENOUGH_STAYS
from probe.judge.flow.transfer_evidence import ENOUGH_DEAD
from probe.judge.tls.foreign_names import AGREED_HELPERS, ELSEWHERE_ATTEMPTS
from probe.session.planning.certificate_tries import ENOUGH_REFUSALS
from probe.session.planning.control_plan import HELPER_TIMEOUT_S, MAX_ASKED, MAX_ASKS
from probe.session.planning.flow_plan import MOST_ELSEWHERE, MOST_HERE
from probe.session.planning.flow_suspects import CONSENT, MAX_GLANCES, MAX_SITES, READ_ON_BYTES
from probe.session.planning.foreign_plan import MOST_ATTEMPTS, MOST_INNOCENTS, NAMES_PER_SERVER
from probe.session.planning.locate_plan import MAX_SEARCHES
from probe.session.planning.loss_plan import TURNS
from probe.session.planning.loss_suspects import MAX_SUSPECTS
from probe.session.planning.order_rows import Cost
from probe.session.planning.plan_context import PlanContext
from probe.session.planning.planned_attempts import WATCHED_OWN
from probe.session.planning.program_plan import PATIENCE_S as PROGRAM_PATIENCE_S
from probe.session.planning.redirects import MAX_REDIRECTS
from probe.session.planning.residual_plan import AFTER_S, CONSENT_LEVEL
from probe.session.planning.residual_plan import MAX_ASKED as MAX_RESIDUALS
from probe.session.planning.shape_plan import PATIENCE_S
from probe.session.planning.slot_plan import SLOTS_S
from probe.session.planning.stay_plan import STAY_S
from probe.session.planning.struck_shapes import MOST_SITES

_PLAIN = PlanContext()
_WAIT = f"{_PLAIN.timeout_s:.0f}"
_PAGE_KB, _READ_ON_KB = round(MAX_BODY_BYTES / 1000 + 0.5), READ_ON_BYTES // 1000
_PAGE = f"{_PAGE_KB} kB a page, {_READ_ON_KB} with level {CONSENT}"
_PAGE_S = f"{_WAIT} each, {_PLAIN.timeout_s + 2:.0f} for a page"
_EACH_S = f"{_WAIT} each"
_ADDRESSES = f"each of {2 * _PLAIN.addresses_per_family - 1} addresses"  # of IPv6 one
_OVER_QUIC = f"each address, level {PROTOCOLS['quic'].consent_level}"
_SLOTS = " and ".join(f"{after_s:.0f}" for after_s in SLOTS_S)
_TRACE_S = (f"{round(trace.WAIT_S * trace.MAX_TTL / trace.TOGETHER + 0.5)}, "
            f"spread {round(trace.MAX_TTL * (trace.APART_S + trace.WAIT_S))}")
_DATAGRAMS_S = f"{round(locate_udp.WAIT_S + locate_udp.APART_S * locate_udp.MAX_TTL)}"

PLAIN_LOOKUPS = Cost(where="a name", connections="7 questions", size="1 kB", seconds="5 each")
FURTHER_LOOKUPS = Cost(where="a name that fails or looks false", size="5 kB a connection", seconds=_PAGE_S,
                       connections="about 15 questions, 5 connections")
INNOCENT_NAME = Cost(where="each address", connections="1, at a watched target 2", size="5 kB", seconds=_EACH_S)
PROGRAM_FIRST = Cost(where="a site, once a day", connections="1", size="3 kB", seconds=f"{PROGRAM_PATIENCE_S:.0f}")
FIRST_VISIT = Cost(where=_ADDRESSES, connections="1", size=_PAGE, seconds=_PAGE_S)
DEEPER_VISIT = Cost(where=_ADDRESSES, connections=f"{_PLAIN.attempts - 1}", size=_PAGE, seconds=_PAGE_S)
SLOW_AGAIN = Cost(where=f"each of {MAX_SITES} sites with slow pages", connections=f"{ENOUGH_PAGES - 1}", size=_PAGE,
                  seconds=_PAGE_S)
OTHER_BYTES = Cost(where="each address", connections="1", size="1 kB", seconds=_WAIT)
ANOTHER_TRY = Cost(where=_ADDRESSES, size=_PAGE, seconds=_PAGE_S,
                   connections=f"{_PLAIN.attempts - 1} after silence, {_PLAIN.quick_attempts - 1} after a connection "
                               f"was cut off, {ENOUGH_REFUSALS - 1} after a refused certificate")
OTHER_SHAPES = Cost(where="one address a site", connections="6, with consent level 3 11", size="5 kB each",
                    seconds=f"{PATIENCE_S:.0f} each")
LATER_SLOTS = Cost(where="each address, not in fast runs", connections=f"2 for each of {len(SLOTS_S)} slots",
                   size=f"{_PAGE_KB} kB a page", seconds=f"{_WAIT} each, after {_SLOTS}")
RESIDUAL = Cost(where="each address", connections=f"1, with level {CONSENT_LEVEL} {MAX_RESIDUALS}", size="5 kB each",
                seconds=f"{_WAIT} each, up to {AFTER_S[-1]:.0f} after")
FOREIGN_NAMES = Cost(where=f"a site, {NAMES_PER_SERVER} names a run, at one server or each of 2 helpers",
                     connections=f"{ELSEWHERE_ATTEMPTS + 2} there, at most {MOST_ATTEMPTS + MOST_INNOCENTS}",
                     size="5 kB each", seconds=_EACH_S)
FOREIGN_FLOWS = Cost(where=f"a site, {NAMES_PER_SERVER} names a run, at each of {AGREED_HELPERS} helpers",
                     connections=f"{len(TURNS_THERE)} there", size=f"{transfer.MAX_BYTES // 1000} kB each",
                     seconds=f"{transfer.LONG_S:.0f} each")
PLANNED_TRY = Cost(where="each address of a core service", connections=f"{WATCHED_OWN - 1}", size="5 kB each",
                   seconds=_EACH_S)
OTHER_PORT = Cost(where="each address", connections="1", size="5 kB", seconds=_WAIT)
TRACES = Cost(where="each address that controls reach", size="2 kB each", seconds=_TRACE_S,
              connections=f"{trace.MAX_TTL} SYNs there, to an address beside it and to each of 3 others")
VERSION = Cost(where=_OVER_QUIC, connections="1 datagram", size="3 kB", seconds=_WAIT)
HANDSHAKES = Cost(where=_OVER_QUIC, connections="1 handshake", size="30 kB", seconds=_WAIT)
DATAGRAM_TRIES = Cost(where="each address", connections=f"{_PLAIN.attempts} handshakes, or 10 requests each time",
                      size="30 kB each, requests 1 kB", seconds=_EACH_S)
DATAGRAM_TURNS = Cost(where=_OVER_QUIC, connections="2 handshakes", size="30 kB each", seconds=_EACH_S)
DATAGRAM_TRACES = Cost(where="each address that controls reach", size="45 kB each", seconds="15",
                       connections=f"{2 * trace.MAX_TTL} datagrams a port, to an address beside it and to each of 2 "
                                   "others")
PROGRAMS = Cost(where=f"a site, and {MOST_SITES} others a run where one fails", connections="14, and 1 each",
                size="3 kB each", seconds=f"{PROGRAM_PATIENCE_S:.0f} each")
CONTROLS = Cost(where=f"each failing input, {MAX_ASKS} a run", connections=f"1 each, about {MAX_ASKED} addresses",
                size="5 kB", seconds=f"{HELPER_TIMEOUT_S:.0f}")
REDIRECTS = Cost(where="a page", connections=f"{MAX_REDIRECTS}", size=f"{_PAGE_KB} kB each", seconds=_EACH_S)
TRANSFERS = Cost(where=f"{MAX_GLANCES} glances and {MAX_SITES} sites a run",
                 connections=f"1 a glance, {ENOUGH_DEAD} where it is dead; {MOST_HERE} a site and {MOST_ELSEWHERE} "
                             "elsewhere",
                 size=f"{transfer.MAX_BYTES // 1000} kB each",
                 seconds=f"{transfer.LONG_S:.0f} each, {transfer.PIECES_S:.0f} in pieces")
ROUTE_TRACES = Cost(where="a site and address family", size="2 kB each", seconds=_TRACE_S,
                    connections=f"{trace.MAX_TTL} SYNs there and to each of 3 others")
STAYS = Cost(where="a core service, not in fast runs", connections=f"1, where it is ended {2 * ENOUGH_STAYS}",
             size="5 kB each", seconds=f"{STAY_S:.0f} each")
RECORDS = Cost(where="an address", connections=f"{ENOUGH - 1} and {ENOUGH_BESIDE + 1} under an innocent name",
               size="6 kB each", seconds="8 each")
LOSS_TURNS = Cost(where=f"{MAX_SUSPECTS} services a run", connections=f"{2 * TURNS}, with handshakes {4 * TURNS}",
                  size="1 kB each, handshakes 5 kB", seconds=_EACH_S)
HOP_SEARCHES = Cost(where=f"an address, {MAX_SEARCHES} a run", size="10 kB",
                    connections=f"{hop_search.MAX_FLOWS}, and {locate_udp.MAX_TTL} datagrams, {trace.MAX_TTL} SYNs "
                                "there and to each of 3 others",
                    seconds=f"{FLOW_S:.0f} each")
