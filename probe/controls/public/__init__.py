"""Public networks that a run asks itself, within a budget and about nothing but what failed."""
