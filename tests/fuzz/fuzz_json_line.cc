// A JSON line of any bytes; and the same bytes as a body, logged the way nginx does it.
#include <cstddef>
#include <cstdint>

#include "fuzz/parser_invariants.h"
#include "unit/parsers/lines.h"
#include "unit/parsers/reference.h"

namespace {

void compare(lastseen::Parser& parser, std::string_view line) {
  const lastseen::FuzzAnswer answer = lastseen::check_invariants(parser, "json", line);
  if (!answer.has_time || answer.skip == lastseen::SkipReason::kNoTime) return;
  // The reference knows the names that nginx's escape=json format of the tests has, and no others.
  for (const char* other : {"\"args\"", "\"body\"", "\"query", "\"uri\"", "\"url\"", "\"path\"",
                            "\"request\"", "\\u", "\\x", "\\v"}) {
    if (line.find(other) != line.npos) return;
  }
  const auto wanted = lastseen::reference::read_json_line(line);
  if (wanted && answer.skip != lastseen::SkipReason::kMalformed) {
    CHECK(answer.client_id == wanted->client_id);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::unique_ptr<lastseen::Parser> parser = lastseen::parser_of_type("json");
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  compare(*parser, bytes);

  const std::string logged = lastseen::json_line(bytes, "/items?client_id=Q");
  const lastseen::FuzzAnswer answer = lastseen::check_invariants(*parser, "json", logged);
  const auto wanted = lastseen::reference::read_json_line(logged);
  if (wanted) CHECK(answer.client_id == wanted->client_id);
  return 0;
}
