// Writes an nginx access log as a busy API would: the same bytes for the same options, always.
// Clients follow a Zipf distribution; 60 % of the requests are a POST whose JSON body names the
// client among nested decoys, 30 % name it in the query, 10 % name none. A `json` line has 643
// bytes on average (log_format escape=json with the body last), a `combined` line about 200.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr int64_t kStartMs = 1'795'305'600'000;  // 2026-11-22T00:00:00Z

struct Options {
  uint64_t lines = 1'000'000;
  uint64_t clients = 10'000;
  uint64_t seed = 1;
  double zipf = 1.05;
  std::string format = "json";  // json | combined
  std::string body = "mixed";   // mixed (client_id first in 90 %) | last | pretty
  uint64_t log_rate = 10'000;   // lines a second by the log's own time
  uint64_t rate = 0;            // lines a second by the wall, with its time; 0: as fast as it goes
  std::string output;
  std::string truth;
};

/// splitmix64: small, and the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t bound) { return next() % bound; }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

/// Client k is drawn with a weight of 1 / (k + 1)^exponent.
class Zipf {
 public:
  Zipf(uint64_t count, double exponent) : cumulated_(count) {
    double sum = 0;
    for (uint64_t k = 0; k < count; ++k) {
      sum += std::pow(static_cast<double>(k + 1), -exponent);
      cumulated_[k] = sum;
    }
  }
  uint64_t draw(Random& random) const {
    const double at = random.unit() * cumulated_.back();
    const auto found = std::upper_bound(cumulated_.begin(), cumulated_.end(), at);
    return std::min<uint64_t>(static_cast<uint64_t>(found - cumulated_.begin()),
                              cumulated_.size() - 1);
  }

 private:
  std::vector<double> cumulated_;
};

std::string client_name(uint64_t k) {
  static constexpr std::string_view kPlaces[] = {"ARAUC", "XALAP", "BRUNO", "CANOT", "OAXAC",
                                                 "MERID", "TOLUC", "PUEBL", "TEPIC", "COLIM"};
  std::string name(kPlaces[k % 10]);
  name += '_';
  name += kPlaces[k / 10 % 10];
  name += '_';
  name += std::to_string(k);
  return name;
}

