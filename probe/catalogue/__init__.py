"""The catalogue: which endpoints belong to which service, and what is known of them. Reads files, nothing else."""
