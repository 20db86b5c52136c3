#include "parsers/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace lastseen {
namespace {

/// Eight bytes at once: no byte is NUL and none is above 0x7f.
bool all_plain(const char* p) {
  constexpr uint64_t kOnes = 0x0101'0101'0101'0101;
  constexpr uint64_t kHighBits = 0x8080'8080'8080'8080;
  uint64_t bytes;
  std::memcpy(&bytes, p, sizeof bytes);
  // With no high bit set, a borrow can set one only at a NUL or above one: exact for "is there
  // any".
  return ((bytes | (bytes - kOnes)) & kHighBits) == 0;
}

/// Bytes of the code point that begins at `p`, or 0 when there is no valid one (RFC 3629 §4).
size_t code_point_bytes(const unsigned char* p, size_t left) {
  const auto tail = [p](size_t i, unsigned char low = 0x80, unsigned char high = 0xbf) {
    return p[i] >= low && p[i] <= high;
  };
  const unsigned char lead = p[0];
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  if (lead >= 0xc2 && lead <= 0xdf) return left >= 2 && tail(1) ? 2 : 0;
  if ((lead & 0xf0) == 0xe0) {
    const unsigned char low = lead == 0xe0 ? 0xa0 : 0x80;   // overlong below
    const unsigned char high = lead == 0xed ? 0x9f : 0xbf;  // surrogates above
    return left >= 3 && tail(1, low, high) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned char low = lead == 0xf0 ? 0x90 : 0x80;   // overlong below
    const unsigned char high = lead == 0xf4 ? 0x8f : 0xbf;  // above U+10FFFF
    return left >= 4 && tail(1, low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool is_plain(std::string_view text) {
  if (text.size() < 8) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<signed char>(c) > 0; });
  }
  size_t at = 0;
  for (; at + 8 < text.size(); at += 8) {
    if (!all_plain(text.data() + at)) return false;
  }
  return all_plain(text.data() + text.size() - 8);  // some of them for the second time
}

std::optional<size_t> count_code_points(std::string_view text) {
  size_t count = 0;
  size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= 8 && all_plain(text.data() + i)) {
      count += 8;
      i += 8;
      continue;
    }
    const size_t bytes =
        code_point_bytes(reinterpret_cast<const unsigned char*>(text.data()) + i, text.size() - i);
    if (bytes == 0) return std::nullopt;
    i += bytes;
    ++count;
  }
  return count;
}

}  // namespace lastseen
