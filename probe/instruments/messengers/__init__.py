"""Messengers' own first words: pure builders and matchers by family, and the exchange that says them."""
