"""From stored verdicts to a page that a person can read."""
