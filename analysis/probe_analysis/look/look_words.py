"""Words of the sentences: what would decide a doubt, and what a role is called."""

from __future__ import annotations

from typing import Literal

from probe.core.tables.roles import SHORT
from probe_analysis.tables.event_checks import EVENT_CHECKS, EventCheck
from probe_analysis.tables.population_words import POPULATION_BASES, POPULATION_DOUBTS, PopulationDoubt

Topic = Literal["what", "where", "since", "how", "sure", "law", "stores", "else", "unmeasured", "decide"]
TOPICS: dict[Topic, str] = {
    "what": "What is seen",
    "where": "Where",
    "since": "Since when",
    "how": "How",
    "sure": "How sure",
    "law": "In legal lists",
    "stores": "In application stores",
    "else": "What else it could be",
    "unmeasured": "What nobody measured",
    "decide": "What would decide it",
}
"""Word -> heading, in the order of the page."""

DECIDES: dict[EventCheck | PopulationDoubt, str] = {
    "network": "measurements of other services on the same networks in the same hours",
    "service_or_instrument": "measurements of the service from other countries in the same hours",
    "one_device": "a second, independent probe on the same network",
    "one_interval": "measurements of the following hours",
    "version": "the same measurement with the version of the program from before",
    "habit": "measurements that go on for longer than the earlier failures lasted",
    "chance": "more measurements in the same hours",
    "fresh_names": "the same from probes that have measured there for days, or that whoever collects the results knows",
    "own_hello": "the same measurement with the TLS library from before",
    "outage": "counts of the whole traffic of the network in these hours, as IODA or Cloudflare Radar have them",
    "service": "measurements from another country in the same hours",
    "network_refused": "a control in the country, on a network of another kind",
    "address_refused": "another probe with another address on the same network",
    "edge": "measurements of the same address from a network that is served",
    "instrument": "the same version of the program on a network that is served",
    "lost_route": "a trace to the address, or measurements for longer than a day",
    "resolver": "lookups by a resolver outside the network",
}
"""Doubt -> what would settle it."""

WHO = "By whose act, and for what reason, was not measured."


_MEANINGS: dict[str, str] = {str(word): text for table in (EVENT_CHECKS, POPULATION_DOUBTS, POPULATION_BASES)
                             for word, text in table.items()}
_ROLE_NAMES: dict[str, str] = {str(word): text for word, text in SHORT.items()}


def describe_word(word: str) -> str:
    """What a check, a doubt or a basis says; the word itself where no table knows it."""
    return _MEANINGS.get(word, word.replace("_", " "))


def describe_doubt(word: str) -> str:
    """What was not excluded. A check says what may have happened, and a doubt of a population what is not known."""
    return f"that {describe_word(word)}" if word in EVENT_CHECKS else describe_word(word)


def name_role(role: str) -> str:
    """A role in a sentence."""
    return _ROLE_NAMES.get(role, role.replace("_", " "))
