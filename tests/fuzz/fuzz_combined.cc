// A line of any bytes, and the same bytes as a request within a good line.
#include <cstddef>
#include <cstdint>

#include "fuzz/parser_invariants.h"
#include "unit/parsers/lines.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::unique_ptr<lastseen::Parser> combined = lastseen::parser_of_type("combined");
  static const std::unique_ptr<lastseen::Parser> common = lastseen::parser_of_type("common");
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const lastseen::FuzzAnswer answer = lastseen::check_invariants(*combined, "combined", bytes);
  const lastseen::FuzzAnswer shorter = lastseen::check_invariants(*common, "common", bytes);
  // What combined reads, common reads in the same way.
  if (answer.client_id) CHECK(answer.client_id == shorter.client_id);
  lastseen::check_invariants(*combined, "combined", lastseen::combined_line(bytes));
  return 0;
}
