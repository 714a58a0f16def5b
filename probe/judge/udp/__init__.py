"""QUIC, STUN and what else is spoken in datagrams: evidence and rules."""
