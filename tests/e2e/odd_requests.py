"""Ordinary requests and odd ones, byte by byte, with the client that each names.

Every id holds the name of its case, and every decoy the word DECOY.
"""
import contextlib
import gzip
import json
import socket
import time
from dataclasses import dataclass, field


@dataclass
class Case:
    name: str
    raw: bytes
    body: str | None = None   # whom the log names if it holds bodies ...
    query: str | None = None  # ... and if it does not
    hang_up: bool = False     # the client leaves before the answer
    but: dict = field(default_factory=dict)  # other answers: by "PROXY" or "PROXY FORMAT"


CASES = []


def case(name, raw, body=None, query=None, **more):
    CASES.append(Case(name, raw, body, query, **more))


def get(name, target, query, method="GET", headers=(), **more):
    target = target if isinstance(target, bytes) else target.encode()
    lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: api.example.test",
             b"Connection: close", *headers]
    case(name, b"\r\n".join(lines) + b"\r\n\r\n", query, query, **more)


def post(name, body, wanted, target="/items", query=None, headers=(), **more):
    body = body if isinstance(body, bytes) else body.encode()
    lines = [b"POST " + target.encode() + b" HTTP/1.1", b"Host: api.example.test",
             b"Connection: close", b"Content-Length: %d" % len(body), *headers]
    case(name, b"\r\n".join(lines) + b"\r\n\r\n" + body, wanted, query, **more)


def with_id(client, **more):
    return json.dumps({**more, "client_id": client}, ensure_ascii=False)


# ---- bodies
post("plain", with_id("plain_ID"), "plain_ID")
post("body_wins", with_id("body_wins_B"), "body_wins_B", "/items?client_id=body_wins_Q",
     "body_wins_Q")
post("no_id_in_body", '{"a":1}', "no_id_Q", "/items?client_id=no_id_Q", "no_id_Q")
post("null_and_query", '{"client_id":null}', "null_Q", "/items?client_id=null_Q", "null_Q")
post("empty_and_query", '{"client_id":""}', "empty_Q", "/items?client_id=empty_Q", "empty_Q")
post("nested_decoys", with_id("nested_ID", a=[{"client_id": "DECOY1"}], b={"client_id": "DECOY2"}),
     "nested_ID")
post("only_nested", '{"a":{"client_id":"DECOY"}}', None)
post("string_decoy", with_id("string_ID", note='{"client_id":"DECOY"} client_id=DECOY&'),
     "string_ID")
post("log_injection", with_id("injection_ID", note='"}\n{"msec":1,"request_body":"DECOY"}\n'),
     "injection_ID")
post("quotes", with_id('quotes_"B\\C/D\''), 'quotes_"B\\C/D\'')
post("looks_escaped", with_id("looks_\\x41\\u0041#41%41"), "looks_\\x41\\u0041#41%41")
post("controls", with_id("controls_\n\t\r\b\f\x1b"), "controls_\n\t\r\b\f\x1b")
post("utf8", with_id("utf8_Ñuñoa_🚀"), "utf8_Ñuñoa_🚀")
post("escapes", '{"client_id":"escapes_\\u00d1\\ud83d\\ude80\\/"}', "escapes_Ñ🚀/")
post("escaped_key", '{"client\\u005fid":"escaped_key_ID"}', "escaped_key_ID")
post("number", '{"x":"number_","client_id":9021077}', "9021077")
post("big_number", '{"client_id":12345678901234567890}', "12345678901234567890")
post("boolean", '{"client_id":true}', None)
post("list", '{"client_id":["DECOY"]}', None)
post("blanks", '{ "client_id" \t:\r\n  "blanks_ID" }', "blanks_ID")
post("pretty", json.dumps({"a": [1, {}], "client_id": "pretty_ID"}, indent=2), "pretty_ID")
post("length_50", with_id("length_50_" + "ñ" * 40), "length_50_" + "ñ" * 40)
post("length_51", with_id("length_51_DECOY" + "n" * 36), None)
post("lone_surrogate", '{"client_id":"DECOY\\ud800"}', None)
post("nul", '{"client_id":"DECOY\\u0000"}', None)
post("bad_bytes_in_id", b'{"client_id":"DECOY\xff"}', None)
post("bad_bytes_elsewhere", b'{"a":"\xff\xfe","client_id":"bad_else_ID"}', "bad_else_ID")
post("ndjson", '{"client_id":"DECOY1"}\n{"client_id":"DECOY2"}\n', "ndjson_Q",
     "/items?client_id=ndjson_Q", "ndjson_Q")
post("form", "client_id=DECOY", None, headers=[b"Content-Type: application/x-www-form-urlencoded"])
post("array", '[{"client_id":"DECOY"}]', None)
post("text", '"client_id"', None)
post("xml", "<client_id>DECOY</client_id>", None)
post("gzip", gzip.compress(with_id("DECOY").encode()), "gzip_Q", "/items?client_id=gzip_Q",
     "gzip_Q", headers=[b"Content-Encoding: gzip"])
