// Nanoseconds and allocations a line of the parsers, on generated lines (deterministic by seed).
// The nginx json lines are like those of the log that the peers were measured on: 643 bytes on
// average, 10,000 clients, nine lines of ten name one, nested records in the body.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "allocations.h"
#include "parsers/parser.h"

namespace lastseen {
namespace {

constexpr int kClients = 10'000;
constexpr size_t kLines = 20'000;

enum class BodyShape { kIdFirst, kIdLast, kPretty };

std::string format(const char* text, auto... values) {
  char buffer[512];
  const int size = std::snprintf(buffer, sizeof buffer, text, values...);
  return std::string(buffer, static_cast<size_t>(size));
}

/// As nginx's escape=json does it.
std::string escape_json(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (c == '\n') {
      out += "\\n";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

class Generator {
 public:
  std::string body(BodyShape shape) {
    const std::string id = "\"client_id\":\"" + client() + "\"";
    std::string out = R"({"operation":"create","table_name":"CANOTA",)";
    if (shape != BodyShape::kIdLast) out += id + ",";
    out += format(R"("records":[{"id":%d,"qty":%d,"name":"placa 3/4\"","tags":["a","b"]},)",
                  number(100'000), number(50));
    out += format(R"({"id":%d,"qty":%d,"name":"tornillo"}])", number(100'000), number(50));
    if (shape == BodyShape::kIdLast) out += "," + id;
    out += "}";
    return shape == BodyShape::kPretty ? pretty(out) : out;
  }

  std::string json_line(BodyShape shape) {
    const bool named = number(10) != 0;
    const std::string logged = named ? escape_json(body(shape)) : "";
    const std::string target = format("/items/%d?limit=10", number(1000));
    std::string line = format(R"({"time":"2026-11-21T22:45:%02d-06:00","msec":17953227%02d.%03d,)"
                              R"("remote_addr":"127.0.%d.%d",)",
                              number(60), number(60), number(1000), number(8), number(256));
    line += R"("method":"POST","request":"POST )" + target + R"( HTTP/1.1","request_uri":")" +
            target + R"(","uri":"/items","args":"limit=10","status":201,"bytes":12,)" +
            format(R"("request_time":0.%03d,)", number(1000)) +
            R"("host":"api.example.test","referer":"","user_agent":"python-requests/2.31.0",)"
            R"("x_client_id":"","cookie_client_id":"","content_type":"application/json",)" +
            format(R"("content_length":"%d","request_body":")", static_cast<int>(logged.size())) +
            logged + "\"}";
    return line;
  }

  std::string combined_line() {
    return format("127.0.%d.%d - - [21/Nov/2026:22:45:%02d -0600] ", number(8), number(256),
                  number(60)) +
           format("\"GET /items/%d?limit=10&client_id=", number(1000)) + client() +
           " HTTP/1.1\" 200 12 \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) "
           "Gecko/20100101 Firefox/128.0\"";
  }

  std::string nginx_body_line() {
    std::string body = R"({"operation":"create","client_id":")" + client() + R"("})";
    std::string out = format("17953227%02d.%03d 127.0.%d.%d 201 \"/items/%d?limit=10\" \"",
                             number(60), number(1000), number(8), number(256), number(1000));
    for (const char c : body) out += c == '"' ? "\\x22" : std::string(1, c);
    return out + "\"";
  }

  std::string httplog_line() {
    return format("<134>Nov 22 04:45:%02d haproxy[4812]: 127.0.%d.%d:51175 ", number(60), number(8),
                  number(256)) +
           format("[22/Nov/2026:04:45:%02d.%03d] fe_httplog app/s1 0/0/0/%d/%d 200 90 - - ---- ",
                  number(60), number(1000), number(9), number(9)) +
           format("1/1/0/0/0 0/0 \"GET /items/%d?limit=10&client_id=", number(1000)) + client() +
           " HTTP/1.1\"";
  }

  std::string envoy_line() {
    return format("[2026-11-22T05:00:%02d.%03dZ] \"GET /items/%d?limit=5&client_id=", number(60),
                  number(1000), number(1000)) +
           client() +
           " HTTP/1.1\" 200 - 0 626 229 103 \"-\" \"curl/8.5.0\" "
           "\"e8595f01-20ff-41c1-91c4-0a7afd01e01b\" \"api.example.test\" \"10.0.2.72:8080\"";
  }

 private:
  int number(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  std::string client() { return format("tenant-%05d-norte", number(kClients)); }

  /// Line breaks and indentation as json.dumps(indent=2) puts them, near enough.
  static std::string pretty(const std::string& json) {
    std::string out;
    for (const char c : json) {
      if (c == '}' || c == ']') out += "\n  ";
      out.push_back(c);
      if (c == ',' || c == '{' || c == '[') out += "\n  ";
      if (c == ':') out += " ";
    }
    return out;
  }

  std::mt19937 random_{20261121};
};

template <class MakeLine>
void run(benchmark::State& state, const ParserSettings& settings, MakeLine make_line) {
  std::vector<std::string> lines(kLines);
  size_t bytes = 0;
  for (std::string& line : lines) {
    line = make_line();
    bytes += line.size();
  }
  std::unique_ptr<Parser> parser = *make_parser(settings, {});
  uint64_t sighted = 0;
  for (const std::string& line : lines) sighted += parser->parse(line).sighted;  // warms up
  if (sighted < kLines * 8 / 10) state.SkipWithError("too few lines name a client");

  const uint64_t allocations_before = allocations();
  uint64_t parsed = 0;
  for (auto _ : state) {
    for (const std::string& line : lines) benchmark::DoNotOptimize(parser->parse(line));
    parsed += kLines;
  }
  const auto counter = [](double value) { return benchmark::Counter(value); };
  state.counters["allocations/line"] = counter(
      static_cast<double>(allocations() - allocations_before) / static_cast<double>(parsed));
  state.counters["bytes/line"] = counter(static_cast<double>(bytes) / kLines);
  state.counters["time/line"] = benchmark::Counter(
      static_cast<double>(parsed), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.SetItemsProcessed(static_cast<int64_t>(parsed));
}

void run_json(benchmark::State& state, BodyShape shape) {
  Generator generator;
  run(state, {.type = "json", .time = "", .uri = "", .body = ""},
      [&] { return generator.json_line(shape); });
}

void BM_NginxJson(benchmark::State& state) {
  run_json(state, BodyShape::kIdFirst);
}
void BM_NginxJsonIdLast(benchmark::State& state) {
  run_json(state, BodyShape::kIdLast);
}
void BM_NginxJsonPretty(benchmark::State& state) {
  run_json(state, BodyShape::kPretty);
}
void BM_Combined(benchmark::State& state) {
  Generator generator;
  run(state, {.type = "combined", .time = "", .uri = "", .body = ""},
      [&] { return generator.combined_line(); });
}

ParserSettings log_format(const char* dialect, const char* format) {
  ParserSettings settings;
  settings.type = "log_format";
  settings.dialect = dialect;
  settings.format = format;
  return settings;
}
void BM_NginxFormat(benchmark::State& state) {
  Generator generator;
  run(state,
      log_format("nginx",
                 "$remote_addr - $remote_user [$time_local] \"$request\" $status "
                 "$body_bytes_sent \"$http_referer\" \"$http_user_agent\" "
                 "\"$http_x_forwarded_for\" rt=$request_time host=\"$host\""),
      [&] { return generator.combined_line() + R"( "-" rt=0.001 host="api.example.test")"; });
}
void BM_NginxBody(benchmark::State& state) {
  Generator generator;
  run(state, log_format("nginx", "$msec $remote_addr $status \"$request_uri\" \"$request_body\""),
      [&] { return generator.nginx_body_line(); });
}
void BM_Httplog(benchmark::State& state) {
  Generator generator;
  ParserSettings settings = log_format("haproxy", "");
  settings.preset = "httplog";
  settings.syslog = true;
  run(state, settings, [&] { return generator.httplog_line(); });
}
void BM_EnvoyText(benchmark::State& state) {
  Generator generator;
  ParserSettings settings = log_format("envoy", "");
  settings.preset = "default";
  run(state, settings, [&] { return generator.envoy_line(); });
}

BENCHMARK(BM_NginxJson)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NginxJsonIdLast)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NginxJsonPretty)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Combined)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NginxFormat)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NginxBody)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Httplog)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_EnvoyText)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lastseen

BENCHMARK_MAIN();
