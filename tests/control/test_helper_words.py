"""The words of older helpers, and ours."""

from __future__ import annotations

from probe.control.helper_protocol import OLD_WORDS, to_old_dns_word, to_old_http_word, to_old_tcp_word
from probe.core.tables.failures import Failure


def test_old_words_lead_back_to_ours() -> None:
    words: tuple[Failure, ...] = ("dns_nxdomain_error", "connection_refused", "generic_timeout_error")
    said = [(to_old_dns_word(words[0]), words[0]), *((to_old_http_word(word), word) for word in words[1:]),
            *((to_old_tcp_word(word), word) for word in words[1:])]
    for old, word in said:
        assert old is not None
        assert OLD_WORDS.get(old, old) == word
    assert to_old_dns_word("dns_no_answer") is None
    assert to_old_tcp_word("host_unreachable") == "connect_error"
