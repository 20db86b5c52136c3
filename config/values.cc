#include "config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "config/error_list.h"

namespace lastseen {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};
constexpr std::array<Unit, 5> kDurationUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kSizeUnits = {
    {{"GiB", int64_t{1} << 30}, {"MiB", int64_t{1} << 20}, {"KiB", int64_t{1} << 10}, {"", 1}}};

/// PostgreSQL cuts longer names (NAMEDATALEN - 1).
constexpr size_t kSqlNameBytesMax = 63;
/// DNS (RFC 1035, 2.3.4).
constexpr size_t kHostBytesMax = 253;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

Number read_with_unit(std::string_view text, std::span<const Unit> units) {
  const size_t digits = static_cast<size_t>(
      std::find_if(text.begin(), text.end(), [](char c) { return !is_digit(c) && c != '-'; }) -
      text.begin());
  Number number = read_integer(text.substr(0, digits));
  if (number.error != NumberError::kNone) return number;
  const std::string_view name = text.substr(digits);
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (number.value > std::numeric_limits<int64_t>::max() / unit.factor ||
        number.value < std::numeric_limits<int64_t>::min() / unit.factor) {
      return {0, NumberError::kTooLarge};
    }
    return {number.value * unit.factor, NumberError::kNone};
  }
  if (name.empty() && number.value == 0) return number;
  return {0, name.empty() ? NumberError::kNoUnit : NumberError::kNotANumber};
}

std::string with_unit(int64_t value, std::span<const Unit> units) {
  if (value == 0) return "0";
  for (const Unit& unit : units) {
    if (value % unit.factor == 0) {
      return std::to_string(value / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(value);
}

/// Optimal string alignment: insertions, deletions, substitutions, swapped neighbours. Letters
/// of either case and '-' for '_' count as equal.
size_t edit_distance(std::string_view a, std::string_view b) {
  auto fold = [](char c) {
    if (c == '-') return '_';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> previous(b.size() + 1);
  std::vector<size_t> current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitution = fold(a[i - 1]) == fold(b[j - 1]) ? 0 : 1;
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + substitution});
      if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1])) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && !is_digit(name[0]) && std::all_of(name.begin(), name.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '_';
  });
}

/// `inside` is what stands between the braces. The default is taken as it is.
Expansion expand_one(std::string_view inside, const Environment& environment) {
  const size_t split = inside.find(":-");
  const std::string name(inside.substr(0, split));
  if (!is_variable_name(name)) {
    // What stands there is not quoted: it may be part of a password.
    return {"",
            "'${...}' names no environment variable here; write ${NAME} or ${NAME:-default}, "
            "and $$ for a dollar"};
  }
  const std::optional<std::string> value = environment(name);
  if (split != inside.npos) {
    // As in the shell, an empty variable takes the default too.
    if (value && !value->empty()) return {*value, ""};
    return {std::string(inside.substr(split + 2)), ""};
  }
  if (value) return {*value, ""};
  return {"", "environment variable '" + name + "' is not set; set it, or give a default: ${" +
                  name + ":-default}"};
}

}  // namespace

Number read_integer(std::string_view text) {
  std::string_view digits = text;
  if (!digits.empty() && digits[0] == '-') digits.remove_prefix(1);
  const bool leading_zero = digits.size() > 1 && digits[0] == '0';
  if (digits.empty() || leading_zero || !std::all_of(digits.begin(), digits.end(), is_digit)) {
    return {0, NumberError::kNotANumber};
  }
  Number number;
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number.value);
  if (error == std::errc::result_out_of_range) return {0, NumberError::kTooLarge};
  if (error != std::errc() || stop != end) return {0, NumberError::kNotANumber};
  return number;
}

Number read_duration(std::string_view text) {
  return read_with_unit(text, kDurationUnits);
}

Number read_size(std::string_view text) {
  return read_with_unit(text, kSizeUnits);
}

