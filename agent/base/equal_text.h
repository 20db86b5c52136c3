// Comparing short texts.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace lastseen {

/// Whether both have the same `size` bytes, a word's at least and two words' at most.
template <typename Word>
inline bool equal_words(const char* a, const char* b, size_t size) {
  const auto differ = [=](size_t at) {
    Word left;
    Word right;
    std::memcpy(&left, a + at, sizeof left);
    std::memcpy(&right, b + at, sizeof right);
    return left ^ right;
  };
  return (differ(0) | differ(size - sizeof(Word))) == 0;  // the two may overlap
}

/// Whether both are the same text. Most names and ids are short, and then a call of memcmp costs
/// more than comparing.
inline bool equal_text(std::string_view a, std::string_view b) {
  const size_t size = a.size();
  if (size != b.size()) return false;
  if (size > 2 * sizeof(uint64_t)) return std::memcmp(a.data(), b.data(), size) == 0;
  if (size >= sizeof(uint64_t)) return equal_words<uint64_t>(a.data(), b.data(), size);
  if (size >= sizeof(uint32_t)) return equal_words<uint32_t>(a.data(), b.data(), size);
  if (size >= sizeof(uint16_t)) return equal_words<uint16_t>(a.data(), b.data(), size);
  return size == 0 || a[0] == b[0];
}

}  // namespace lastseen
