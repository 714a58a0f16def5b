"""Binds what the plan says and gives each connection to the server that its site is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from probe.lab.servers.certificates import Certificates
from probe.lab.servers.dns_replies import NameServers
from probe.lab.servers.dns_transport import PORT, serve_datagrams, tcp_handler
from probe.lab.servers.faults import Faults, number
from probe.lab.servers.mitm import Interceptor
from probe.lab.servers.sites import Listener, Site
from probe.lab.servers.streams import Handler, Listeners, PlainStream, TlsStream, bound_socket
from probe.lab.servers.hello import read_hello
from probe.lab.servers.tls import TlsServer, wait_for_end
from probe.lab.servers.web import WebServer
from probe.lab.truth import TruthEntry, TruthLog
from probe.lab.types import Fault, World
from probe.tables.resolvers import PUBLIC_RESOLVERS, ROOT_SERVERS
