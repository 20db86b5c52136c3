#include "store/sql_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "store/upsert_rows.h"

namespace lastseen {

namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr int64_t kDayMs = 24 * 60 * 60 * 1000;

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

template <typename Number>
Number number_from(std::string_view text) {
  Number value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end ? value : 0;
}

// Reads `digits` digits at `place` of `text`; -1 where there are none.
int digits_at(std::string_view text, size_t place, size_t digits) {
  if (text.size() < place + digits) return -1;
  int value = 0;
  for (char c : text.substr(place, digits)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

bool needs_backslash(char c) {
  return c == '"' || c == '\\';
}

}  // namespace

Result<TableName> parse_table_name(std::string_view text) {
  const size_t dot = text.find('.');
  TableName name;
  if (dot != std::string_view::npos) name.schema = text.substr(0, dot);
  name.table = dot == std::string_view::npos ? text : text.substr(dot + 1);
  const bool schema_missing = dot != std::string_view::npos && name.schema.empty();
  if (name.table.empty() || schema_missing || name.table.find('.') != std::string::npos)
    return Status::fatal("store.table: '" + std::string(text) + "' is not TABLE or SCHEMA.TABLE");
  return name;
}

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string quote_table(const TableName& name) {
  const std::string table = quote_identifier(name.table);
  return name.schema.empty() ? table : quote_identifier(name.schema) + "." + table;
}

void ArrayText::add_text(std::string_view element) {
  if (text_.size() > 1) text_ += ',';
  text_ += '"';
  // Counted and not searched for: that looks at many bytes at once.
  if (std::count_if(element.begin(), element.end(), needs_backslash) == 0) {
    text_ += element;
  } else {
    for (char c : element) {
      if (needs_backslash(c)) text_ += '\\';
      text_ += c;
    }
  }
  text_ += '"';
}

void ArrayText::add_number(int64_t element) {
  if (text_.size() > 1) text_ += ',';
  if (element != number_ || number_text_.empty()) {
    number_ = element;
    number_text_ = std::to_string(element);
  }
  text_ += number_text_;
}

std::string ArrayText::take() {
  std::string literal = std::move(text_) + "}";
  text_ = "{";
  return literal;
}

int64_t from_bigint(std::string_view text) {
  return number_from<int64_t>(text);
}

uint64_t bits_from_bigint(std::string_view text) {
  return static_cast<uint64_t>(from_bigint(text));
}

uint64_t from_count(std::string_view text) {
  return number_from<uint64_t>(text);
}

std::string hex(std::string_view bytes) {
  std::string digits;
  digits.reserve(bytes.size() * 2);
  for (unsigned char byte : bytes) {
    digits += kHexDigits[byte >> 4];
    digits += kHexDigits[byte & 15];
  }
  return digits;
}

std::string unhex(std::string_view digits) {
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    const int high = hex_value(digits[i]), low = hex_value(digits[i + 1]);
    if (high < 0 || low < 0) break;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::string escape_bytes(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (char c : bytes) {
    if (c == '\\')
      text += "\\\\";
    else if (c >= ' ' && c <= '~')
      text += c;
    else
      text += "\\x" + hex({&c, 1});
  }
  return text;
}

std::string unescape_bytes(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      bytes += text[i];
      continue;
    }
    const bool digits = text[i + 1] == 'x' && i + 3 < text.size() && hex_value(text[i + 2]) >= 0 &&
                        hex_value(text[i + 3]) >= 0;
    if (digits) {
      bytes += static_cast<char>(hex_value(text[i + 2]) * 16 + hex_value(text[i + 3]));
      i += 3;
    } else {
      bytes += text[++i];
    }
  }
  return bytes;
}

std::string utc_text(int64_t time_ms) {
  const std::chrono::milliseconds time(bounded_time_ms(time_ms));
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{std::chrono::sys_days(day)};
  const int64_t of_day_ms = (time - day).count();
  std::array<char, 48> text;
  const int size =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d.%03dZ",
                    static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                    static_cast<unsigned>(date.day()), static_cast<int>(of_day_ms / 3'600'000),
                    static_cast<int>(of_day_ms / 60'000 % 60),
                    static_cast<int>(of_day_ms / 1000 % 60), static_cast<int>(of_day_ms % 1000));
  return std::string(text.data(), static_cast<size_t>(size));
}

bool parse_utc_text(std::string_view text, int64_t* time_ms) {
  if (text.ends_with('Z')) text.remove_suffix(1);
  const int year = digits_at(text, 0, 4), month = digits_at(text, 5, 2),
            day = digits_at(text, 8, 2);
  if (year < 0 || month < 0 || day < 0 || text[4] != '-' || text[7] != '-') return false;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return false;
  *time_ms = std::chrono::sys_days(date).time_since_epoch().count() * kDayMs;
  if (text.size() == 10) return true;
  const int hour = digits_at(text, 11, 2), minute = digits_at(text, 14, 2);
  const int second = digits_at(text, 17, 2);
  if (hour < 0 || minute < 0 || second < 0) return false;
  if (text[10] != ' ' && text[10] != 'T') return false;
  *time_ms += hour * int64_t{3'600'000} + minute * int64_t{60'000} + second * int64_t{1000};
  if (text.size() == 19) return true;
  // Further digits than three are of no use here; fewer are tenths and hundredths.
  const std::string fraction = std::string(text.substr(20)) + "00";
  const int millisecond = digits_at(fraction, 0, 3);
  if (text[19] != '.' || millisecond < 0 || text.size() == 20) return false;
  *time_ms += millisecond;
  return true;
}

std::string first_line(std::string_view text, size_t bytes_max) {
  text = text.substr(0, text.find_first_of("\r\n"));
  if (text.size() <= bytes_max) return std::string(text);
  size_t size = bytes_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return std::string(text.substr(0, size));
}

}  // namespace lastseen
