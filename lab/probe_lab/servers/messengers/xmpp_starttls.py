"""The same server as for XMPP within TLS, in the clear up to STARTTLS."""

from __future__ import annotations

from probe_lab.servers.messengers.xmpps import SERVER as SERVER
