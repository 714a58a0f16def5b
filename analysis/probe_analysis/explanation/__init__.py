"""From a stored row to the rule that decided it, and to what that rule read."""
