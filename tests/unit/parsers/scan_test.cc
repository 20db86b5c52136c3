// The looks at many bytes at once against loops over single ones, at every size and place.
#include "parsers/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
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

// Every byte at every place of texts of every size, against what is to be said of single bytes. On
// the heap, so that a look past the end is noticed by a sanitizer.
void expect_found(const std::function<const char*(const char*, const char*)>& find, char plain,
                  const std::function<bool(char)>& is_wanted) {
  for (size_t size = 0; size < 40; ++size) {
    std::vector<char> text(size, plain);
    const char* const begin = text.data();
    EXPECT_EQ(begin + size, find(begin, begin + size));
    for (size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        text[at] = static_cast<char>(byte);
        const size_t found = is_wanted(text[at]) ? at : size;
        ASSERT_EQ(begin + found, find(begin, begin + size)) << size << " " << at << " " << byte;
      }
      text[at] = plain;
    }
  }
}

bool is_one_of(std::string_view bytes, char byte) {
  return bytes.find(byte) != bytes.npos;
}

TEST(Scan, WhatEndsATextIsFoundAtEveryPlaceOfEverySize) {
  const auto is_control = [](char byte) { return static_cast<unsigned char>(byte) < ' '; };
  expect_found(find_special, 'x',
               [&](char byte) { return is_control(byte) || is_one_of("\"\\", byte); });
  expect_found(find_bare_end, '7',
               [&](char byte) { return is_control(byte) || is_one_of(" \"\\,:[]{}", byte); });
  expect_found(find_digits_end, '7', [](char byte) { return !is_one_of("0123456789", byte); });
  expect_found([](const char* p, const char* end) { return find_word_end(p, end, ']'); }, 'x',
               [&](char byte) { return is_control(byte) || is_one_of(" \"]", byte); });
  expect_found([](const char* p, const char* end) { return find_up_to(p, end, '+'); }, 'x',
               [](char byte) { return static_cast<unsigned char>(byte) <= '+'; });
  expect_found([](const char* p, const char* end) { return find_byte(p, end, ']'); }, 'x',
               [](char byte) { return byte == ']'; });
  expect_found([](const char* p, const char* end) { return find_any(p, end, ' ', '\t', '\\'); },
               'x', [](char byte) { return is_one_of(" \t\\", byte); });
}

TEST(Scan, LineBreakAmongEscapesIsFoundAtEveryPlaceButTheLastTwo) {
  for (const std::string escape : {"\\n", "\\r", "\\x0A", "\\u000d"}) {
    for (size_t size = escape.size(); size < 60; ++size) {
      std::vector<char> text(size, '"');
      EXPECT_FALSE(may_hold_line_break(text.data(), text.data() + size));
      for (size_t at = 0; at + escape.size() <= size; ++at) {
        std::fill(text.begin(), text.end(), '"');
        std::copy(escape.begin(), escape.end(), text.begin() + static_cast<ptrdiff_t>(at));
        const bool in_time = at + 2 < size;
        EXPECT_EQ(in_time, may_hold_line_break(text.data(), text.data() + size)) << escape << at;
      }
    }
  }
  const std::string quotes = R"({\x22a\x22:\x22b\x22,\"c\":\t\\1})";
  EXPECT_FALSE(may_hold_line_break(quotes.data(), quotes.data() + quotes.size()));
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

TEST(Scan, ABeginningIsComparedToItsLastByteAndNoFurther) {
  alignas(16) const std::array<char, 32> beginning = {};
  for (size_t size = 1; size <= beginning.size(); ++size) {
    for (size_t room = 0; room < 40; ++room) {
      const auto starts = [&](const std::vector<char>& text) {
        return starts_with_padded(text.data(), text.data() + room, beginning.data(),
                                  mask_behind_first(size));
      };
      EXPECT_EQ(size <= room, starts(std::vector<char>(room))) << size << " " << room;
      for (size_t at = 0; at < room; ++at) {
        std::vector<char> text(room);
        text[at] = 'y';
        EXPECT_EQ(size <= at, starts(text)) << size << " " << room << " " << at;
      }
    }
  }
}

}  // namespace
}  // namespace lastseen
