// Seeded odd requests, each logged in every dialect: all lines must give what the JSON line gives.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "unit/parsers/escaped_lines.h"

namespace lastseen {
namespace {

class OddRequests {
 public:
  explicit OddRequests(unsigned seed) : random_(seed) {}

  std::string target() {
    std::string out = pick({"/", "/items", "", "-", "http://h/x", "/%2e"});
    if (one_in(6)) return out;
    out += "?";
    for (size_t pairs = number(4); pairs > 0; --pairs) {
      out += pick({"client_id=", "client_id=", "x=", "client%5Fid=", "client_id", "&"}) + text();
      if (!one_in(8)) out += "&";
    }
    return out;
  }

  std::string body() {
    if (one_in(4)) return pick({"", "-", "{", "[]", "client_id=D", "\x1f\x8b"});
    std::string out = R"({"a":[{"client_id":"D"}],)";
    if (one_in(3)) out += R"("note":")" + text() + "\",";
    out += R"("client_id":)" + pick({"\"", "\"", "1", "null,\""}) + text() + "\"";
    if (one_in(3)) out += ",\"x\":{}";
    out += pick({"}", "}", "}\n{\"client_id\":\"B\"}", "} ", "", "}x"});
    if (one_in(8)) out.resize(number(out.size() + 1));
    return out;
  }

 private:
  std::string text() {
    std::string out;
    for (size_t units = number(6); units > 0; --units) {
      out += pick(
          {"A",       "b7",       "\"",   "\\",    "\\\\",
           "#",       "#41",      "%41",  "%",     "+",
           "|",       "{",        "}",    "\n",    "\\n",
           "\\u00d1", "\xc3\x91", "\xff", " ",     "\t",
           "\x01",    "=",        "?",    "\\x41", "0123456789012345678901234567890123456789"});
    }
    return out;
  }
  size_t number(size_t below) { return random_() % below; }
  bool one_in(size_t count) { return number(count) == 0; }
  std::string pick(const std::vector<std::string>& from) { return from[number(from.size())]; }

  std::mt19937 random_;
};

TEST(FormatDifferential, EveryDialectSaysWhatJsonSays) {
  OddRequests requests(20261122);
  std::vector<std::unique_ptr<Parser>> parsers;
  size_t sighted = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string target = requests.target();
    const std::string body = requests.body();
    const std::vector<EscapedLine> lines = escaped_lines(target, body);
    for (size_t i = parsers.size(); i < lines.size(); ++i) {
      parsers.push_back(parser_of(lines[i].settings));
    }
    const std::string wanted = to_text(parsers[0]->parse(lines[0].line));
    sighted += wanted.starts_with('\'') ? 1 : 0;
    for (size_t i = 1; i < lines.size(); ++i) {
      const ParseResult result = parsers[i]->parse(lines[i].line);
      ASSERT_EQ(wanted, to_text(result)) << lines[i].settings.format << "\n"
                                         << lines[i].line << "\n"
                                         << lines[0].line;
      ASSERT_EQ(1'795'322'705'342, result.seen_at_ms);
    }
  }
  EXPECT_LT(4000U, sighted);
}

}  // namespace
}  // namespace lastseen
