"""Domain words, one table per file. Tables hold words and meanings; code elsewhere runs them."""
