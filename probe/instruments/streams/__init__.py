"""TCP sockets, TLS handshakes and HTTP exchanges, on sockets that count their bytes and remember how they ended."""
