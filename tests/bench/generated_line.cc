#include "generated_line.h"

#include <cstdio>
#include <ctime>

namespace {

constexpr std::string_view kAgents[] = {
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari",
    "okhttp/4.12.0", "python-requests/2.31.0 client_id=agent",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5"};
// As the corpus has them.
constexpr std::string_view kShortAgents[] = {"Java/17.0.9", "okhttp/4.12.0", "curl/7.88.1",
                                             "python-requests/2.31.0"};

/// At most 255 bytes at once.
template <typename... Values>
void append_format(std::string& out, const char* format, Values... values) {
  char text[256];
  const int size = std::snprintf(text, sizeof text, format, values...);
  out.append(text, static_cast<size_t>(size));
}

void append_time(std::string& out, int64_t ms, const char* format) {
  const time_t seconds = ms / 1000;
  tm broken{};
  gmtime_r(&seconds, &broken);
  char text[64];
  out.append(text, strftime(text, sizeof text, format, &broken));
}

void append_epoch(std::string& out, int64_t ms) {
  append_format(out, "%lld.%03lld", static_cast<long long>(ms / 1000),
                static_cast<long long>(ms % 1000));
}

void append_address(std::string& out, Random& random) {
  const unsigned c = random.below(256);
  const unsigned b = random.below(256);
  const unsigned a = random.below(256);
  append_format(out, "10.%u.%u.%u", a, b, c);
}

/// The outermost JSON escape of log_format escape=json.
void append_json_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

/// HAProxy's json converter escapes the slash too.
void append_haproxy_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '/') out += '\\';
    out += c;
  }
}

/// nginx without escape=json; an empty value is `-`.
void append_nginx_escaped(std::string& out, std::string_view text) {
  if (text.empty()) out += '-';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || byte < 32 || byte > 126) {
      append_format(out, "\\x%02X", byte);
    } else {
      out += c;
    }
  }
}

std::string_view query_of(const Request& request) {
  const size_t mark = request.uri.find('?');
  return mark == std::string::npos ? std::string_view()
                                   : std::string_view(request.uri).substr(mark + 1);
}

void append_json(std::string& out, const Request& request, int64_t ms, Random& random) {
  out += "{\"time\":\"";
  append_time(out, ms, "%Y-%m-%dT%H:%M:%S+00:00");
  out += "\",\"msec\":";
  append_epoch(out, ms);
  out += ",\"remote_addr\":\"";
  append_address(out, random);
  out.append("\",\"method\":\"").append(request.method).append("\",\"request_uri\":\"");
  append_json_escaped(out, request.uri);
  out += "\",\"args\":\"";
  append_json_escaped(out, query_of(request));
  const unsigned request_ms = random.below(1000);
  append_format(out, "\",\"status\":200,\"bytes\":%u,\"request_time\":0.%03u", random.below(5000),
                request_ms);
  out += ",\"host\":\"api.example.com\",\"referer\":\"https://app.example.com/?client_id=referer\"";
  out += ",\"user_agent\":\"";
  out += kAgents[random.below(4)];
  out += "\",\"upstream\":\"10.0.0.12:8080\",\"content_type\":\"";
  out += request.body.empty() ? "" : "application/json";
  out += "\",\"request_body\":\"";
  append_json_escaped(out, request.body);
  out += "\"}\n";
}

/// What nginx and Apache call combined; `referer` and `agent` as the request had them.
void append_combined_with(std::string& out, const Request& request, int64_t ms, Random& random,
                          std::string_view referer, const std::string_view (&agents)[4]) {
  append_address(out, random);
  out += " - - [";
  append_time(out, ms, "%d/%b/%Y:%H:%M:%S +0000] \"");
  out.append(request.method).append(" ").append(request.uri).append(" HTTP/1.1\" 200 ");
  out += std::to_string(random.below(5000));
  out.append(" \"").append(referer).append("\" \"").append(agents[random.below(4)]).append("\"");
}

void append_combined(std::string& out, const Request& request, int64_t ms, Random& random) {
  append_combined_with(out, request, ms, random, "https://app.example.com/?client_id=referer",
                       kAgents);
  out += '\n';
}

/// nginx/combined_custom of the corpus.
void append_custom(std::string& out, const Request& request, int64_t ms, Random& random) {
  append_combined_with(out, request, ms, random, "-", kShortAgents);
  append_format(out, " \"-\" rt=0.%03u host=\"api.example.test\" xcid=\"-\" ck=\"-\"\n",
                random.below(1000));
}

/// envoy/json of the corpus.
void append_envoy(std::string& out, const Request& request, int64_t ms, Random& random) {
  append_format(out, "{\"authority\":\"api.example.test\",\"bytes_received\":%u,",
                random.below(99));
  append_format(out, "\"bytes_sent\":%u,\"connection_termination_details\":null,",
                random.below(5000));
  out += "\"downstream_local_address\":\"10.0.0.5:10000\",\"downstream_remote_address\":\"";
  append_address(out, random);
  const unsigned port = 30'000 + random.below(30'000);
  append_format(out, ":%u\",\"duration\":%u,\"method\":\"", port, random.below(500));
  out.append(request.method).append("\",\"path\":\"");
  append_json_escaped(out, request.uri);
  const uint64_t id = random.next();
  append_format(out, "\",\"protocol\":\"HTTP/1.1\",\"request_id\":\"%08x-20ff-41c1-91c4-%012llx\",",
                static_cast<unsigned>(id >> 33),
                static_cast<unsigned long long>(id & 0xffff'ffff'ffff));
  out +=
      "\"requested_server_name\":null,\"response_code\":200,\"response_code_details\":"
      "\"via_upstream\",\"response_flags\":\"-\",\"route_name\":\"default\",\"start_time\":\"";
  append_time(out, ms, "%Y-%m-%dT%H:%M:%S");
  append_format(out, ".%03uZ\",\"upstream_cluster\":\"app\",", static_cast<unsigned>(ms % 1000));
  append_format(out, "\"upstream_host\":\"10.0.6.%u:8080\",", random.below(9));
  append_format(out, "\"upstream_local_address\":\"10.0.0.5:%u\",\"upstream_service_time\":\"%u\",",
                port, random.below(500));
  out += "\"upstream_transport_failure_reason\":null,\"user_agent\":\"";
  out += kShortAgents[random.below(4)];
  out += "\",\"x_forwarded_for\":null}\n";
}

