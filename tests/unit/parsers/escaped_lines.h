// One request, logged by every proxy in its own way. What is read from the lines must be the same.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "unit/parsers/lines.h"

namespace lastseen {

/// Every byte that is no plain text, or in `others`, as `before` and two digits.
inline std::string escape_hex(std::string_view text, const char* format, std::string_view others) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && others.find(c) == others.npos) {
      out.push_back(c);
      continue;
    }
    char unit[8];
    std::snprintf(unit, sizeof unit, format, static_cast<unsigned>(byte));
    out += unit;
  }
  return out;
}

/// Apache's: short forms where C has them.
inline std::string escape_apache(std::string_view text) {
  std::string out;
  for (const char c : text) {
    constexpr std::string_view kPlain = "\"\\\n\r\t\b\f\v";
    constexpr std::string_view kLetter = "\"\\nrtbfv";
    if (const size_t at = kPlain.find(c); at != kPlain.npos) {
      out.push_back('\\');
      out.push_back(kLetter[at]);
    } else {
      out += escape_hex({&c, 1}, "\\x%02x", "");
    }
  }
  return out;
}

struct EscapedLine {
  ParserSettings settings;
  std::string line;
};

/// The request's target and body as JSON (the first), and as text of each dialect.
inline std::vector<EscapedLine> escaped_lines(std::string_view target, std::string_view body) {
  std::vector<EscapedLine> lines(1);
  lines[0].settings.type = "json";
  lines[0].line = json_line(body, target);
  const auto add = [&](const char* dialect, const char* format, const std::string& line) {
    EscapedLine& added = lines.emplace_back();
    added.settings.type = "log_format";
    added.settings.dialect = dialect;
    added.settings.format = format;
    added.line = line;
  };
  const auto join = [](const std::string& first, const std::string& second) {
    return "1795322705.342 \"" + first + "\" \"" + second + "\"";
  };
  add("nginx", R"($msec "$request_uri" "$request_body")",
      join(escape_hex(target, "\\x%02X", "\"\\"), escape_hex(body, "\\x%02X", "\"\\")));
  add("nginx", R"(escape=json '$msec "$request_uri" "$request_body"')",
      join(escape_json(target), escape_json(body)));
  add("apache", R"(%{sec}t.%{msec_frac}t "%U%q" "%{request_body}n")",
      join(escape_apache(target), escape_apache(body)));
  add("haproxy", R"(%Ts.%ms %{+Q}HU %hr)",
      "1795322705.342 \"" + escape_hex(target, "#%02X", "\"#") + "\" {" +
          escape_hex(body, "#%02X", "\"#{|}") + "|}");
  add("haproxy", R"(%Ts.%ms "%[var(txn.uri),json(utf8s)]" "%[var(txn.body),json(utf8s)]")",
      join(escape_json(target), escape_json(body)));
  // What is not escaped says the same only where nothing looks like the text between the fields.
  const std::string raw = join(std::string(target), std::string(body));
  const bool split = raw.find('\n') != raw.npos;
  if (split || raw.find("\" \"") != raw.rfind("\" \"")) return lines;
  add("nginx", R"(escape=none '$msec "$request_uri" "$request_body"')", raw);
  return lines;
}

}  // namespace lastseen
