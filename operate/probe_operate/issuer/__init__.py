"""The issuer of proofs of age, which stands beside an inbox: begin with `issuing.py`."""
