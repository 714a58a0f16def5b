"""All rules over one address of one endpoint, in the order in which they are tried."""

from __future__ import annotations

from probe.rules.app import APP, APP_WELL
from probe.rules.connect import CONNECT
from probe.rules.datagrams import DATAGRAMS
from probe.rules.flow import FLOW
from probe.rules.http import HTTP
from probe.rules.scene import PathRule
from probe.rules.tls import TLS
from probe.rules.undecided import UNDECIDED
from probe.rules.well import WELL

PATH_RULES: tuple[PathRule, ...] = (
    FLOW + WELL + APP_WELL + DATAGRAMS + CONNECT + TLS + HTTP + APP + UNDECIDED
)
