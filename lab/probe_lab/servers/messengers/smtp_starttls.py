"""The same server as for SMTP within TLS, in the clear up to STARTTLS."""

from __future__ import annotations

from probe_lab.servers.messengers.smtp import SERVER as SERVER
