"""The same server as for IMAP within TLS, in the clear up to STARTTLS."""

from __future__ import annotations

from probe_lab.servers.messengers.imap import SERVER as SERVER
