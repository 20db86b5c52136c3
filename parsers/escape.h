// The escapes that logs put around values, and the value of one escaped unit. One layer each:
// whoever unescapes does it exactly once.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace lastseen {

/// A value as it stands in the line.
struct LoggedText {
  std::string_view raw;
  /// There are backslash escapes in it, to be undone once. False: `raw` is the value.
  bool escaped = false;
  /// May hold escapes other than of a quote or a backslash; a hint that saves looking for them.
  bool other_escapes = false;
};

/// One unit of a text: a byte, or what one escape stands for.
struct Unit {
  /// The byte or code point. From 0x80 on it plays no part in any grammar here.
  uint32_t code = 0;
  const char* next = nullptr;
  /// The unit is a code point written as an escape, not a byte.
  bool code_point = false;
};

/// Value of a hexadecimal digit, or -1.
inline int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char lower = static_cast<char>(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The unit at a backslash. Knows what the proxies write: JSON's escapes (nginx escape=json, Envoy,
/// Caddy, HAProxy), `\xHH` of either case (nginx's default, Apache) and `\v` (Apache). No proxy's
/// text is ambiguous among these, since each escapes the backslash itself. A surrogate pair is one
/// unit; a lone surrogate is a unit with its own code. A backslash before anything else is text.
Unit read_escape(const char* p, const char* end);

/// Texts without a layer of escapes.
struct PlainLayer {
  static Unit read(const char* p, const char*) {
    return {static_cast<unsigned char>(*p), p + 1, false};
  }
};

/// Texts within a layer of backslash escapes.
struct BackslashLayer {
  static Unit read(const char* p, const char* end) {
    if (*p != '\\') return {static_cast<unsigned char>(*p), p + 1, false};
    // Nearly all of them in a body, by either of nginx's ways.
    if (end - p >= 2 && p[1] == '"') return {'"', p + 2, false};
    if (end - p >= 4 && std::memcmp(p, "\\x22", 4) == 0) return {'"', p + 4, false};
    return read_escape(p, end);
  }
};

/// Replaces `out` by the text with one layer of backslash escapes taken off. A lone surrogate
/// becomes the three bytes of its code, which no check of UTF-8 lets pass.
void unescape_backslashes(std::string_view text, std::string* out);

/// Replaces `out` by the text with HAProxy's `#HH` undone; any other `#` is text.
void unescape_hashes(std::string_view text, std::string* out);

/// Replaces `out` by the text as it was before percent-encoding in a query: `%HH` decoded once, `+`
/// is a space, a broken sequence stays as it is.
void unescape_query(std::string_view text, std::string* out);

/// The same for a segment of a path, where `+` is itself.
void unescape_path(std::string_view text, std::string* out);

}  // namespace lastseen
