// The parser against the slow reference, on seeded odd lines.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "unit/parsers/lines.h"
#include "unit/parsers/reference.h"

namespace lastseen {
namespace {

/// Writes JSON that is mostly valid, with what the rules are about all over it.
class OddBodies {
 public:
  explicit OddBodies(unsigned seed) : random_(seed) {}

  std::string body() {
    std::string out = object(0);
    if (one_in(4)) out += blanks() + pick({"\n{\"client_id\":\"B\"}", "\n{}", "x", "}", "\n", "{"});
    if (one_in(12)) out = pick({"\xef\xbb\xbf", " \n", "[", "x"}) + out;
    if (one_in(4)) out.resize(number(out.size() + 1));
    for (int edits = one_in(3) ? static_cast<int>(number(3)) : 0; edits > 0 && !out.empty();
         --edits) {
      out[number(out.size())] =
          pick({"{", "}", "[", "]", "\"", ",", ":", "\\", "0", "\n", "u", " "})[0];
    }
    return out;
  }

  /// One layer as some proxy or other writes it.
  std::string log_escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
      const bool ascii = static_cast<unsigned char>(c) < 0x80;
      if (ascii && one_in(60)) {
        char unit[8];
        std::snprintf(unit, sizeof unit, one_in(2) ? "\\u%04x" : "\\u%04X",
                      static_cast<unsigned>(c));
        out += unit;
      } else if (c == '/' && one_in(2)) {
        out += "\\/";
      } else {
        out += escape_json(std::string(1, c));
      }
    }
    return out;
  }

  std::string line() {
    std::string out = R"({"msec":1795322705.342,"a":")" + log_escaped(text()) + "\"";
    if (one_in(2)) out += R"(,"n":{"request_body":"{\"client_id\":\"D\"}","x":[1,{}]})";
    if (one_in(3)) out += R"(,"client_id":")" + log_escaped(text()) + "\"";
    if (!one_in(3)) out += R"(,"request_uri":")" + log_escaped(target()) + "\"";
    if (!one_in(4)) out += R"(,"request_body":")" + log_escaped(body()) + "\"";
    return out + blanks() + "}";
  }

 private:
  size_t number(size_t below) { return random_() % below; }
  bool one_in(size_t n) { return number(n) == 0; }
  std::string pick(std::initializer_list<const char*> of) { return of.begin()[number(of.size())]; }
  std::string blanks() {
    std::string out;
    while (one_in(3)) out += pick({" ", "\t", "\n", "\r", "\r\n", "  "});
    return out;
  }
  std::string key() {
    return pick({"client_id", "client_id", "client_id", "client_idx", "Client_id", "a", "",
                 "client\\u005fid", "client_\\u0069d", "\\n", "records"});
  }
  std::string text() {
    std::string out;
    while (!one_in(5)) {
      out += pick(
          {"A", "tenant", "\u00d1", "\U0001f680", "/", "client_id", "-", "+", "%", "'", "{", "}"});
    }
    if (one_in(12)) out += std::string(40 + number(12), 'L');
    if (one_in(30)) out += pick({"\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82"});
    return out;
  }
  std::string json_text() {
    std::string out = text();
    while (one_in(4)) {
      out += pick({"\\n", "\\\"", "\\\\", "\\/", "\\u00d1", "\\ud83d\\ude80", "\\\\x41", "\\u0000",
                   "\\\"client_id\\\":\\\"D\\\"", "\\x", "\\u12"});
    }
    return out;
  }
  std::string value(int depth) {
    const size_t kind = number(depth > 3 ? 3 : 6);
    if (kind <= 1) return "\"" + json_text() + "\"";
    if (kind == 2) {
      return pick({"null", "true", "false", "0", "-0", "12.50", "1e5", "01", "1.", "-", "nul", "",
                   "12345678901234567890123", "1E+2",
                   "123456789012345678901234567890123456789012345678901"});
    }
    if (kind == 3) return object(depth + 1);
    std::string out = "[";
    for (size_t left = number(3); left > 0; --left) {
      out += blanks() + value(depth + 1) + blanks() + (left > 1 || one_in(20) ? "," : "");
    }
    return out + blanks() + "]";
  }
  std::string object(int depth) {
    std::string out = "{";
    for (size_t left = number(4); left > 0; --left) {
      out += blanks() + "\"" + key() + "\"" + blanks() + ":" + blanks() + value(depth) + blanks();
      if (left > 1 || one_in(20)) out += ",";
    }
    return out + blanks() + "}";
  }
  std::string target() {
    std::string out = pick({"/items?", "http://h/?", "", "*", "?"});
    while (!one_in(4)) {
      out += pick({"client_id=", "client_id", "&", "x=1&", "client%5fid=", "%C3%91", "%", "%4",
                   "%00", "=", "+", ";", "?", "client_id=A&"});
      out += text();
    }
    return out;
  }

  std::mt19937 random_;
};

TEST(Differential, FastAndSlowReadingGiveTheSameAnswer) {
  constexpr unsigned kSeed = 20261122;
  constexpr int kLines = 60'000;
  OddBodies odd(kSeed);
  const auto parser = parser_of_type("json");
  int compared = 0;
  int sighted = 0;
  for (int i = 0; i < kLines; ++i) {
    const std::string line = odd.line();
    const auto wanted = reference::read_json_line(line);
    const ParseResult result = parser->parse(line);
    if (!wanted) continue;
    ++compared;
    sighted += result.sighted;
    ASSERT_EQ(wanted->client_id.value_or("(none)"),
              result.sighted ? std::string(result.client_id) : "(none)")
        << "line " << i << " of seed " << kSeed << ": " << line << "\n"
        << name_of(result.skip);
    if (!wanted->why.empty()) {
      ASSERT_EQ(wanted->why, name_of(result.skip)) << line;
    }
  }
  EXPECT_GT(compared, kLines / 2);
  EXPECT_GT(sighted, kLines / 10);
}

}  // namespace
}  // namespace lastseen
