"""Words of OONI's data that are not ours: old failures, tests, resolvers. Facts of its specification (df-007, ts-*)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from probe.core.tables.failures import Failure
from probe.core.tables.resolvers import DnsEngine, OperatorName
from probe.core.tables.trust import TrustFinding

FAILURES: Mapping[str, str] = MappingProxyType({
    "connection_refused_error": "connection_refused",
    "connection_done": "eof_error",
    "dns_name_error": "dns_nxdomain_error",
    "dns_server_failure": "dns_servfail_error",
    "dns_lookup_error": "dns_server_misbehaving",
    "dns_name_failure": "dns_server_misbehaving",
    "android_dns_cache_no_data": "dns_server_misbehaving",
    "deferred_timeout_error": "generic_timeout_error",
    "task_timed_out": "generic_timeout_error",
    "tcp_timed_out_error": "generic_timeout_error",
    "connect_error": "unknown_failure: connect_error",
    "connection_lost_error": "unknown_failure: connection_lost_error",
    "response_never_received": "unknown_failure: response_never_received",
    "unknown_error": "unknown_failure: unknown_error",
})
"""Legacy word -> today's. What stands for several causes (a name that does not exist or a resolver that fails; a reset
or a silence) becomes a word that convicts nobody. Android says EAI_NODATA whatever went wrong."""

INTERRUPTED: frozenset[Failure] = frozenset(("interrupted", "generic_timeout_error"))
"""What an operation fails with that was not begun any more when the time of a test was over."""

TRUST: Mapping[Failure, TrustFinding] = MappingProxyType({
    "ssl_unknown_authority": "unknown_issuer",
    "ssl_invalid_hostname": "wrong_name",
    "ssl_invalid_certificate": "invalid",
})
"""Failure of a handshake -> our word. Go looks at a leaf's dates before its issuer, so an outdated certificate may be
anybody's: `invalid`, not `expired`."""

ALERTS: Mapping[str, int] = MappingProxyType({
    "remote error: tls: handshake failure": 40,
    "remote error: tls: bad certificate": 42,
    "remote error: tls: access denied": 49,
    "remote error: tls: protocol version not supported": 70,
    "remote error: tls: internal error": 80,
    "remote error: tls: unrecognized name": 112,
})
"""What Go writes of an alert (RFC 8446 section 6), inside `unknown_failure`."""

DOH_OPERATORS: Mapping[str, OperatorName] = MappingProxyType({
    "dns.google": "google",
    "cloudflare-dns.com": "cloudflare",
    "mozilla.cloudflare-dns.com": "cloudflare",
    "dns.quad9.net": "quad9",
    "dns.nextdns.io": "nextdns",
})
"""Hosts of encrypted DNS that OONI's tests ask, and their operators; another server's answers are not trusted."""

PUBLIC_RESOLVERS = frozenset((
    "8.8.8.8", "8.8.4.4", "9.9.9.9", "149.112.112.112", "1.1.1.1", "1.0.0.1", "208.67.222.222", "208.67.220.220",
))
"""Resolvers that Web Connectivity asks over UDP (0.5 on)."""

ENGINES: Mapping[str, DnsEngine] = MappingProxyType({
    "system": "system", "getaddrinfo": "system", "golang_net_resolver": "system", "go": "system", "unknown": "system",
    "": "system", "udp": "udp", "tcp": "tcp", "dot": "dot", "doh": "doh",
})
"""OONI's `engine` of a lookup -> ours. `go` and `golang_net_resolver` read the system's configuration."""

VERIFYING_ENGINES = frozenset(("ooniprobe-engine",))
"""Engines whose HTTPS requests succeed only over a verified certificate. Of others a request alone proves nothing."""
