// A format string of any bytes, in every dialect: it is compiled or refused with a place, and what
// was compiled reads any line.
#include <cstddef>
#include <cstdint>

#include "fuzz/parser_invariants.h"
#include "parsers/format_time.h"

namespace lastseen {
namespace {

void compile(const char* dialect, std::string_view format) {
  ParserSettings settings;
  settings.type = "log_format";
  settings.dialect = dialect;
  settings.format = format;
  auto parser = make_parser(settings, {});
  if (!parser) {
    // A message, the format (in one line) and a caret.
    const std::string& message = parser.status().message();
    CHECK(message.starts_with("log_format: "));
    if (format.empty()) return;
    CHECK(message.ends_with("^"));
    CHECK(message.find('\n') != message.rfind('\n'));
    return;
  }
  for (const std::string_view line :
       {format, std::string_view(), std::string_view("\" \"GET /?client_id=A HTTP/1.1\" 200")}) {
    const FuzzAnswer answer = answer_of(**parser, line);
    CHECK(answer == answer_of(**parser, line));
  }
}

}  // namespace
}  // namespace lastseen

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lastseen;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* dialect : {"nginx", "apache", "envoy", "haproxy"}) compile(dialect, text);

  TimePattern::Error error;
  const auto pattern = TimePattern::compile(text, &error);
  if (!pattern) {
    CHECK(!error.message.empty() && error.at <= text.size());
    return 0;
  }
  TimeParts parts;
  const char* const end = text.data() + text.size();
  const char* const behind = pattern->match(text.data(), end, &parts, nullptr);
  if (behind != nullptr) CHECK(behind >= text.data() && behind <= end);
  return 0;
}
