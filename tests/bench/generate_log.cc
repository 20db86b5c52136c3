// Writes an access log as a busy API would: the same bytes for the same options, always. Clients
// follow a Zipf distribution; 60 % of the requests are a POST whose JSON body names the client
// among nested decoys (in the query where the format logs no body), 30 % name it in the query, 10 %
// name none. A `json` line has 643 bytes on average (log_format escape=json with the body last), a
// `combined` line about 200; the other formats are those of tests/corpus, and as long.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "generated_line.h"
#include "generated_request.h"

namespace {

constexpr int64_t kStartMs = 1'795'305'600'000;  // 2026-11-22T00:00:00Z

struct Options {
  RequestOptions requests;
  uint64_t lines = 1'000'000;
  std::string format = "json";
  uint64_t log_rate = 10'000;  // lines a second by the log's own time
  uint64_t rate = 0;           // lines a second by the wall, with its time; 0: as fast as it goes
  std::string output;
  std::string truth;
};

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

int generate(const Options& options, const LogFormat& format) {
  FILE* out = options.output.empty() ? stdout : std::fopen(options.output.c_str(), "a");
  if (!out) return std::perror(options.output.c_str()), 1;
  RequestGenerator requests(options.requests);
  std::vector<Truth> truth(options.requests.clients);
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
    const Request request = requests.next(format);
    format.append(text, request, ms, requests.random());
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
  if (!options.truth.empty() && !write_truth(options.truth, requests.clients(), truth)) {
    return std::perror(options.truth.c_str()), 1;
  }
  return 0;
}

constexpr char kUsage[] =
    "generate_log [--lines N] [--clients N] [--seed N] [--zipf X] [--format %s]\n"
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
      options.requests.clients = std::strtoull(value, nullptr, 10);
    else if (name == "--seed")
      options.requests.seed = std::strtoull(value, nullptr, 10);
    else if (name == "--zipf")
      options.requests.zipf = std::strtod(value, nullptr);
    else if (name == "--format")
      options.format = value;
    else if (name == "--body")
      options.requests.body = value;
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
  return argc % 2 == 1 && options.requests.clients > 0 && options.log_rate > 0 &&
         (options.requests.body == "mixed" || options.requests.body == "last" ||
          options.requests.body == "pretty");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  const bool good = read_options(argc, argv, options);
  const LogFormat* const format = find_log_format(options.format);
  if (!good || format == nullptr) {
    std::fprintf(stderr, kUsage, log_format_names().c_str());
    return 2;
  }
  return generate(options, *format);
}
