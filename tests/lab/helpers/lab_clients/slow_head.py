"""Begin a request within TLS and never end it: how does the server end that, after how long? Prints JSON.

Arguments: address, port, server name.
"""

import json
import socket
import ssl
import sys
import time

LONG_S = 25.0

address, port, name = sys.argv[1:]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with socket.create_connection((address, int(port)), timeout=LONG_S) as plain:
    stream = context.wrap_socket(plain, server_hostname=name)
    begin_s = time.monotonic()
    stream.sendall(b"HEAD / HTTP/1.1\r\nUser-Agent: ")
    said, end = b"", "closed"
    try:
        while data := stream.recv(4096):
            said += data
    except TimeoutError:
        end = "silent"
    except ConnectionResetError:
        end = "reset"
    except ssl.SSLError:
        pass
    after_s = time.monotonic() - begin_s
status = said.split()[1].decode() if said.startswith(b"HTTP/") else ""
print(json.dumps({"end": end, "status": status, "after_s": after_s}))
