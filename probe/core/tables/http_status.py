"""Status codes of HTTP that change how an answer is read (RFC 9110)."""

from __future__ import annotations

REDIRECTS = (301, 302, 303, 307, 308)
"""Their Location is where a GET goes on (section 15.4)."""
BODILESS = (204, 304)
"""No body follows the head, whatever it says (section 6.4.1)."""
