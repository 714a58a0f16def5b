"""Network operations, one observation each. Nothing here judges."""
