// Lines for the tests of the parsers, as the proxies write them.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "parsers/parser.h"

namespace lastseen {

/// nginx's escape=json.
inline std::string escape_json(std::string_view text) {
  std::string out;
  for (const char c : text) {
    constexpr std::string_view kPlain = "\"\\\n\r\t\b\f";
    constexpr std::string_view kLetter = "\"\\nrtbf";
    if (const size_t at = kPlain.find(c); at != kPlain.npos) {
      out.push_back('\\');
      out.push_back(kLetter[at]);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char unit[8];
      std::snprintf(unit, sizeof unit, "\\u%04X", static_cast<unsigned>(c));
      out += unit;
    } else {
      out.push_back(c);
    }
  }
  return out;
}

inline std::string json_line(std::string_view body, std::string_view target = "/items") {
  return R"({"time":"2026-11-21T22:45:05-06:00","msec":1795322705.342,"request_uri":")" +
         escape_json(target) + R"(","status":200,"request_body":")" + escape_json(body) + "\"}";
}

inline std::string combined_line(std::string_view escaped_request) {
  return R"(127.0.5.191 - - [21/Nov/2026:22:45:05 -0600] ")" + std::string(escaped_request) +
         R"(" 200 12 "-" "curl/7.88.1")";
}

inline constexpr int64_t kLineSeconds = 1'795'322'705;  // of both, as epoch

inline std::unique_ptr<Parser> parser_of(const ParserSettings& settings,
                                         const ParserOptions& options = {}) {
  return *make_parser(settings, options);
}

inline std::unique_ptr<Parser> parser_of_type(const char* type) {
  ParserSettings settings;
  settings.type = type;
  return parser_of(settings);
}

/// The id in quotes, or the reason why there is none: one text to compare with.
inline std::string to_text(const ParseResult& result) {
  return result.sighted ? "'" + std::string(result.client_id) + "'"
                        : std::string(name_of(result.skip));
}

inline std::string parse_json(std::string_view line) {
  const auto parser = parser_of_type("json");
  return to_text(parser->parse(line));
}
inline std::string parse_combined(std::string_view line) {
  const auto parser = parser_of_type("combined");
  return to_text(parser->parse(line));
}

}  // namespace lastseen
