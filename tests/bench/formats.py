"""The logs that reading is measured on: what generate_log is asked for, and the parser for it."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    name: str
    parser: object  # as in a configuration
    options: tuple  # of generate_log
    target: int     # lines a second; 0: GIGABYTES of them


# What the other formats are to be read at, however long their lines are.
GIGABYTES = 1.5

CUSTOM = ('$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
          '"$http_referer" "$http_user_agent" "$http_x_forwarded_for" rt=$request_time '
          'host="$host" xcid="$http_x_client_id" ck="$cookie_client_id"')

FORMATS = [
    Format("nginx json", "json", (), 3_000_000),
    Format("nginx json, client_id last", "json", ("--body", "last"), 2_000_000),
    Format("nginx json, pretty-printed bodies", "json", ("--body", "pretty"), 2_000_000),
    Format("combined", "combined", ("--format", "combined"), 5_000_000),
    Format("custom log_format", {"type": "log_format", "dialect": "nginx", "format": CUSTOM},
           ("--format", "custom"), 5_000_000),
    Format("Envoy json", "json", ("--format", "envoy"), 0),
    Format("Caddy json", "json", ("--format", "caddy"), 0),
    Format("HAProxy json", "json", ("--format", "haproxy"), 0),
    Format("logfmt", "logfmt", ("--format", "logfmt"), 0),
    Format("ltsv", "ltsv", ("--format", "ltsv"), 0),
]
