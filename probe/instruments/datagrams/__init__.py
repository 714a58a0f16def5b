"""QUIC and STUN: handshakes and requests in datagrams, each an observation."""
