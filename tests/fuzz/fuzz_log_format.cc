// A format string and a line, both of any bytes; lines of the formats that everybody has; and one
// request logged by every dialect, which must give one answer.
#include <array>
#include <cstddef>
#include <cstdint>

#include "fuzz/parser_invariants.h"
#include "unit/parsers/escaped_lines.h"

namespace lastseen {
namespace {

constexpr std::array<const char*, 4> kDialects = {"nginx", "apache", "envoy", "haproxy"};

struct Known {
  const char* dialect;
  const char* format;
  const char* preset;
};
constexpr std::array<Known, 8> kKnown = {{
    {"nginx", "", "combined"},
    {"nginx",
     R"(escape=none '$remote_addr [$time_iso8601] "$request" $status )"
     R"("$http_user_agent" body="$request_body"')",
     ""},
    {"nginx", R"($msec $remote_user [$time_local] $http_x|$remote_addr $uri$args "$client_id")",
     ""},
    {"apache", R"(%a %{%Y-%m-%dT%T}t.%{usec_frac}t%{%z}t %m %U%q %H "%{client_id}n")", ""},
    {"envoy", "", "default"},
    {"envoy",
     R"([%START_TIME(%s.%6f)%] %REQ(:PATH):9% "%REQ(UA)%" "%DYNAMIC_METADATA(a:client_id)%")", ""},
    {"haproxy", "", "httplog"},
    {"haproxy", R"(%ci:%cp [%t] %{+E}[var(txn.body)] %hr %hs %{+Q}r %HP%HQ)", ""},
}};

void check_line(const ParserSettings& settings, std::string_view line) {
  auto parser = make_parser(settings, {});
  if (!parser) {
    CHECK(parser.status().message().starts_with("log_format: "));
    return;
  }
  const FuzzAnswer answer = answer_of(**parser, line);
  answer_of(**parser, "something else");
  CHECK(answer == answer_of(**parser, line));
}

void check_request(std::string_view target, std::string_view body) {
  const std::vector<EscapedLine> lines = escaped_lines(target, body);
  const FuzzAnswer wanted = answer_of(*parser_of(lines[0].settings), lines[0].line);
  for (const EscapedLine& line : lines) {
    CHECK(wanted == answer_of(*parser_of(line.settings), line.line));
  }
}

}  // namespace
}  // namespace lastseen

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lastseen;
  if (size == 0) return 0;
  const uint8_t choice = data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t middle = std::min(bytes.find('\0'), bytes.size());
  const std::string_view first = bytes.substr(0, middle);
  const std::string_view second = bytes.substr(std::min(middle + 1, bytes.size()));
  ParserSettings settings;
  settings.type = "log_format";
  if (choice < kDialects.size()) {
    settings.dialect = kDialects[choice];
    settings.format = first;
    check_line(settings, second);
  } else if (choice < kDialects.size() + kKnown.size()) {
    const Known& known = kKnown[choice - kDialects.size()];
    settings.dialect = known.dialect;
    settings.format = known.format;
    settings.preset = known.preset;
    check_line(settings, bytes);
  } else {
    check_request(first, second);
  }
  return 0;
}
