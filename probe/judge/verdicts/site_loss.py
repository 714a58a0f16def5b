"""Loss at one service beside all others of a run: given to every path of the service in the same network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from probe.catalogue.owners import name_network
from probe.core.observations import Observation
from probe.core.tables.protocols import DATAGRAMS
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.flow.connection_loss import (
    COUNTED,
    OWN,
    Group,
    count_losses,
    find_late,
    is_lossy,
    is_whole_connection,
    score_loss,
)
from probe.judge.flow.loss_evidence import LOSSLESS, TURN, LossEvidence, gather_loss_evidence
from probe.judge.flow.record_evidence import (
    NO_RECORDS,
    RECORDS,
    RecordEvidence,
    gather_record_evidence,
)
from probe.judge.flow.stay_evidence import STAY, gather_stay_evidence
from probe.judge.path.path_evidence import PathEvidence
from probe.judge.verdicts.site_case import SiteCase

LINE_HOSTS, LINE_LOSSY = 3, 4
"""Where more than one host in so many is lossy, or one in so many of the others' connections, the line is."""
MANY_REPEATS = 3
"""Of small records on one connection: fewer are sent again on any line now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLosses:
    """What a run lost, by service and network."""

    by_group: Mapping[Group, LossEvidence] = field(default_factory=dict)
    lossy: frozenset[str] = frozenset()
    """Addresses of which a connection lost anything."""
    mostly: frozenset[str] = frozenset()
    """Addresses of which half of our own connections and more did, where few others do."""
    mostly_hosts: frozenset[str] = frozenset()
    """The same of hosts, at all of their addresses together: loss by name strikes each of them. And hosts whose small
    records had to be sent again, where those of few others had."""


def gather_site_losses(cases: Sequence[SiteCase]) -> SiteLosses:
    """Of all cases of a run; services are compared only where something was lost."""
    spoken = [case for case in cases if case.site.kind not in DATAGRAMS and case.site.endpoints[0].role != "control"]
    rows = [o for case in spoken for o in (*case.visits, *case.around, *case.turns)]
    whole = [o for o in rows if o.purpose in (*COUNTED, TURN) and is_whole_connection(o)]
    repeated = _find_lossy_records(rows)
    if not any(map(is_lossy, whole)) and not find_late(whole):
        return SiteLosses(mostly_hosts=repeated)
    lossy = frozenset(o.address for o in whole if score_loss(o) or (o.purpose == TURN and is_lossy(o)))
    groups: dict[Group, frozenset[str]] = {}
    turns: dict[str, tuple[Observation, ...]] = {}
    for case in spoken:
        service = case.site.endpoints[0].service
        for address in {o.address for o in case.visits if o.purpose in NETWORK_PURPOSES and o.address}:
            groups[service, name_network(address)] = groups.get(
                (service, name_network(address)), frozenset()) | {address}
        if any(o.purpose == TURN for o in case.turns):
            turns[service] = case.turns
    counts = count_losses(groups, rows)
    mostly, mostly_hosts = _find_mostly_lossy(rows)
    return SiteLosses(lossy=lossy, mostly=mostly, mostly_hosts=mostly_hosts | repeated, by_group={
        group: _tell(group, gather_loss_evidence(counts[group], turns.get(group[0], ())), turns.get(group[0], ()))
        for group in groups if counts[group].is_doubtful or group[0] in turns})


def _find_mostly_lossy(rows: Sequence[Observation]) -> tuple[frozenset[str], frozenset[str]]:
    """Addresses, and hosts; none where more than a third of the hosts are lossy, or more than a quarter of the others'
    connections: then the line is. A few that are struck together are no measure for one another."""
    own = {o.observation_id: o for o in rows if o.purpose in OWN and is_whole_connection(o)}
    late = find_late(own.values())
    marked = [(o, is_lossy(o) or o.observation_id in late) for o in own.values()]
    addresses, hosts = Counter[str](), Counter[str]()
    lost_at, lost_of = Counter[str](), Counter[str]()
    for row, lost in marked:
        addresses[row.address] += 1
        hosts[row.hostname] += 1
        lost_at[row.address] += lost
        lost_of[row.hostname] += lost
    mostly, mostly_hosts = _most(addresses, lost_at), _most(hosts, lost_of)
    others = [lost for row, lost in marked if row.address not in mostly and row.hostname not in mostly_hosts]
    many = len(mostly_hosts) > max(1, len(hosts) // LINE_HOSTS)
    if not others or many or LINE_LOSSY * sum(others) > len(others):
        return frozenset(), frozenset()
    return mostly, mostly_hosts - {""}


def _find_lossy_records(rows: Sequence[Observation]) -> frozenset[str]:
    """Hosts whose small records arrived after many repeats: a few short exchanges may lose nothing by luck, and the one
    long one tells. None where the line is lossy, which the connections to all other hosts tell: few hosts are sent
    records, so that a third of them is no measure. What fell silent is told by `record_evidence`."""
    repeated = frozenset(o.hostname for o in rows if o.operation == RECORDS and not o.failure
                         and o.tcp.retransmits >= MANY_REPEATS)
    others = [is_lossy(o) for o in {o.observation_id: o for o in rows}.values() if repeated and o.purpose in OWN
              and o.hostname not in repeated and is_whole_connection(o)]
    return repeated if others and LINE_LOSSY * sum(others) <= len(others) else frozenset()


def _most(made: Counter[str], lost: Counter[str]) -> frozenset[str]:
    return frozenset(name for name, number in made.items() if lost[name] and 2 * lost[name] >= number)


def _tell(group: Group, found: LossEvidence, turns: Sequence[Observation]) -> LossEvidence:
    """What turns at one address say of a name holds wherever the service is; what they say of addresses, in the same
    network."""
    here = any(o.purpose == TURN and name_network(o.address) == group[1] for o in turns)
    return found if here else replace(found, by_address=False)


def add_loss(path: PathEvidence, case: SiteCase, losses: SiteLosses) -> PathEvidence:
    """The path with what is known of loss at its service, in its network, and of connections to it that were kept or
    carried small records."""
    kept = any(o.purpose == STAY and o.address == path.address for o in case.turns)
    found = losses.by_group.get((case.site.endpoints[0].service, name_network(path.address)), LOSSLESS)
    mostly = path.address in losses.mostly or case.site.host in losses.mostly_hosts
    if found is not LOSSLESS or mostly:
        found = replace(found, own_lossy=path.address in losses.lossy, mostly_lossy=mostly)
    lasting = replace(path.lasting, loss=found, stay=gather_stay_evidence(case.turns) if kept else path.lasting.stay,
                      records=_gather_records(path.address, case))
    return replace(path, lasting=lasting) if lasting != path.lasting else path


def _gather_records(address: str, case: SiteCase) -> RecordEvidence:
    """Of small records at this address; where none were sent, silence at another of the site's leaves it in doubt."""
    places = list(dict.fromkeys(o.address for o in case.turns if o.purpose == RECORDS))
    found = {place: gather_record_evidence(case.turns, case.site.host, place, case.site.port) for place in places}
    if address in found:
        return found[address]
    silent = next((each for each in found.values() if each.is_doubtful), NO_RECORDS)
    return replace(silent, passed_beside=0) if silent.passed_beside else silent
