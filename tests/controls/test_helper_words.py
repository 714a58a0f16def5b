"""The words of older helpers, and ours."""

from __future__ import annotations

import pytest

from probe.controls.helper_protocol import OLD_WORDS
from probe.core.tables.failures import Failure
from probe_operate.reaching.old_words import to_old_dns_word, to_old_http_word, to_old_tcp_word


def test_old_words_lead_back_to_ours() -> None:
    words: tuple[Failure, ...] = ("dns_nxdomain_error", "connection_refused", "generic_timeout_error")
    said = [(to_old_dns_word(words[0]), words[0]), *((to_old_http_word(word), word) for word in words[1:]),
            *((to_old_tcp_word(word), word) for word in words[1:])]
    for old, word in said:
        assert old is not None
        assert OLD_WORDS.get(old, old) == word
    assert to_old_tcp_word("host_unreachable") == "connect_error"


@pytest.mark.parametrize(("ours", "of_name", "of_page"), [
    ("", None, None),
    ("dns_nxdomain_error", "dns_name_error", "dns_lookup_error"),
    ("dns_no_answer", None, "dns_lookup_error"),
    ("dns_refused_error", "dns_server_failure", "dns_lookup_error"),
    ("dns_server_misbehaving", "dns_server_failure", "dns_lookup_error"),
    ("dns_temporary_failure", "dns_server_failure", "dns_lookup_error"),
    ("dns_servfail_error", "unknown_error", "unknown_error"),
    ("dns_bogon_error", "unknown_error", "unknown_error"),
    ("generic_timeout_error", "unknown_error", "generic_timeout_error"),
])
def test_lookups_fail_in_their_words(ours: Failure, of_name: str | None, of_page: str | None) -> None:
    """As the mapping in OONI's helper has it, of the name and of a page whose name is looked up."""
    assert (to_old_dns_word(ours), to_old_http_word(ours)) == (of_name, of_page)
