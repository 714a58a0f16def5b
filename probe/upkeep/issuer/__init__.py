"""What an issuer of proofs of age and a volunteer say to each other: `issuer_protocol.py`.

OONI's anonymous credentials could do more, since they also count submissions. But their library (`ooniauth-py` 0.3.3)
cannot read a stored credential, and has no wheels for arm64 under Linux.
"""
