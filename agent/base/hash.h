// A fast hash of short byte strings for tables in memory. Not stored anywhere, so it may change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace lastseen {

namespace hash_detail {

inline uint64_t load64(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Multiplies to 128 bits and folds: every input bit reaches every output bit.
inline uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ typedef unsigned __int128 uint128;
  const uint128 product = static_cast<uint128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace hash_detail

/// `seed` is random per process: whoever sends requests chooses the ids, and must not be able to
/// choose ids that all fall into one slot.
inline uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  using hash_detail::load64;
  using hash_detail::mix;
  constexpr uint64_t kOdd1 = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
  constexpr uint64_t kOdd2 = 0xC2B2AE3D27D4EB4F;  // a prime without structure
  uint64_t state = seed ^ kOdd1;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left > 16; left -= 16, at += 16) {
    state = mix(load64(at) ^ kOdd2, load64(at + 8) ^ state);
  }
  uint64_t low = 0;
  uint64_t high = 0;
  if (left >= 8) {  // two words that may overlap cover 8…16 bytes
    low = load64(at);
    high = load64(at + left - 8);
  } else if (left > 0) {
    std::memcpy(&low, at, left);
  }
  return mix(mix(low ^ kOdd2, high ^ state), bytes.size() ^ kOdd1);
}

}  // namespace lastseen
