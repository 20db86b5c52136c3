// What the agent tells its operator. Parts receive a Log&; only log.cc knows the library behind it.
#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace lastseen {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError };

/// A detail beside the message: `key=value` in text, a member in JSON (numbers as numbers), a field
/// named KEY in the journal.
struct LogField {
  LogField(std::string_view key_, std::string value_) : key(key_), value(std::move(value_)) {}
  template <std::integral Number>
  LogField(std::string_view key_, Number value_)
      : key(key_), value(std::to_string(value_)), is_number(true) {}

  std::string_view key;
  std::string value;
  bool is_number = false;
};

/// Thread-safe. A message is one line of plain words; at warning and above it says what to do.
/// Messages and values are escaped on the way out, so foreign bytes cannot forge a line.
/// No client ids at info or above.
class Log {
 public:
  virtual ~Log() = default;
  virtual void write(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) = 0;

  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kDebug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kInfo, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kWarn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kError, message, fields);
  }
};

/// A Log that writes to stderr, or to `file` when it is not empty. `json`: one object a line. Text
/// for a stderr that is systemd's journal goes there as an entry with a level and fields.
class ReopenableLog : public Log {
 public:
  /// Opens `file` again (after a rotation); a no-op for stderr. False when that failed: it goes on
  /// as before, and said so there and on stderr.
  virtual bool reopen() = 0;
  /// Goes on with other settings. A file that cannot be opened leaves everything as it is; kRetry
  /// says why.
  virtual Status change(LogLevel level, bool json, const std::string& file) = 0;
};
std::unique_ptr<ReopenableLog> make_log(LogLevel level, bool json, const std::string& file);

/// Bytes of foreign origin made fit for one line of a log: controls, quotes' backslashes and
/// bytes that are not printable ASCII or valid UTF-8 become \xHH.
std::string escape_for_log(std::string_view bytes);

}  // namespace lastseen
