"""Everything a run has seen, in order, and sorted by what it bears on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace

from probe.catalogue.owners import OwnerId, find_owner, may_share_network
from probe.catalogue.sites import Site
from probe.catalogue.test_lists import SERVICE as OWN_LIST
from probe.core.addresses import family_of
from probe.core.observations import ControlAnswer, Observation
from probe.core.packets import Packet
from probe.core.replies import DnsReply
from probe.core.runs import RunResult
from probe.core.tables.operations import LOOKUPS, Operation
from probe.core.tables.protocols import DATAGRAMS, DatagramKind
from probe.core.tables.purposes import FOREIGN_NAMES, Purpose
from probe.core.tables.resolvers import find_operator
from probe.judge.common.nearness import conceal_addresses
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.dns.port53 import select_own_questions
from probe.judge.flow.transfer_evidence import YARDSTICK
from probe.judge.udp.udp_evidence import OPERATIONS
from probe.judge.verdicts.site_case import SiteCase
from probe.session.planning.plan_context import SiteHistory
from probe.session.taint import find_tainting_failure

MOST_OPEN: dict[Purpose, int] = {"ladder": 1, "target": 2}
"""Places of each family that are kept as ones that accept connections, by what they were asked for."""
MOST_ANSWERING = 2
"""Those that answer datagrams."""
_FOR_A_NAME: tuple[Purpose, ...] = ("innocent", "again", "zone", "https")
_ABOUT_THE_NAME: tuple[Purpose, ...] = ("target", "dark")
_AROUND: tuple[Purpose, ...] = ("innocent", "port", "version", "residual", "bytes")
TAKEN_IN_TURNS: tuple[Purpose, ...] = ("turn", "beside", "stay", "records")
"""Looks that come after all others, and bear on nothing but what they look for."""
_SHAPED: tuple[Purpose, ...] = ("shape", "program")
"""Asked for one site alone, or for an innocent name."""
_TRACES: tuple[Operation, ...] = ("trace", "udp_trace")
_OF_OTHERS: tuple[Purpose, ...] = ("reference", "neighbour")


class ObservationLog:
    """Stamps observations and finds those of a site. Used by the session's one thread alone."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.observations: list[Observation] = []
        self.controls: list[ControlAnswer] = []
        self._by_name: dict[str, list[int]] = defaultdict(list)
        self._innocent_lookups: list[int] = []
        self._compared_lookups: list[int] = []
        self._by_side: dict[tuple[str, bool], list[int]] = defaultdict(list)
        self._by_address: dict[str, list[int]] = defaultdict(list)
        self._by_input: dict[str, list[int]] = defaultdict(list)
        self._told: dict[str, list[ControlAnswer]] = defaultdict(list)
        self._traces: list[int] = []
        self._amended = set[int]()
        self._answering: dict[int, dict[tuple[str, int, DatagramKind], None]] = {4: {}, 6: {}}
        self._foreign: list[int] = []
        self._turns: dict[str, list[int]] = defaultdict(list)
        self._flows: dict[str, list[int]] = defaultdict(list)
        self._lent: dict[tuple[str, int, str], list[int]] = defaultdict(list)
        self._open: dict[tuple[int, Purpose], dict[tuple[str, int], OwnerId]] = {
            (family, purpose): {} for family in (4, 6) for purpose in MOST_OPEN}
        self._owners: dict[str, set[OwnerId]] = defaultdict(set)
        """Address -> whose hosts were asked for there."""

    def add(self, seen: Observation) -> int:
        """Number and keep an observation; returns its index for `amend`."""
        index = len(self.observations)
        neighbours = [self.observations[i] for i in self._by_side[_side(seen)]] if seen.address else []
        stamped = replace(seen, sequence=index, run_id=self.run_id, observation_id=f"{self.run_id}.{index}",
                          tainted_by=find_tainting_failure(seen, neighbours))
        self._keep(stamped)
        return index

    @classmethod
    def of_run(cls, result: RunResult) -> ObservationLog:
        """What a stored run saw."""
        made = cls(result.run.run_id)
        made.restore(result.observations, result.controls)
        return made

    def restore(self, observations: Sequence[Observation], controls: Sequence[ControlAnswer]) -> None:
        """Take in what an earlier run stamped, as it is."""
        for seen in observations:
            self._keep(seen)
        for answer in controls:
            self.add_control(answer)

    def conceal(self, words: Mapping[str, str]) -> ObservationLog:
        """A book of the same, without the addresses that would tell whose household it is; itself where none would."""
        if not words:
            return self
        made = ObservationLog(self.run_id)
        made.restore([conceal_addresses(o, words) for o in self.observations],
                     [conceal_addresses(c, words) for c in self.controls])
        return made

    def _keep(self, stamped: Observation) -> None:
        index = len(self.observations)
        self.observations.append(stamped)
        if stamped.operation in _TRACES:
            self._traces.append(index)
        elif stamped.operation == "transfer":
            self._flows[stamped.input].append(index)
            self._lent[stamped.address, stamped.port, stamped.tls.sni].append(index)
        elif stamped.operation in LOOKUPS:
            self._keep_lookup(stamped, index)
        elif stamped.address:
            self._keep_visit(stamped, index)
        if stamped.operation == "connect" and not stamped.failure and stamped.purpose in MOST_OPEN:
            self._keep_open(stamped)
        if stamped.operation in OPERATIONS and stamped.purpose == "target" and not stamped.failure:
            self._owners[stamped.address].add(_find_owner(stamped.target_id.partition(".")[0], stamped.hostname))
            protocol: DatagramKind = "stun" if stamped.operation == "stun_binding" else "quic"
            answering = self._answering.get(family_of(stamped.address), {})
            if len(answering) < MOST_ANSWERING:
                answering.setdefault((stamped.address, stamped.port, protocol))
        if stamped.purpose == "redirect":
            self._by_input[stamped.input].append(index)

    def _keep_open(self, stamped: Observation) -> None:
        owner = _find_owner(stamped.target_id.partition(".")[0], stamped.hostname)
        self._owners[stamped.address].add(owner)
        if find_operator(stamped.address):
            return  # a trace takes many connections, and a resolver gets few
        known = self._open.get((family_of(stamped.address), stamped.purpose), {})
        if len(known) < MOST_OPEN[stamped.purpose] and not self._is_known(stamped.address, owner):
            known.setdefault((stamped.address, stamped.port), owner)

    def _keep_visit(self, stamped: Observation, index: int) -> None:
        if stamped.purpose in TAKEN_IN_TURNS:
            self._turns[stamped.input].append(index)
            return
        self._by_side[_side(stamped)].append(index)
        (self._foreign if stamped.purpose in FOREIGN_NAMES else self._by_address[stamped.address]).append(index)

    def _keep_lookup(self, stamped: Observation, index: int) -> None:
        if stamped.purpose in _ABOUT_THE_NAME or (stamped.purpose == "https" and not stamped.input):
            self._by_name[stamped.hostname].append(index)
        elif stamped.purpose in _FOR_A_NAME and stamped.input:
            self._by_name[stamped.input].append(index)  # asked for the sake of the name that failed
        elif stamped.purpose == "innocent":
            self._innocent_lookups.append(index)
        elif stamped.purpose == "yardstick":
            self._compared_lookups.append(index)

    def amend(self, index: int, replies: tuple[DnsReply, ...], bytes_read: int) -> None:
        """Late replies to a question belong to its observation."""
        seen = self.observations[index]
        self.observations[index] = replace(seen, dns=replace(seen.dns, replies=replies), bytes_read=bytes_read)
        self._amended.add(index)

    def take_amended(self) -> list[int]:
        """Observations to which replies were added since this was asked last."""
        amended, self._amended = sorted(self._amended), set()
        return amended

    def amend_packets(self, index: int, packets: tuple[Packet, ...]) -> None:
        """What was captured of an observation's connection or question."""
        self.observations[index] = replace(self.observations[index], packets=packets)

    def add_control(self, answer: ControlAnswer) -> None:
        """Keep what a control said."""
        self.controls.append(answer)
        self._told[answer.input].append(answer)

    def history_of(self, site: Site) -> SiteHistory:
        """What the planner needs of a site."""
        case = self.case(site)
        return SiteHistory(dns=case.dns, visits=case.visits, around=case.around, controls=case.controls,
                           elsewhere=self._elsewhere(site), elsewhere_udp=self._elsewhere_udp(site), flows=case.flows,
                           turns=case.turns, traces=case.traces,
                           searches=tuple(o for o in case.traces if o.purpose == "locate"))

    def _elsewhere_udp(self, site: Site) -> tuple[tuple[str, int, DatagramKind], ...]:
        """Places of others that answer datagrams, of each family the first."""
        owner = _find_owner_of_site(site)
        return tuple(place for places in self._answering.values() for place in places
                     if owner not in self._owners[place[0]])

    def _elsewhere(self, site: Site) -> tuple[tuple[str, int], ...]:
        """Places of others that accept connections, of each family the first controls and targets that did, and no two
        of one owner or network, no resolvers: where two are the site's own neighbours, too few are left to compare it
        with."""
        owner = _find_owner_of_site(site)
        return tuple(place for places in self._open.values() for place, whose in places.items() if whose != owner)

    def _is_known(self, address: str, owner: OwnerId) -> bool:
        family = family_of(address)
        return any(whose == owner or may_share_network(address, other)
                   for (kept, _), places in self._open.items() if kept == family
                   for (other, _), whose in places.items())

    def case(self, site: Site) -> SiteCase:
        """What the judge needs of a site."""
        dns = tuple(self.observations[i] for i in self._by_name.get(site.host, ())) if site.has_name else ()
        if any((o.failure and o.purpose != "https") or o.purpose == "dark" for o in dns):
            dns += tuple(self.observations[i] for i in (*self._innocent_lookups, *self._compared_lookups))
        inputs = dict.fromkeys(e.input for e in site.endpoints)
        addresses = dict.fromkeys(a for o in select_own_questions(dns) for a in o.dns.answers)
        addresses |= {site.address: None} if site.address else {}
        controls = tuple(c for url in inputs for c in self._told.get(url, ()))
        addresses |= dict.fromkeys(a for c in controls for a in c.addresses)
        near = [self.observations[i] for a in addresses for i in self._by_address.get(a, ())]
        visits = [o for o in near if o.purpose in NETWORK_PURPOSES and o.hostname == site.host
                  and o.port == site.port and _same_way(o, site)]
        visits += [self.observations[i] for url in inputs for i in self._by_input.get(url, ())]
        around = tuple(o for o in near if (o.purpose in _AROUND
                                           or (o.purpose in _SHAPED and o.input in ("", *inputs)))
                       and (o.operation in OPERATIONS) == (site.kind in DATAGRAMS))
        around += tuple(self.observations[i] for i in self._foreign)
        return SiteCase(site=site, dns=dns, visits=tuple(sorted(visits, key=lambda o: o.sequence)), around=around,
                    controls=controls, traces=self._traced(site, addresses, inputs),
                    flows=tuple(self.observations[i] for url in inputs for i in self._flows.get(url, ())),
                    lent=self._lent_by(site, addresses, inputs),
                    turns=tuple(self.observations[i] for i in self._turns.get(site.endpoints[0].input, ())))

    def _lent_by(self, site: Site, addresses: Iterable[str], inputs: Container[str]) -> tuple[Observation, ...]:
        taken = (self.observations[i] for a in addresses for i in self._lent.get((a, site.port, site.sni), ()))
        return tuple(o for o in taken if o.purpose == YARDSTICK and o.input not in inputs)

    def _traced(self, site: Site, addresses: Mapping[str, None],
                inputs: Mapping[str, None]) -> tuple[Observation, ...]:
        """Traces for the site, and ways to others. What another host of the same owner's passes may be the owner's own
        network, whatever address it has: such ways tell nothing."""
        traces, owner = [self.observations[i] for i in self._traces], _find_owner_of_site(site)
        return tuple(o for o in traces if o.address in addresses or o.input in inputs or (
            o.purpose in _OF_OTHERS and (o.purpose != "reference" or owner not in self._owners.get(o.address, ()))))


def _find_owner_of_site(site: Site) -> OwnerId:
    return _find_owner(site.endpoints[0].service, site.host or site.address)


def _find_owner(service: str, host: str) -> OwnerId:
    """Whose host it is. Hosts of a list of one's own, and of controls, have owners of their own."""
    return find_owner(host if service in ("", OWN_LIST) else service, host)


def _same_way(seen: Observation, site: Site) -> bool:
    """Sites that differ only in how they speak (TCP alone, HTTP or a messenger's own words, or over UDP) keep their
    visits apart, also those of one target: what one meets is no attempt of the other's."""
    if (seen.operation in OPERATIONS) != (site.kind in DATAGRAMS) or seen.app.protocol != site.app:
        return False
    return any(e.input == seen.input or e.target_id == seen.target_id for e in site.endpoints)


def _side(seen: Observation) -> tuple[str, bool]:
    """TCP and UDP of an address are places apart: what strikes the one for a while leaves the other alone."""
    return seen.address, seen.operation in OPERATIONS
