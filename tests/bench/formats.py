"""The logs that reading is measured on: what generate_log is asked for, and the parser for it."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    name: str
    parser: object  # as in a configuration
    options: tuple  # of generate_log
    target: int     # lines a second


FORMATS = [
    Format("nginx json", "json", (), 3_000_000),
    Format("nginx json, client_id last", "json", ("--body", "last"), 2_000_000),
    Format("nginx json, pretty-printed bodies", "json", ("--body", "pretty"), 2_000_000),
    Format("combined", "combined", ("--format", "combined"), 5_000_000),
]