/// caddy/json_default of the corpus.
void append_caddy(std::string& out, const Request& request, int64_t ms, Random& random) {
  out += "{\"level\":\"info\",\"ts\":";
  append_epoch(out, ms);
  append_format(out, "%04u,\"logger\":\"http.log.access.log0\",\"msg\":\"handled request\",",
                random.below(10'000));
  out += "\"request\":{\"remote_ip\":\"";
  append_address(out, random);
  const unsigned port = 30'000 + random.below(30'000);
  append_format(out, "\",\"remote_port\":\"%u\",\"proto\":\"HTTP/1.1\",\"method\":\"", port);
  out.append(request.method).append("\",\"host\":\"api.example.test\",\"uri\":\"");
  append_json_escaped(out, request.uri);
  out += "\",\"headers\":{";
  // The order of a header map is a different one in each line.
  const bool agent_first = random.below(2) == 0;
  const std::string agent =
      "\"User-Agent\":[\"" + std::string(kShortAgents[random.below(4)]) + "\"]";
  if (agent_first) out.append(agent).append(",");
  if (request.method == "POST") out += "\"Content-Type\":[\"application/json\"],";
  out += "\"Accept\":[\"*/*\"],\"Connection\":[\"close\"]";
  if (!agent_first) out.append(",").append(agent);
  append_format(out, "}},\"user_id\":\"\",\"duration\":0.000%06u,\"size\":12,\"status\":200,",
                random.below(1'000'000));
  out +=
      "\"resp_headers\":{\"Content-Length\":[\"12\"],\"Server\":[\"Caddy\"],\"Content-Type\":"
      "[\"application/json\"]}}\n";
}

/// haproxy/json_raw of the corpus.
void append_haproxy(std::string& out, const Request& request, int64_t ms, Random& random) {
  out += "{\"ts\":";
  append_epoch(out, ms);
  out += ",\"client\":\"";
  append_address(out, random);
  const unsigned port = 30'000 + random.below(30'000);
  append_format(out, ":%u\",\"frontend\":\"fe_json\",\"backend\":\"app\",\"server\":\"s1\",", port);
  out.append("\"status\":200,\"term\":\"--\",\"method\":\"").append(request.method);
  out += "\",\"uri\":\"";
  append_haproxy_escaped(out, request.uri);
  out += "\",\"body\":\"";
  append_haproxy_escaped(out, request.body.empty() ? "-" : request.body);
  const unsigned bytes = random.below(5000);
  append_format(out, "\",\"bytes\":%u,\"tr\":%u}\n", bytes, random.below(500));
}

/// nginx/logfmt of the corpus.
void append_logfmt(std::string& out, const Request& request, int64_t ms, Random& random) {
  out += "ts=";
  append_time(out, ms, "%Y-%m-%dT%H:%M:%S+00:00");
  out += " msec=";
  append_epoch(out, ms);
  out += " remote_addr=";
  append_address(out, random);
  out.append(" method=").append(request.method).append(" uri=\"");
  append_nginx_escaped(out, request.uri);
  out += "\" args=\"";
  append_nginx_escaped(out, query_of(request));
  append_format(out, "\" status=200 bytes=%u ua=\"", random.below(5000));
  append_nginx_escaped(out, kShortAgents[random.below(4)]);
  out += "\" body=\"";
  append_nginx_escaped(out, request.body);
  out += "\"\n";
}

/// nginx/ltsv of the corpus.
void append_ltsv(std::string& out, const Request& request, int64_t ms, Random& random) {
  out += "time:";
  append_time(out, ms, "%d/%b/%Y:%H:%M:%S +0000\thost:");
  append_address(out, random);
  out.append("\treq:").append(request.method).append(" ");
  append_nginx_escaped(out, request.uri);
  append_format(out, " HTTP/1.1\tstatus:200\tsize:%u\treferer:-\tua:", random.below(5000));
  append_nginx_escaped(out, kShortAgents[random.below(4)]);
  append_format(out, "\treqtime:0.%03u\tbody:", random.below(1000));
  append_nginx_escaped(out, request.body);
  out += '\n';
}

constexpr LogFormat kFormats[] = {
    {"json", BodySize::kLarge, append_json},     {"combined", BodySize::kNone, append_combined},
    {"custom", BodySize::kNone, append_custom},  {"envoy", BodySize::kNone, append_envoy},
    {"caddy", BodySize::kNone, append_caddy},    {"haproxy", BodySize::kSmall, append_haproxy},
    {"logfmt", BodySize::kSmall, append_logfmt}, {"ltsv", BodySize::kSmall, append_ltsv},
};

}  // namespace

const LogFormat* find_log_format(std::string_view name) {
  for (const LogFormat& format : kFormats) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

std::string log_format_names() {
  std::string names;
  for (const LogFormat& format : kFormats) {
    names.append(names.empty() ? "" : "|").append(format.name);
  }
  return names;
}