/// The outermost JSON escape of log_format escape=json.
void append_escaped(std::string& out, std::string_view text) {
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

/// A body with what misleads a careless reader: the key nested, in a text, and quotes escaped.
std::string body_of(const Options& options, std::string_view client, Random& random) {
  const bool last = options.body == "last" || (options.body == "mixed" && random.below(10) == 0);
  const bool pretty = options.body == "pretty";
  const std::string_view gap = pretty ? " " : "";
  const std::string_view fold = pretty ? "\n  " : "";
  const std::string key = "\"client_id\":" + std::string(gap) + '"' + std::string(client) + '"';
  std::string body = "{";
  body += fold;
  if (!last) body.append(key).append(",").append(fold);
  body.append("\"operation\":").append(gap).append("\"create\",").append(fold);
  body.append("\"records\":").append(gap).append("[{\"id\":").append(gap);
  body += std::to_string(random.below(1'000'000'000));
  body +=
      ",\"client_id\":\"decoy\",\"note\":\"say \\\"client_id\\\": "
      "no\",\"city\":\"Córdoba\"},{\"id\":";
  body += std::to_string(random.below(1'000'000'000));
  body +=
      ",\"amount\":" + std::to_string(random.below(100'000)) + ".25,\"table\":\"CANOTA\"},{\"id\":";
  body += std::to_string(random.below(1'000'000'000));
  body += ",\"place\":{\"client_id\":\"nested\",\"street\":\"Insurgentes Sur\"},\"tags\":[]}]";
  if (last) body.append(",").append(fold).append(key);
  if (pretty) body += '\n';
  return body + "}";
}

struct Request {
  std::string_view method;
  std::string uri;
  std::string body;
  int64_t client = -1;  // -1: none
};

Request draw_request(const Options& options, const Zipf& zipf,
                     const std::vector<std::string>& names, Random& random) {
  Request request;
  const uint64_t kind = random.below(10);
  const uint64_t client = zipf.draw(random);
  if (kind < 9) request.client = static_cast<int64_t>(client);
  if (kind < 6 && options.format == "json") {
    request.method = "POST";
    request.uri = "/items";
    request.body = body_of(options, names[client], random);
  } else if (kind < 9) {
    request.method = kind < 6 ? "POST" : "GET";
    request.uri = "/items?operation=list&page=" + std::to_string(random.below(100)) +
                  "&client_id=" + names[client];
  } else {
    request.method = "GET";
    request.uri = "/health?probe=" + std::to_string(random.below(1000));
  }
  return request;
}

constexpr std::string_view kAgents[] = {
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari",
    "okhttp/4.12.0", "python-requests/2.31.0 client_id=agent",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5"};

void append_time(std::string& out, int64_t ms, const char* format) {
  const time_t seconds = ms / 1000;
  tm broken{};
  gmtime_r(&seconds, &broken);
  char text[64];
  out.append(text, strftime(text, sizeof text, format, &broken));
}

void append_json(std::string& out, const Request& request, int64_t ms, Random& random) {
  char number[64];
  out += "{\"time\":\"";
  append_time(out, ms, "%Y-%m-%dT%H:%M:%S+00:00");
  std::snprintf(number, sizeof number, "\",\"msec\":%lld.%03lld", static_cast<long long>(ms / 1000),
                static_cast<long long>(ms % 1000));
  out += number;
  std::snprintf(number, sizeof number, ",\"remote_addr\":\"10.%u.%u.%u\",\"method\":\"",
                static_cast<unsigned>(random.below(256)), static_cast<unsigned>(random.below(256)),
                static_cast<unsigned>(random.below(256)));
  out += number;
  out.append(request.method).append("\",\"request_uri\":\"");
  append_escaped(out, request.uri);
  out += "\",\"args\":\"";
  if (const size_t query = request.uri.find('?'); query != std::string::npos) {
    append_escaped(out, std::string_view(request.uri).substr(query + 1));
  }
  std::snprintf(number, sizeof number, "\",\"status\":200,\"bytes\":%u,\"request_time\":0.%03u",
                static_cast<unsigned>(random.below(5000)),
                static_cast<unsigned>(random.below(1000)));
  out += number;
  out += ",\"host\":\"api.example.com\",\"referer\":\"https://app.example.com/?client_id=referer\"";
  out += ",\"user_agent\":\"";
  out += kAgents[random.below(4)];
  out += "\",\"upstream\":\"10.0.0.12:8080\",\"content_type\":\"";
  out += request.body.empty() ? "" : "application/json";
  out += "\",\"request_body\":\"";
  append_escaped(out, request.body);
  out += "\"}\n";
}

void append_combined(std::string& out, const Request& request, int64_t ms, Random& random) {
  char number[64];
  std::snprintf(number, sizeof number, "10.%u.%u.%u - - [",
                static_cast<unsigned>(random.below(256)), static_cast<unsigned>(random.below(256)),
                static_cast<unsigned>(random.below(256)));
  out += number;
  append_time(out, ms, "%d/%b/%Y:%H:%M:%S +0000] \"");
  out.append(request.method).append(" ").append(request.uri).append(" HTTP/1.1\" 200 ");
  out += std::to_string(random.below(5000));
  out += " \"https://app.example.com/?client_id=referer\" \"";
  out += kAgents[random.below(4)];
  out += "\"\n";
}

struct Truth {
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  uint64_t count = 0;
};

bool write_truth(const std::string& path, const std::vector<std::string>& names,
                 const std::vector<Truth>& truth) {
  FILE* file = std::fopen(path.c_str(), "w");
  if (!file) return false;
  for (size_t k = 0; k < names.size(); ++k) {
    if (truth[k].count == 0) continue;
    std::fprintf(
        file, "%s\t%lld\t%lld\t%llu\n", names[k].c_str(), static_cast<long long>(truth[k].last_ms),
        static_cast<long long>(truth[k].first_ms), static_cast<unsigned long long>(truth[k].count));
  }
  return std::fclose(file) == 0;
}

int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int generate(const Options& options) {
  FILE* out = options.output.empty() ? stdout : std::fopen(options.output.c_str(), "a");
  if (!out) return std::perror(options.output.c_str()), 1;
  Random random(options.seed);
  const Zipf zipf(options.clients, options.zipf);
  std::vector<std::string> names(options.clients);
  for (uint64_t k = 0; k < options.clients; ++k) names[k] = client_name(k);
  std::vector<Truth> truth(options.clients);
  const size_t chunk = options.rate ? 1 : 1 << 18;  // live: what is due goes out every 10 ms
  const auto start = std::chrono::steady_clock::now();
  std::string text;
  for (uint64_t line = 0; line < options.lines; ++line) {
    if (options.rate) {
      const auto due = start + std::chrono::microseconds(line * 1'000'000 / options.rate);
      if (due > std::chrono::steady_clock::now()) {
        std::fwrite(text.data(), 1, text.size(), out);
        std::fflush(out);
        text.clear();
        std::this_thread::sleep_until(due + std::chrono::milliseconds(10));
      }
    }
    const int64_t ms =
        options.rate ? wall_ms() : kStartMs + static_cast<int64_t>(line * 1000 / options.log_rate);
    const Request request = draw_request(options, zipf, names, random);
    if (options.format == "json") {
      append_json(text, request, ms, random);
    } else {
      append_combined(text, request, ms, random);
    }
    if (request.client >= 0) {
      Truth& known = truth[static_cast<size_t>(request.client)];
      if (known.count++ == 0) known.first_ms = ms;
      known.last_ms = std::max(known.last_ms, ms);
    }
    if (!options.rate && text.size() >= chunk) {
      std::fwrite(text.data(), 1, text.size(), out);
      text.clear();
    }
  }
  std::fwrite(text.data(), 1, text.size(), out);
  if (std::fflush(out) != 0 || std::ferror(out)) return std::perror("writing"), 1;
  if (!options.truth.empty() && !write_truth(options.truth, names, truth)) {
    return std::perror(options.truth.c_str()), 1;
  }
  return 0;
}

constexpr char kUsage[] =
    "generate_log [--lines N] [--clients N] [--seed N] [--zipf X] [--format json|combined]\n"
    "             [--body mixed|last|pretty] [--log-rate N] [--rate N] [--output FILE]\n"
    "             [--truth FILE]\n"
    "Appends to FILE (default: writes to stdout). --log-rate: lines a second by the log's time;\n"
    "--rate: live, lines a second by the wall. --truth: client, last ms, first ms, count.\n";

bool read_options(int argc, char** argv, Options& options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--lines")
      options.lines = std::strtoull(value, nullptr, 10);
    else if (name == "--clients")
      options.clients = std::strtoull(value, nullptr, 10);
    else if (name == "--seed")
      options.seed = std::strtoull(value, nullptr, 10);
    else if (name == "--zipf")
      options.zipf = std::strtod(value, nullptr);
    else if (name == "--format")
      options.format = value;
    else if (name == "--body")
      options.body = value;
    else if (name == "--log-rate")
      options.log_rate = std::strtoull(value, nullptr, 10);
    else if (name == "--rate")
      options.rate = std::strtoull(value, nullptr, 10);
    else if (name == "--output")
      options.output = value;
    else if (name == "--truth")
      options.truth = value;
    else
      return false;
  }
  return argc % 2 == 1 && options.clients > 0 && options.log_rate > 0 &&
         (options.format == "json" || options.format == "combined") &&
         (options.body == "mixed" || options.body == "last" || options.body == "pretty");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!read_options(argc, argv, options)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  return generate(options);
}
