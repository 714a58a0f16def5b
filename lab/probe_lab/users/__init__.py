"""People's programs in the laboratory, on the same path as the probe: what strikes them is the truth that counts."""
