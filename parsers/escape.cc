#include "parsers/escape.h"

#include "parsers/scan.h"

namespace lastseen {
namespace {

constexpr uint32_t kHighSurrogate = 0xd800;
constexpr uint32_t kLowSurrogate = 0xdc00;
constexpr uint32_t kSurrogateEnd = 0xe000;

/// The number that `count` hexadecimal digits at `p` write, or -1.
int32_t read_hex(const char* p, const char* end, int count) {
  if (end - p < count) return -1;
  int32_t value = 0;
  for (int i = 0; i < count; ++i) {
    const int digit = hex_digit(p[i]);
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

/// The unit of `\uXXXX` or of a pair of them, `p` at the backslash.
Unit read_unicode_escape(const char* p, const char* end) {
  const int32_t first = read_hex(p + 2, end, 4);
  if (first < 0) return {'\\', p + 1, false};
  auto code = static_cast<uint32_t>(first);
  p += 6;
  if (code >= kHighSurrogate && code < kLowSurrogate && end - p >= 6 && p[0] == '\\' &&
      p[1] == 'u') {
    const int32_t second = read_hex(p + 2, end, 4);
    const auto low = static_cast<uint32_t>(second);
    if (second >= 0 && low >= kLowSurrogate && low < kSurrogateEnd) {
      code = 0x10000 + ((code - kHighSurrogate) << 10) + (low - kLowSurrogate);
      p += 6;
    }
  }
  return {code, p, true};
}

void append_code_point(uint32_t code, std::string* out) {
  const auto tail = [](uint32_t bits) { return static_cast<char>(0x80 | (bits & 0x3f)); };
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xc0 | code >> 6));
    out->push_back(tail(code));
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | code >> 12));
    out->push_back(tail(code >> 6));
    out->push_back(tail(code));
  } else {
    out->push_back(static_cast<char>(0xf0 | code >> 18));
    out->push_back(tail(code >> 12));
    out->push_back(tail(code >> 6));
    out->push_back(tail(code));
  }
}

void unescape_percent(std::string_view text, char plus, std::string* out) {
  out->clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int32_t byte = read_hex(text.data() + i + 1, text.data() + text.size(), 2);
      if (byte >= 0) {
        out->push_back(static_cast<char>(byte));
        i += 2;
        continue;
      }
    }
    out->push_back(text[i] == '+' ? plus : text[i]);
  }
}

}  // namespace

Unit read_escape(const char* p, const char* end) {
  const auto one = [p](char code) { return Unit{static_cast<unsigned char>(code), p + 2, false}; };
  if (end - p < 2) return {'\\', p + 1, false};
  switch (p[1]) {
    case '"':
    case '\\':
    case '/':
      return one(p[1]);
    case 'b':
      return one('\b');
    case 'f':
      return one('\f');
    case 'n':
      return one('\n');
    case 'r':
      return one('\r');
    case 't':
      return one('\t');
    case 'v':
      return one('\v');
    case 'u':
      return read_unicode_escape(p, end);
    case 'x': {
      const int32_t byte = read_hex(p + 2, end, 2);
      if (byte < 0) return {'\\', p + 1, false};
      return {static_cast<uint32_t>(byte), p + 4, false};
    }
    default:
      return {'\\', p + 1, false};
  }
}

void unescape_backslashes(std::string_view text, std::string* out) {
  out->clear();
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    const char* const backslash = find_byte(p, end, '\\');
    out->append(p, backslash);
    if (backslash == end) return;
    const Unit unit = read_escape(backslash, end);
    if (unit.code_point) {
      append_code_point(unit.code, out);
    } else {
      out->push_back(static_cast<char>(unit.code));
    }
    p = unit.next;
  }
}

void unescape_path(std::string_view text, std::string* out) {
  unescape_percent(text, '+', out);
}

void unescape_hashes(std::string_view text, std::string* out) {
  out->clear();
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    const char* const hash = find_byte(p, end, '#');
    out->append(p, hash);
    if (hash == end) return;
    const int32_t byte = read_hex(hash + 1, end, 2);
    out->push_back(byte < 0 ? '#' : static_cast<char>(byte));
    p = hash + (byte < 0 ? 1 : 3);
  }
}

void unescape_query(std::string_view text, std::string* out) {
  unescape_percent(text, ' ', out);
}

}  // namespace lastseen
