"""Services whose connections are in trouble for days on one network: suspicions that only many runs can have."""
