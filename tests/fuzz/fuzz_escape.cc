// Each escape: what was escaped comes back, any bytes are fine, and undoing only ever shortens.
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "parsers/escape.h"
#include "unit/parsers/escaped_lines.h"

namespace lastseen {
namespace {

/// `%HH` undone by the letter of the rule.
std::string slow_percent(std::string_view text, char plus) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto is_digit = [&](size_t at) {
      return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
    };
    if (text[i] == '%' && is_digit(i + 1) && is_digit(i + 2)) {
      out.push_back(static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16)));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? plus : text[i]);
    }
  }
  return out;
}

}  // namespace
}  // namespace lastseen

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lastseen;
  const std::vector<char> exact(data, data + size);
  const std::string_view text(exact.data(), exact.size());
  std::string out = "of the line before";
  using Undo = void (*)(std::string_view, std::string*);
  for (const Undo undo : {unescape_backslashes, unescape_hashes, unescape_query, unescape_path}) {
    undo(text, &out);
    CHECK(out.size() <= text.size());
  }
  unescape_query(text, &out);
  CHECK(out == slow_percent(text, ' '));
  unescape_path(text, &out);
  CHECK(out == slow_percent(text, '+'));

  const std::array<std::string, 4> escaped = {escape_json(text), escape_apache(text),
                                              escape_hex(text, "\\x%02X", "\"\\"),
                                              escape_hex(text, "\\x%02x", "\"\\")};
  for (const std::string& by_backslash : escaped) {
    unescape_backslashes(by_backslash, &out);
    CHECK(out == text);
  }
  unescape_hashes(escape_hex(text, "#%02X", "\"#{|}"), &out);
  CHECK(out == text);
  unescape_query(escape_hex(text, "%%%02X", "%+&="), &out);
  CHECK(out == text);

  // Read unit by unit, no text is read past its end, and the units make up the whole.
  for (const char* p = text.data(); p < text.data() + text.size();) {
    const Unit unit = BackslashLayer::read(p, text.data() + text.size());
    CHECK(unit.next > p && unit.next <= text.data() + text.size());
    CHECK(unit.code < 0x110000);
    p = unit.next;
  }
  return 0;
}