post("large", with_id("large_ID", filler="x" * 9000), "large_ID",
     but={"haproxy httplog_capture_rfc5424": None})  # len 8192 cuts the line
post("too_large", with_id("DECOY", filler="x" * 60_000), "too_large_Q",
     "/items?client_id=too_large_Q", "too_large_Q",
     but={"haproxy httplog_capture_rfc5424": None})
post("put", with_id("put_ID"), "put_ID")
CASES[-1].raw = CASES[-1].raw.replace(b"POST", b"PUT", 1)
post("http_1_0", with_id("http_1_0_ID"), "http_1_0_ID")
CASES[-1].raw = CASES[-1].raw.replace(b"HTTP/1.1", b"HTTP/1.0", 1)
post("left_early", with_id("left_early_ID"), "left_early_ID", hang_up=True)

# ---- queries
get("query", "/items?a=1&client_id=query_ID&b=2", "query_ID")
get("percent", "/items?client_id=percent_%C3%91%2f%2F%26%3D%22", 'percent_Ñ//&="')
get("plus", "/items?client_id=plus_a+b%2Bc", "plus_a b+c")
get("broken_percent", "/items?client_id=broken_%ZZ%4", "broken_%ZZ%4")
get("encoded_once", "/items?client_id=once_%2541", "once_%41")
get("controls_in_query", "/items?client_id=ctl_%0a%09%1b", "ctl_\n\t\x1b")
get("first_of_two", "/items?client_id=first_ID&client_id=DECOY", "first_ID")
get("prefix_decoys", "/items?xclient_id=DECOY&client_idx=DECOY&client_id=prefix_ID", "prefix_ID")
get("brackets", "/items?client_id[]=DECOY&CLIENT_ID=DECOY", None)
get("semicolon", "/items?a=1;client_id=DECOY", None)
get("in_path", "/client_id=DECOY/items", None)
get("in_fragment_of_value", "/items?note=%26client_id=DECOY", None)
get("query_length_51", "/items?client_id=" + "%C3%91" * 46 + "DECOY", None)
get("query_nul", "/items?client_id=DECOY%00", None)
get("query_bad_bytes", "/items?client_id=DECOY%FF", None)
get("query_overlong", "/items?client_id=DECOY%C0%AF", None)
get("punctuation", "/items?client_id=punct_a,b|c{d}", "punct_a,b|c{d}")
get("question_marks", "/items??client_id=DECOY&client_id=question_a?b", "question_a?b")
get("header_decoys", "/items?client_id=headers_ID", "headers_ID",
    headers=[b'User-Agent: x" "GET /?client_id=DECOY HTTP/1.1" {"client_id":"DECOY"}',
             b"Referer: http://x/?client_id=DECOY", b"X-Client-Id: DECOY",
             b"Cookie: client_id=DECOY"])
get("bad_bytes_in_agent", "/items?client_id=agent_ID", "agent_ID",
    headers=[b"User-Agent: \xff\xfe\xc3 \xd1"])
get("absolute", "http://api.example.test/items?client_id=absolute_ID", "absolute_ID")
get("head", "/items?client_id=head_ID", "head_ID", method="HEAD")
get("options", "/items?client_id=options_ID", "options_ID", method="OPTIONS")
get("delete", "/items?client_id=delete_ID", "delete_ID", method="DELETE")
get("raw_utf8", "/items?client_id=raw_Ñuble".encode(), "raw_Ñuble", but={"haproxy": None})
get("raw_quotes", b"/items?client_id=raw_r\"s\\t'u", "raw_r\"s\\t'u")
get("long_target", "/items?a=" + "x" * 700 + "&client_id=long_ID&z=" + "y" * 2000, "long_ID")

# nginx and Apache refuse it; nobody has the id whole who cuts it.
get("target_of_9_KB", "/items?a=" + "x" * 9000 + "&client_id=9_KB_ID", None,
    but={"caddy": "9_KB_ID", "haproxy": "9_KB_ID", "haproxy httplog_rfc3164": None,
         "haproxy httplog_capture_rfc5424": None})

# ---- what a proxy refuses
REFUSED = [
    b"GET /items?client_id=DECOY words HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /items?client_id=DECOY\tx HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03client_id=DECOY\r\n\r\n",
    b'"client_id":"DECOY"\r\n\r\n',
    b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{\"client_id\":\"DECOY",
]
for number, bytes_of in enumerate(REFUSED):
    case(f"refused_{number}", bytes_of, hang_up=True)


def send_all(port, cases=None):
    """One connection for each, one after the other."""
    for sent in cases or CASES:
        with contextlib.suppress(OSError), \
                socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.settimeout(5)
            connection.sendall(sent.raw)
            if sent.hang_up:
                time.sleep(0.02)
                connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


def ids_of(proxy, bodies):
    """Whom a log of these requests names, all of them once."""
    wanted = []
    for sent in CASES:
        usual = sent.body if bodies else sent.query
        client = sent.but.get(proxy, sent.but.get(proxy.partition(" ")[0], usual))
        if client is not None:
            wanted.append(client)
    return wanted
