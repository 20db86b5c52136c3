// A syslog header of any bytes.
#include <cstddef>
#include <cstdint>

#include "fuzz/parser_invariants.h"
#include "parsers/syslog.h"
#include "unit/parsers/lines.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<char> exact(data, data + size);
  const std::string_view line(exact.data(), exact.size());
  const auto message = lastseen::skip_syslog_header(line);
  if (message) CHECK(line.ends_with(*message) && message->size() < line.size());

  lastseen::ParserSettings settings;
  settings.type = "json";
  settings.syslog = true;
  const auto parser = lastseen::parser_of(settings);
  const lastseen::FuzzAnswer answer = lastseen::answer_of(*parser, line);
  settings.syslog = false;
  if (message) {
    CHECK(answer == lastseen::answer_of(*lastseen::parser_of(settings), *message));
  } else {
    CHECK(answer == lastseen::FuzzAnswer{});
  }
  // Any message behind a good header is found whole.
  const std::string framed = "<134>Nov  2 04:45:19 haproxy[4812]: " + std::string(line);
  CHECK(lastseen::skip_syslog_header(framed) == line);
  return 0;
}
