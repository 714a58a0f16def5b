"""The probe's side of a helper: one bounded exchange, and an answer of which nothing is trusted."""
