"""Why an operation was made: the words of the observation's `purpose`."""

from __future__ import annotations

from typing import Literal

Purpose = Literal[
    "target", "innocent", "port", "bytes", "shape", "program", "foreign", "foreign_helper",
    "trusted", "ladder", "dark", "trace",
    "route", "reference", "neighbour", "version", "sample", "yardstick", "locate", "residual", "redirect", "aside",
    "again", "turn", "beside", "stay", "records", "zone", "https",
]

PURPOSES: dict[Purpose, str] = {
    "target": "measures the target itself",
    "innocent": "asks the target's own address, or the dark one, for an innocent name, to see whether it fares alike",
    "port": "tries another port of the target's address",
    "bytes": "says innocent bytes that are no TLS to the target's address and port, between hellos that vanish",
    "shape": "asks the target's address with a ClientHello of another shape, after the library's own failed",
    "program": "asks the target's address with the ClientHello of a program that people use, though the library's own "
               "passes; where it fails, with the library's in turns, and for an innocent name",
    "foreign": "asks a server whose operator agreed for the target's name, and before that for an innocent one",
    "foreign_helper": "asks helpers whose operators agreed for the target's name, and before that for an innocent one",
    "trusted": "measures the target at addresses from trusted resolvers, behind a forged answer",
    "ladder": "tells how far the network reaches before any target is tried",
    "dark": "asks an address that answers no such question, to catch injected answers",
    "trace": "looks how far connection attempts to the target's address get",
    "route": "looks which routers are on the way to an address where connections are ended early",
    "reference": "looks how far they get to an address that answers",
    "neighbour": "looks how far they get to another address of the same small network, whatever stands there",
    "version": "asks the target's address for a version of QUIC that does not exist, which every server answers",
    "sample": "takes some volume from the target, to see how fast and how far it flows",
    "yardstick": "takes as much under an innocent name at the target's address, or from another service, to compare; "
                 "or asks the network's resolver for an innocent name twice, to see whether its answers grow older",
    "locate": "looks at which hop the target's name is interfered with",
    "residual": "asks an innocent name again after the target failed, to see what the failure left behind",
    "redirect": "follows a redirect of the target",
    "aside": "was seen by another program, and bears on no verdict of ours",
    "again": "asks the network's resolver for a denied name once more, to see whether the denial grows older",
    "turn": "makes a small exchange with the target, in turns with others, to count what is lost",
    "beside": "does what a turn or a stay does, under an innocent name at the target's address, or at another owner's",
    "stay": "keeps a connection with the target for a while, with small exchanges, to see whether it lasts",
    "records": "sends small records on a connection that works, with the target or under an innocent name at its "
               "address, to see whether a number of packets freezes it",
    "zone": "asks the network's resolver for the SOA of a name that it denies, or fails for",
    "https": "asks for the HTTPS record (type 65) of a name, as phones and browsers do beside its addresses",
}
FOREIGN_NAMES: frozenset[Purpose] = frozenset({"foreign", "foreign_helper"})
"""What asks servers for names that are not theirs."""
OF_OWN_LINE: frozenset[Purpose] = frozenset({"ladder", "locate", "trace", "route", "reference", "neighbour"})
"""What tells of the volunteer's own line."""
NOT_PUBLISHED: frozenset[Purpose] = OF_OWN_LINE | FOREIGN_NAMES
"""That, and where helpers and other servers are that the volunteer's configuration names: they may be his own."""
