// The looks at many bytes at once against loops over single ones, at every size and place.
#include "parsers/scan.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace lastseen {
namespace {

// What scan_quoted_escapes() is to say, one byte after the other.
QuotedString scan_slowly(const std::string& text) {
  QuotedString found;
  for (size_t at = 0; at < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) < 0x20) return {};
    if (text[at] == '"') {
      found.end = text.data() + at;
      return found;
    }
    if (text[at] != '\\') continue;
    found.escaped = true;
    if (++at == text.size()) return {};
    if (static_cast<unsigned char>(text[at]) < 0x20) return {};
    found.other_escapes |= text[at] != '"' && text[at] != '\\';
  }
  return {};
}

TEST(Scan, EveryWayOfThisCpuFindsTheSameEndOfAString) {
  std::mt19937 random(1);
  const std::string bytes = "\\\\\\\"\"n\x01 abcdefghijklmnopqrstuvwxyz\xc3";
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 200, 'x');
    // Few odd bytes in one round, many in another.
    const unsigned rarity = 1 + random() % 40;
    for (char& c : text) {
      if (random() % rarity == 0) c = bytes[random() % bytes.size()];
    }
    const QuotedString wanted = scan_slowly(text);
    for (const QuotedScan scan : quoted_scans()) {
      const QuotedString found = scan(text.data(), text.data() + text.size());
      ASSERT_EQ(wanted.end, found.end) << text;
      if (wanted.end == nullptr) continue;
      ASSERT_EQ(wanted.escaped, found.escaped) << text;
      ASSERT_EQ(wanted.other_escapes, found.other_escapes) << text;
    }
  }
}

TEST(Scan, WhatEndsABareValueEndsItAtEveryPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool ends = byte <= ' ' || std::string("\"\\,:[]{}").find(c) != std::string::npos;
    for (size_t at = 0; at < 40; ++at) {
      std::vector<char> text(40, '7');
      text[at] = c;
      const char* const begin = text.data();
      ASSERT_EQ(begin + (ends ? at : 40), find_bare_end(begin, begin + 40)) << byte << " " << at;
    }
  }
}

TEST(Scan, EitherOfTwoBytesIsFoundAtEveryPlaceOfEverySize) {
  for (size_t size = 0; size < 70; ++size) {
    // On the heap, so that a look past the end is noticed by a sanitizer.
    const std::vector<char> plain(size, 'x');
    const char* const end = plain.data() + size;
    EXPECT_FALSE(holds_either({plain.data(), size}, '%', '+'));
    EXPECT_EQ(end, find_either(plain.data(), end, '%', '+'));
    for (size_t at = 0; at < size; ++at) {
      for (const char wanted : {'%', '+'}) {
        std::vector<char> text = plain;
        text[at] = wanted;
        EXPECT_TRUE(holds_either({text.data(), size}, '%', '+')) << size << " " << at;
        EXPECT_EQ(text.data() + at, find_either(text.data(), text.data() + size, '%', '+'));
      }
    }
  }
}

}  // namespace
}  // namespace lastseen
