"""All rules over one address of one endpoint, in the order in which they are tried."""

from __future__ import annotations

from probe.judge.app.app_rules import APP, APP_WELL
from probe.judge.common.rule import RuleTable
from probe.judge.flow.flow_rules import FLOW
from probe.judge.flow.loss_rules import LOSS
from probe.judge.http.http_rules import HTTP
from probe.judge.path.path_bases import find_path_bases
from probe.judge.path.path_context import PathContext, PathRule
from probe.judge.path.undecided_rules import UNDECIDED, UNPLACED
from probe.judge.path.well_rules import WELL
from probe.judge.program.program_rules import PROGRAMS
from probe.judge.tcp.connect_rules import CONNECT
from probe.judge.tls.tls_rules import TLS
from probe.judge.udp.datagram_rules import DATAGRAMS

PATH_RULES: tuple[PathRule, ...] = (
    FLOW + PROGRAMS + LOSS + WELL + APP_WELL + DATAGRAMS + CONNECT + TLS + HTTP + APP + UNDECIDED
)
PATH_TABLE: RuleTable[PathContext] = RuleTable(rules=PATH_RULES, find_bases=find_path_bases, unplaced=UNPLACED)
