"""Conditions and sentences of rules by name: the name alone fails at its address, or fails at other servers too.

A server may refuse a name, or visitors, by an alert or an orderly end, so these convict only where they come from
nearer than the server, or with packets. What no rule says, nobody has seen a censor do: it stays unexplained.
"""

from __future__ import annotations

from probe.judge.path.path_context import PathContext, acts_nearer, controls_reach, convicts

CONTROLLED = ("at this address a harmless name works, this name fails; another network reaches the service: the "
              "name is blocked here")
ENDED_NEARER = ("something on the way ends connections under this name; a harmless name works; another network "
                "reaches the service: a block")
FORGED = ("at this address a harmless name works; forged packets end connections under this name: the name is blocked "
          "here")
NEARER_ALONE = ("at this address a harmless name works; something on the way ends connections under this name: "
                "a block")
ALONE = "at this address a harmless name works and this name never does: the name seems to be blocked here"
WHEREVER = ("even connections to an unrelated server fail under this name and work under a harmless name: the name is "
            "blocked")


def is_name_alone(c: PathContext) -> bool:
    """An innocent name is answered there, and not by the very alert that ends ours. Where another server is reached by
    this name, it is not the name alone."""
    answered = c.path.innocent == "reached" and not c.path.tls.alerted_alike
    return answered and convicts(c) and c.path.tls.shapes.elsewhere != "passes"


def fails_there_too(c: PathContext) -> bool:
    """At a server that has nothing to do with it, and whose operator agreed to be asked."""
    return convicts(c) and c.path.tls.shapes.elsewhere == "name"


def is_ended_nearer(c: PathContext) -> bool:
    """A server ends connections, too, that takes no visitors from here: for one name alone where it serves many."""
    return controls_reach(c) and acts_nearer(c)


def no_control_answers(c: PathContext) -> bool:
    return not c.path.controls.answered
