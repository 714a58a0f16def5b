"""The issuer of proofs of age, and its ledger."""
