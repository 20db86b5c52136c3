// Any bytes as a spill file: refused, or taken as parts that balance and are written the same
// again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/spill.h"

namespace lastseen {
namespace {

void check_part(std::string_view bytes) {
  const auto inputs = decode_part(bytes);
  if (!inputs) return;
  for (const SpilledInput& input : *inputs) {
    uint64_t lines = input.counts.settled();
    for (const Entry& entry : input.entries) lines += entry.count;
    CHECK(lines == input.counts.lines_read);
  }
  const std::string again = encode_part(*inputs);
  const auto twice = decode_part(again);
  CHECK(twice.is_ok());
  CHECK(encode_part(*twice) == again);
}

}  // namespace
}  // namespace lastseen

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lastseen;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CHECK(decode_spill({"a"}, bytes).is_ok() ||
        !decode_spill({"a"}, bytes).status().message().empty());
  // A checksum stops nearly all of it, so parts are tried behind one that is right.
  check_part(bytes);
  SpillPart part{1, std::string(bytes)};
  const auto parts = decode_spill({"a"}, encode_spill({"a"}, {&part}));
  CHECK(parts.is_ok() == decode_part(bytes).is_ok());
  return 0;
}
