"""All rules over one address of one endpoint, in the order in which they are tried."""

from __future__ import annotations

from probe.judge.rules.app_rules import APP, APP_WELL
from probe.judge.rules.bases import find_path_bases
from probe.judge.rules.connect_rules import CONNECT
from probe.judge.rules.datagram_rules import DATAGRAMS
from probe.judge.rules.flow_rules import FLOW
from probe.judge.rules.http_rules import HTTP
from probe.judge.rules.loss_rules import LOSS
from probe.judge.rules.path_context import PathContext, PathRule
from probe.judge.rules.program_rules import PROGRAMS
from probe.judge.rules.rule import RuleTable
from probe.judge.rules.tls_rules import TLS
from probe.judge.rules.undecided_rules import UNDECIDED, UNPLACED
from probe.judge.rules.well_rules import WELL

PATH_RULES: tuple[PathRule, ...] = (
    FLOW + PROGRAMS + LOSS + WELL + APP_WELL + DATAGRAMS + CONNECT + TLS + HTTP + APP + UNDECIDED
)
PATH_TABLE: RuleTable[PathContext] = RuleTable(rules=PATH_RULES, find_bases=find_path_bases, unplaced=UNPLACED)
