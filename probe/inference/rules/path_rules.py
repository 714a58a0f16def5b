"""All rules over one address of one endpoint, in the order in which they are tried."""

from __future__ import annotations

from probe.inference.rules.app_rules import APP, APP_WELL
from probe.inference.rules.bases import find_path_bases
from probe.inference.rules.connect_rules import CONNECT
from probe.inference.rules.datagram_rules import DATAGRAMS
from probe.inference.rules.flow_rules import FLOW
from probe.inference.rules.http_rules import HTTP
from probe.inference.rules.loss_rules import LOSS
from probe.inference.rules.path_context import PathContext, PathRule
from probe.inference.rules.program_rules import PROGRAMS
from probe.inference.rules.rule import RuleTable
from probe.inference.rules.tls_rules import TLS
from probe.inference.rules.undecided_rules import UNDECIDED, UNPLACED
from probe.inference.rules.well_rules import WELL

PATH_RULES: tuple[PathRule, ...] = (
    FLOW + PROGRAMS + LOSS + WELL + APP_WELL + DATAGRAMS + CONNECT + TLS + HTTP + APP + UNDECIDED
)
PATH_TABLE: RuleTable[PathContext] = RuleTable(rules=PATH_RULES, find_bases=find_path_bases, unplaced=UNPLACED)
