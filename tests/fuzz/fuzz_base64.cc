// What was encoded comes back, in either alphabet, with or without padding; any bytes are fine.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "parsers/base64.h"

namespace {

std::string encode(std::string_view bytes, bool url, bool padded) {
  const std::string alphabet =
      std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") +
      (url ? "-_" : "+/");
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (size_t j = 0; j <= count; ++j) out.push_back(alphabet[bits >> (18 - 6 * j) & 63]);
    if (padded) out.append(3 - count, '=');
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<char> exact(data, data + size);
  const std::string_view text(exact.data(), exact.size());
  std::string out = "of the line before";
  if (lastseen::decode_base64(text, &out)) {
    CHECK(out.size() <= text.size());
    const std::string again = encode(out, false, false);
    const size_t digits = text.find_last_not_of('=') + 1;  // 0 where there is no digit at all
    CHECK(again.size() == digits);
  }
  for (const bool url : {false, true}) {
    for (const bool padded : {false, true}) {
      CHECK(lastseen::decode_base64(encode(text, url, padded), &out));
      CHECK(out == text);
    }
  }
  return 0;
}
