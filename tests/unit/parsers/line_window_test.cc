// A line is read ahead of, but never what stands behind it.
#include "parsers/line_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parsers/scan.h"
#include "unit/parsers/lines.h"

namespace lastseen {
namespace {

TEST(LineWindow, AnyPlaceHasItsBytesAndThenZeros) {
  for (size_t size = 0; size < 3 * LineWindow::kBytes; ++size) {
    for (size_t step = 1; step < LineWindow::kBytes; step += 6) {
      // On the heap, so that a look past the end is noticed by a sanitizer.
      std::vector<char> line(size);
      for (size_t i = 0; i < size; ++i) line[i] = static_cast<char>('a' + i % 26);
      const char* const begin = line.data();
      const auto window = std::make_unique<LineWindow>();
      const char* walker = window->open(begin, begin + size);
      for (size_t at = 0; at <= size; at += step) {
        ASSERT_EQ(begin + at, window->place(walker)) << size << " " << at;
        std::string expected(line.begin() + static_cast<ptrdiff_t>(at), line.end());
        expected.resize(LineWindow::kBytes);
        ASSERT_EQ(expected, std::string(walker, LineWindow::kBytes)) << size << " " << at;
        if (at + step > size) break;
        walker = at % 2 == 0 ? window->ahead(walker + step) : window->at(begin + at + step);
      }
    }
  }
}

TEST(LineWindow, CountsSayWhatTheFindersSay) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t at = 0; at < kPlainMax; ++at) {
      std::vector<char> text(2 * kPlainMax, '7');
      text[at] = static_cast<char>(byte);
      const char* const begin = text.data();
      const auto size_to = [&](const char* found) { return static_cast<size_t>(found - begin); };
      EXPECT_EQ(size_to(find_special(begin, begin + kPlainMax)), count_plain(begin)) << byte;
      const auto ends_word = [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == '\\';
      };
      EXPECT_EQ(size_to(std::find_if(begin, begin + kPlainMax, ends_word)), count_word(begin))
          << byte;
      const size_t number = count_number(begin);
      if (text[number] != ',' && text[number] != '}') continue;
      EXPECT_EQ(size_to(find_bare_end(begin, begin + text.size())), number) << byte;
    }
  }
  const std::string null = "null,           ";
  EXPECT_EQ(4U, count_number(null.data()));
}

/// `whole` cut off anywhere, with and without the rest behind it.
void expect_rest_unread(const char* type, std::string_view whole) {
  for (size_t size = 0; size <= whole.size(); ++size) {
    const std::vector<char> alone(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const auto parser = parser_of_type(type);
    parser->parse(whole);
    const std::string expected = to_text(parser_of_type(type)->parse({alone.data(), size}));
    EXPECT_EQ(expected, to_text(parser->parse({alone.data(), size}))) << type << " " << size;
    EXPECT_EQ(expected, to_text(parser->parse(whole.substr(0, size)))) << type << " " << size;
  }
}

TEST(LineWindow, WhatStandsBehindALineChangesNoAnswer) {
  expect_rest_unread(
      "json",
      R"({"ts":1795322705.342,"client":"10.1.2.3:4711","n":null,"uri":"\/a?client_id=C","tt":12,)"
      R"("body":"{\"a\":1,\"client_id\":\"B\"}","tr":345})"
      R"({"ts":1795322706.000,"client_id":"D"})");
  expect_rest_unread("json", R"({"ts":1795322705,"client_id":1})"
                             R"(,"client_id":"D"})");
  expect_rest_unread("logfmt", R"(ts=1795322705.342 uri="/a?client_id=C" a="" body="{}" tr=345)"
                               R"( client_id=D x="y")");
  expect_rest_unread("ltsv", "time:1795322705.342\turi:/a?client_id=C\tx:1\tclient_id:D");
}

}  // namespace
}  // namespace lastseen
