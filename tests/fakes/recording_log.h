// A Log that keeps what was written, for tests to ask.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace lastseen {

/// Thread-safe, as every Log.
class RecordingLog final : public Log {
 public:
  struct Line {
    LogLevel level;
    std::string text;  ///< "message key=value key=value"
  };

  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields) override {
    std::string text(message);
    for (const LogField& field : fields)
      text.append(" ").append(field.key).append("=").append(field.value);
    std::lock_guard lock(mutex_);
    lines_.push_back({level, std::move(text)});
  }

  std::vector<Line> lines() const {
    std::lock_guard lock(mutex_);
    return lines_;
  }
  /// How many lines hold `part`.
  size_t count(std::string_view part) const {
    std::lock_guard lock(mutex_);
    return static_cast<size_t>(std::count_if(lines_.begin(), lines_.end(), [&](const Line& line) {
      return line.text.find(part) != std::string::npos;
    }));
  }
  size_t count_at_least(LogLevel level) const {
    std::lock_guard lock(mutex_);
    return static_cast<size_t>(std::count_if(lines_.begin(), lines_.end(),
                                             [&](const Line& l) { return l.level >= level; }));
  }
  /// All lines, for a failure message.
  std::string text() const {
    std::lock_guard lock(mutex_);
    std::string all;
    for (const Line& line : lines_) all.append(line.text).append("\n");
    return all;
  }
  void clear() {
    std::lock_guard lock(mutex_);
    lines_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Line> lines_;
};

}  // namespace lastseen
