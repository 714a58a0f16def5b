"""Why an operation was made: the words of the observation's `purpose`."""

from __future__ import annotations

PURPOSES: dict[str, str] = {
    "target": "measures the target itself",
    "innocent": "asks the target's own address, or the dark one, for an innocent name, to see whether it fares alike",
    "port": "tries another port of the target's address",
    "trusted": "measures the target at addresses from trusted resolvers, behind a forged answer",
    "ladder": "tells how far the network reaches before any target is tried",
    "dark": "asks an address that answers no such question, to catch injected answers",
    "trace": "looks how far connection attempts to the target's address get",
    "reference": "looks how far they get to an address that answers",
    "version": "asks the target's address for a version of QUIC that does not exist, which every server answers",
    "locate": "looks at which hop the target's name is interfered with",
    "residual": "asks an innocent name again after the target failed, to see what the failure left behind",
    "redirect": "follows a redirect of the target",
}
