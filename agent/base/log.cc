#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <syslog.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>

#include "base/journal.h"
#include "base/json_writer.h"

namespace lastseen {

namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"trace", "debug", "info", "warn", "error"};
constexpr std::array<int, 5> kPriorities = {LOG_DEBUG, LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR};
constexpr size_t kLevelWidth = 5;  // so that messages of all levels line up

spdlog::level::level_enum convert(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// What the library puts around each line; it alone knows the time. UTC in both forms.
constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %v";
constexpr const char* kJsonPattern = "{\"ts\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v";

bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \"=") != std::string_view::npos;
}

std::string with_fields(std::string_view message, std::initializer_list<LogField> fields) {
  std::string line = escape_for_log(message);
  for (const LogField& field : fields) {
    line.append(" ").append(field.key).append("=");
    std::string value = escape_for_log(field.value);
    if (!needs_quotes(value)) {
      line += value;
      continue;
    }
    line += '"';
    for (char c : value) {
      if (c == '"') line += '\\';
      line += c;
    }
    line += '"';
  }
  return line;
}

std::string text_line(LogLevel level, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line(kLevelNames[static_cast<size_t>(level)]);
  line.resize(kLevelWidth, ' ');
  return line + ' ' + with_fields(message, fields);
}

// An object without its opening brace: the pattern supplies that, and the time.
std::string json_line(LogLevel level, std::string_view message,
                      std::initializer_list<LogField> fields) {
  JsonWriter json;
  json.begin_object();
  json.member("level", kLevelNames[static_cast<size_t>(level)]);
  json.member("message", std::string_view(escape_for_log(message)));
  for (const LogField& field : fields) {
    if (field.is_number) {
      json.key(field.key);
      json.raw_number(field.value);
    } else {
      json.member(field.key, std::string_view(escape_for_log(field.value)));
    }
  }
  json.end_object();
  return std::string(json.text().substr(1));
}

// A mutex of our own rather than the library's: reopen() swaps the logger under it.
class SpdLog final : public ReopenableLog {
 public:
  SpdLog(LogLevel level, bool json, std::string file)
      : level_(level), json_(json), file_(std::move(file)) {
    logger_ = stderr_ = make(std::make_shared<spdlog::sinks::stderr_sink_st>());
    reopen();
  }

  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields) override {
    if (level < level_.load(std::memory_order_relaxed)) return;
    std::lock_guard lock(mutex_);
    const bool to_journal = journal_ && !json_ && file_.empty();
    if (to_journal && write_to_journal(kPriorities[static_cast<size_t>(level)],
                                       with_fields(message, fields), fields))
      return;
    const std::string line = line_of(level, message, fields);
    logger_->log(convert(level), spdlog::string_view_t(line.data(), line.size()));
  }

  Status change(LogLevel level, bool json, const std::string& file) override {
    std::lock_guard lock(mutex_);
    const bool json_before = std::exchange(json_, json);
    try {
      if (json != json_before) stderr_ = make(std::make_shared<spdlog::sinks::stderr_sink_st>());
      logger_ =
          file.empty() ? stderr_ : make(std::make_shared<spdlog::sinks::basic_file_sink_st>(file));
    } catch (const std::exception& error) {
      json_ = json_before;
      return Status::retry("log.file: cannot open " + file + ": " + error.what());
    }
    level_ = level;
    file_ = file;
    return Status::ok();
  }

  bool reopen() override {
    std::lock_guard lock(mutex_);
    if (file_.empty()) return true;
    std::string why;
    try {
      auto next = make(std::make_shared<spdlog::sinks::basic_file_sink_st>(file_));
      logger_ = std::move(next);
      return true;
    } catch (const std::exception& error) {
      why = error.what();
    }
    // To what is still open, which may be rotated away by now, and to where somebody may look.
    const std::string line =
        line_of(LogLevel::kError, "cannot open log.file; make it writable and send USR1",
                {{"file", file_}, {"reason", why}});
    logger_->log(spdlog::level::err, spdlog::string_view_t(line.data(), line.size()));
    if (logger_ != stderr_)
      stderr_->log(spdlog::level::err, spdlog::string_view_t(line.data(), line.size()));
    return false;
  }

 private:
  std::string line_of(LogLevel level, std::string_view message,
                      std::initializer_list<LogField> fields) const {
    return json_ ? json_line(level, message, fields) : text_line(level, message, fields);
  }

  std::shared_ptr<spdlog::logger> make(spdlog::sink_ptr sink) const {
    auto logger = std::make_shared<spdlog::logger>("", std::move(sink));
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        json_ ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc));
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::trace);  // a line that explains a crash must be on disk
    logger->set_error_handler([](const std::string&) {});  // a full disk must not stop the agent
    return logger;
  }

  std::atomic<LogLevel> level_;
  const bool journal_ = stderr_is_journal();
  std::mutex mutex_;  // for all that follows
  bool json_;
  std::string file_;
  std::shared_ptr<spdlog::logger> stderr_;
  std::shared_ptr<spdlog::logger> logger_;
};

// Length of the well-formed UTF-8 sequence at the front, or 0. Unicode 15, table 3-7.
size_t utf8_length(std::string_view bytes) {
  auto byte = [&](size_t i) { return i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0; };
  auto within = [&](size_t i, int low, int high) { return byte(i) >= low && byte(i) <= high; };
  uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (within(0, 0xC2, 0xDF)) return within(1, 0x80, 0xBF) ? 2 : 0;
  if (within(0, 0xE0, 0xEF)) {
    int low = first == 0xE0 ? 0xA0 : 0x80;
    int high = first == 0xED ? 0x9F : 0xBF;
    return within(1, low, high) && within(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (within(0, 0xF0, 0xF4)) {
    int low = first == 0xF0 ? 0x90 : 0x80;
    int high = first == 0xF4 ? 0x8F : 0xBF;
    bool good = within(1, low, high) && within(2, 0x80, 0xBF) && within(3, 0x80, 0xBF);
    return good ? 4 : 0;
  }
  return 0;
}

// Characters that a terminal or a log reader may take for an order or an end of line: C0, DEL,
// C1 (U+0080…9F), U+2028, U+2029 and the bidirectional overrides; and the escape itself.
bool is_dangerous(std::string_view character) {
  uint8_t first = static_cast<uint8_t>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F || first == '\\';
  uint8_t second = static_cast<uint8_t>(character[1]);
  if (character.size() == 2) return first == 0xC2 && second < 0xA0;
  if (character.size() != 3 || first != 0xE2) return false;
  uint8_t third = static_cast<uint8_t>(character[2]);
  return (second == 0x80 && third >= 0xA8 && third <= 0xAE) ||  // U+2028…202E
         (second == 0x81 && third >= 0xA6 && third <= 0xA9);    // U+2066…2069
}

}  // namespace

std::string escape_for_log(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    size_t length = utf8_length(bytes);
    std::string_view character = bytes.substr(0, length == 0 ? 1 : length);
    if (length == 0 || is_dangerous(character)) {
      for (char c : character) {
        uint8_t value = static_cast<uint8_t>(c);
        out.append("\\x").append(1, kDigits[value >> 4]).append(1, kDigits[value & 15]);
      }
    } else {
      out += character;
    }
    bytes.remove_prefix(character.size());
  }
  return out;
}

std::unique_ptr<ReopenableLog> make_log(LogLevel level, bool json, const std::string& file) {
  return std::make_unique<SpdLog>(level, json, file);
}

}  // namespace lastseen