std::optional<Milliseconds> parse_duration(std::string_view text) {
  const Number number = read_duration(text);
  if (number.error != NumberError::kNone || number.value < 0) return std::nullopt;
  return number.value;
}

std::optional<int> read_mode(std::string_view text) {
  const bool octal =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
  if (!octal || text.size() < 3 || text.size() > 4) return std::nullopt;
  int mode = 0;
  for (char c : text) mode = mode * 8 + (c - '0');
  if (mode > 0777) return std::nullopt;
  return mode;
}

std::string duration_words(int64_t milliseconds) {
  return with_unit(milliseconds, kDurationUnits);
}

std::string size_words(int64_t bytes) {
  return with_unit(bytes, kSizeUnits);
}

bool is_port(std::string_view text) {
  const Number number = read_integer(text);
  return number.error == NumberError::kNone && number.value >= 1 && number.value <= 65535;
}

bool is_host_and_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos || !is_port(text.substr(colon + 1))) return false;
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    return host.find(':') != host.npos &&
           host.find_first_not_of("0123456789abcdefABCDEF:.") == host.npos;
  }
  return is_name(host, ".-_", kHostBytesMax);
}

bool is_name(std::string_view text, std::string_view others, size_t length_max) {
  return !text.empty() && text.size() <= length_max &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_letter(c) || is_digit(c) || others.find(c) != others.npos;
         });
}

bool is_sql_name(std::string_view text, bool qualified) {
  const size_t dot = text.find('.');
  if (qualified && dot != text.npos) {
    return is_sql_name(text.substr(0, dot), false) && is_sql_name(text.substr(dot + 1), false);
  }
  return !text.empty() && text.size() <= kSqlNameBytesMax &&
         valid_utf8_prefix(text) == text.size() &&
         std::all_of(text.begin(), text.end(), [](char c) {
           const bool beyond_ascii = static_cast<unsigned char>(c) >= 0x80;
           return is_letter(c) || is_digit(c) || beyond_ascii || c == '_' || c == '$' || c == '-';
         });
}

std::string_view nearest(std::string_view text, std::span<const std::string_view> candidates) {
  /// Nobody types a key this long, and the distance costs the product of the lengths.
  constexpr size_t kTextBytesMax = 64;
  if (text.empty() || text.size() > kTextBytesMax) return {};
  std::string_view best;
  // A third of the letters wrong still reads as the same word; more would be a guess.
  size_t limit = std::max<size_t>(1, (text.size() + 1) / 3) + 1;
  for (std::string_view candidate : candidates) {
    const size_t distance = edit_distance(text, candidate);
    if (distance < limit && distance < candidate.size()) {
      limit = distance;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view text, std::span<const std::string_view> candidates) {
  const std::string_view near = nearest(text, candidates);
  return near.empty() ? "" : "; did you mean '" + std::string(near) + "'?";
}

std::string joined(std::span<const std::string_view> names) {
  std::string result;
  for (std::string_view name : names) {
    if (!result.empty()) result += ", ";
    result += name;
  }
  return result;
}

Expansion expand_variables(std::string_view text, const Environment& environment,
                           const FitVariable& fit) {
  Expansion result;
  size_t i = 0;
  while (i < text.size()) {
    const size_t dollar = std::min(text.find('$', i), text.size());
    result.text.append(text.substr(i, dollar - i));
    if (dollar == text.size()) break;
    const char next = dollar + 1 < text.size() ? text[dollar + 1] : '\0';
    i = dollar + 2;
    if (next == '{') {
      const size_t close = text.find('}', i);
      if (close == text.npos) return {"", "'${' without '}'; write $$ for a dollar"};
      Expansion one = expand_one(text.substr(i, close - i), environment);
      if (!one.error.empty()) return one;
      result.text += fit ? fit(dollar, std::move(one.text)) : one.text;
      i = close + 1;
    } else {
      result.text += '$';
      if (next != '$') i = dollar + 1;
    }
  }
  return result;
}

}  // namespace lastseen
