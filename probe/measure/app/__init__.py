"""Messengers' own first words: pure builders and matchers, one module for each family, and the exchange that says them."""
