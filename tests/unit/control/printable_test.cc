#include "control/printable.h"

#include <gtest/gtest.h>

namespace lastseen {
namespace {

TEST(Printable, TextAndUtf8StayAsTheyAre) {
  const std::string text = "/var/log/ängström-日本-😀.log \\ \"";
  EXPECT_EQ(text, printable(text));
}

TEST(Printable, ControlsBecomeHex) {
  EXPECT_EQ("a\\x0Ab\\x1B[0m\\x7F\\x00", printable(std::string_view("a\nb\x1b[0m\x7f\0", 9)));
  EXPECT_EQ("\\xC2\\x9B", printable("\xC2\x9B"));           // C1: a control sequence in 8 bits
  EXPECT_EQ("\\xE2\\x80\\xA8", printable("\xE2\x80\xA8"));  // line separator
}

TEST(Printable, WhatIsNotUtf8BecomesHex) {
  EXPECT_EQ("\\xFF\\xFE", printable("\xFF\xFE"));
  EXPECT_EQ("\\xC0\\x80", printable("\xC0\x80"));                    // overlong NUL
  EXPECT_EQ("\\xED\\xA0\\x80", printable("\xED\xA0\x80"));           // surrogate
  EXPECT_EQ("\\xF4\\x90\\x80\\x80", printable("\xF4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_EQ("\\xE2\\x82", printable("\xE2\x82"));                    // cut off
  EXPECT_EQ("\\xE2\\x82x", printable("\xE2\x82x"));
}

}  // namespace
}  // namespace lastseen
