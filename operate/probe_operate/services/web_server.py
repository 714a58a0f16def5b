"""The configuration of nginx: lists, feeds, the site, and inbox, helper and issuer behind it. Pure.

Nobody's address is written: no access log, and an error log that takes none. Uploads are told to a service on a socket,
which forgets the address (`probe_operate.origins`). Who may upload, and how much, is the inbox's to say
(`probe_operate.receiving`).
"""

from __future__ import annotations

from probe_operate.origins.upload_lines import LOG_FORMAT
from probe_operate.receiving.upload_names import MAX_UPLOAD_MB, PATH_HEADER
from probe_operate.services.operator_choices import OperatorChoices, OperatorFolder

UPLOAD_USER = "volunteer"
INBOX_PATH = "/inbox/"
ORIGINS_RUNTIME = "/run/reachability-probe-origins"
"""A folder in memory: the socket that uploads are told to, and the key of this month's words for prefixes."""
ORIGINS_SOCKET = f"{ORIGINS_RUNTIME}/lines.sock"
_CREDENTIALS = "/run/credentials/reachability-probe-web.service"

ISSUER_PATH = "/issuer"
_ISSUER = """\

    # No address goes on to the issuer; limits by address are kept in memory.
    location {path}/ {{
      auth_basic "inbox"; auth_basic_user_file {logins};
      limit_req zone=uploads burst=20 nodelay;
      if ($request_method !~ "^(GET|POST)$") {{ return 405; }}
      proxy_pass http://127.0.0.1:{port}/;
      proxy_read_timeout 15s;
      client_max_body_size 16k;
    }}
"""

_ORIGINS = """\
  # Of an upload that was taken, who sent it is told to a service of this machine, which keeps the network alone.
  log_format origins {log_format};
  map "$request_method $status" $is_upload {{ default 0; "PUT 201" 1; }}
"""
_TELL = "      access_log syslog:server=unix:{socket},nohostname,tag=inbox origins if=$is_upload;\n"
_IN_FRONT = "  set_real_ip_from 127.0.0.1; set_real_ip_from ::1; real_ip_header {header};\n"

_TEMPLATE = """\
# Written by `probe operate init`, which writes it anew: change {choices_file}.
daemon off;
worker_processes 2;
pid {runtime}/nginx.pid;
error_log /dev/null crit;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  server_tokens off;
  default_type application/octet-stream;
  types {{
    text/html html; text/css css; text/javascript js; image/svg+xml svg; image/png png; text/csv csv;
    application/json json; application/atom+xml atom xml; text/plain txt;
  }}
  charset utf-8;
  client_max_body_size {max_mb}m;
  client_body_timeout 30s; client_header_timeout 10s; send_timeout 30s; keepalive_timeout 30s;
  large_client_header_buffers 4 8k;
  client_body_temp_path {runtime}/body;
  proxy_temp_path {runtime}/proxy; fastcgi_temp_path {runtime}/fastcgi; uwsgi_temp_path {runtime}/uwsgi;
  scgi_temp_path {runtime}/scgi;
  limit_conn_zone $binary_remote_addr zone=clients:10m;
  limit_req_zone $binary_remote_addr zone=uploads:10m rate=5r/s;
  limit_req_status 429; limit_conn_status 429;
{in_front}{origins}
  server {{
    listen 127.0.0.1:{health_port};
    location / {{ return 404; }}
    location = /health {{ return 200 "ok\\n"; }}
  }}

  server {{
{listen}
    server_name {host};
    root {public};
    limit_conn clients 64;
    add_header X-Content-Type-Options nosniff always;
    add_header Referrer-Policy no-referrer always;
    add_header Content-Security-Policy "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:" \
always;

    location / {{ root {public}/site; index index.html; limit_except GET {{ deny all; }} }}
    location = /join {{ default_type text/html; alias {public}/join.html; limit_except GET {{ deny all; }} }}
    location /feeds/ {{ limit_except GET {{ deny all; }} }}
    location /lists/ {{ limit_except GET {{ deny all; }} }}

    location {inbox} {{
{tell}      limit_req zone=uploads burst=100 nodelay;
      if ($request_method !~ "^(PUT|MKCOL)$") {{ return 405; }}
      proxy_pass http://127.0.0.1:{inbox_port};
      proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off;  # whoever may not upload fills no disk
      proxy_hide_header {path_header};
      proxy_read_timeout 240s; proxy_send_timeout 240s;
    }}

    location = /helper {{
      proxy_pass http://127.0.0.1:{helper_port}/;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header User-Agent $http_user_agent;
      proxy_read_timeout 45s;
      client_max_body_size 64k;
    }}
{issuer}  }}
}}
"""


def make_web_configuration(choices: OperatorChoices, folder: OperatorFolder, *,
                           runtime: str = "/run/reachability-probe-web", credentials: str = _CREDENTIALS,
                           origins_socket: str = ORIGINS_SOCKET) -> str:
    """The text of nginx.conf. `runtime`: a folder for what lasts as long as the server; `credentials`: where
    certificate and key lie; `origins_socket`: to which uploads are told."""
    if choices.certificate:
        listen = (f"    listen {choices.web_port} ssl; listen [::]:{choices.web_port} ssl;\n"
                  f"    ssl_certificate {credentials}/certificate; ssl_certificate_key {credentials}/key;\n"
                  "    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets off;\n"
                  "    add_header Strict-Transport-Security max-age=31536000 always;")
    else:
        listen = f"    listen 127.0.0.1:{choices.web_port};  # another server in front speaks TLS"
    return _TEMPLATE.format(
        choices_file=folder.root / "operator.toml", runtime=runtime, max_mb=MAX_UPLOAD_MB,
        inbox_port=choices.inbox_port, path_header=PATH_HEADER, health_port=choices.health_port, listen=listen,
        host=choices.host, public=folder.public, helper_port=choices.helper_port, inbox=INBOX_PATH,
        in_front=_IN_FRONT.format(header=choices.client_header) if choices.client_header else "",
        origins=_ORIGINS.format(log_format=LOG_FORMAT) if choices.knows_origins else "",
        tell=_TELL.format(socket=origins_socket) if choices.knows_origins else "", issuer=_ISSUER.format(
            path=ISSUER_PATH, logins=folder.logins, port=choices.issuer_port) if choices.issuer else "")
