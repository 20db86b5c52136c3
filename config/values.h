// From the text of a scalar to a value, and back to words for messages. Pure functions; what a
// YAML library thinks that `010` or `yes` means does not matter here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace lastseen {

/// What became of text that should be a number.
enum class NumberError { kNone, kNotANumber, kNoUnit, kTooLarge };

struct Number {
  int64_t value = 0;
  NumberError error = NumberError::kNone;
};

/// Strictly decimal: an optional minus, no leading zeros (YAML readers disagree on `010`).
Number read_integer(std::string_view text);
/// `200ms 1s 5m 24h 7d`, or 0; in milliseconds.
Number read_duration(std::string_view text);
/// `512 64KiB 1MiB 10GiB`; in bytes.
Number read_size(std::string_view text);
/// Three or four octal digits, as chmod takes them; at most 0777.
std::optional<int> read_mode(std::string_view text);

/// The largest unit that needs no fraction: "1m", "1500ms".
std::string duration_words(int64_t milliseconds);
std::string size_words(int64_t bytes);

/// HOST:PORT with a name or an IPv4 address, or [IPv6]:PORT; the port 1 … 65535.
bool is_host_and_port(std::string_view text);
/// 1 … 65535.
bool is_port(std::string_view text);
/// Every character a letter, a digit or in `others`; 1 … `length_max` bytes.
bool is_name(std::string_view text, std::string_view others, size_t length_max);
/// An SQL name that needs no quoting tricks; with `qualified`, SCHEMA.NAME too.
bool is_sql_name(std::string_view text, bool qualified);

/// The candidate within a few typing errors of `text`, or "".
std::string_view nearest(std::string_view text, std::span<const std::string_view> candidates);
/// "; did you mean 'X'?" or "".
std::string suggestion(std::string_view text, std::span<const std::string_view> candidates);
/// "a, b, c"
std::string joined(std::span<const std::string_view> names);

/// Text after `${NAME}` and `$$` were replaced, or why that failed.
struct Expansion {
  std::string text;
  std::string error;
};
/// What a variable's value becomes at byte `at` of the text as it was written.
using FitVariable = std::function<std::string(size_t at, std::string value)>;
Expansion expand_variables(std::string_view text, const Environment& environment,
                           const FitVariable& fit = {});

}  // namespace lastseen
