// Any bytes, cut into chunks anywhere: always the same lines, and every byte is counted once.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "pipeline/line_framer.h"

namespace lastseen {
namespace {

constexpr size_t kLineBytesMax = 24;
const std::string kTooLong = "\n";  // no line holds one

std::vector<std::string> slow_lines(std::string_view bytes) {
  std::vector<std::string> lines;
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    std::string line(bytes.substr(0, newline));
    bytes.remove_prefix(newline == bytes.npos ? bytes.size() : newline + 1);
    if (line.size() > kLineBytesMax) {
      lines.push_back(kTooLong);
      continue;
    }
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

/// `steps`: sizes of the chunks in turn. `refuse_at`: the line that is first refused, then taken.
std::vector<std::string> framed_lines(std::string_view bytes, std::string_view steps,
                                      size_t refuse_at) {
  const LineFramer framer(kLineBytesMax);
  std::vector<std::string> lines;
  bool discarding = false;
  bool refused = false;
  size_t begin = 0;
  size_t end = 0;
  for (size_t step = 0; end < bytes.size() || begin < bytes.size(); ++step) {
    if (!refused) {
      const size_t size =
          steps.empty() ? 1 : static_cast<unsigned char>(steps[step % steps.size()]);
      end = std::min(bytes.size(), end + std::max<size_t>(1, size));
    }
    const std::vector<char> exact(bytes.begin() + static_cast<ptrdiff_t>(begin),
                                  bytes.begin() + static_cast<ptrdiff_t>(end));
    const LineFramer::Progress progress = framer.frame(
        {exact.data(), exact.size()}, discarding, end == bytes.size(),
        [&](std::string_view line) {
          if (lines.size() == refuse_at && !refused) return false;
          CHECK(line.size() <= kLineBytesMax);
          lines.emplace_back(line);
          return true;
        },
        [&] { lines.push_back(kTooLong); });
    CHECK(progress.consumed <= end - begin);
    CHECK(progress.refused || !discarding || progress.consumed > 0);
    refused = progress.refused;
    begin += progress.consumed;
    discarding = progress.discarding;
    if (end == bytes.size() && !refused) CHECK(begin == end);
  }
  return lines;
}

}  // namespace
}  // namespace lastseen

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lastseen;
  if (size < 2) return 0;
  const size_t steps_size = std::min<size_t>(data[0] % 8, size - 2);
  const size_t refuse_at = data[1];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::vector<std::string> wanted = slow_lines(bytes.substr(steps_size));
  CHECK(framed_lines(bytes.substr(steps_size), bytes.substr(0, steps_size), refuse_at) == wanted);
  CHECK(framed_lines(bytes.substr(steps_size), "\xff", wanted.size()) == wanted);
  return 0;
}
