"""Shake hands with port 443 of an address under a name; prints the name of what was raised, or an empty line."""

from __future__ import annotations

import socket
import ssl
import sys


def main() -> None:
    address, name = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((address, 443), timeout=10) as sock, context.wrap_socket(
                sock, server_hostname=name):
            print()
    except OSError as error:
        print(type(error).__name__)


if __name__ == "__main__":
    main()
