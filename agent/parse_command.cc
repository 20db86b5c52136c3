// `lastseen parse`: the very code of `run` on lines from a file or stdin, without a store.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/gzip.h"
#include "base/json_writer.h"
#include "base/time_text.h"
#include "build_parts.h"
#include "command_support.h"
#include "commands.h"
#include "exit_code.h"
#include "parse_explain.h"
#include "pipeline/line_framer.h"

namespace lastseen {

namespace {

constexpr size_t kReadBytes = 256 * 1024;

struct Format {
  std::unique_ptr<Parser> parser;
  size_t line_bytes_max = 0;
};

// One JSON object a line of input, or what a person wants to know of it; numbered from 1 over all
// files.
class LinePrinter {
 public:
  LinePrinter(Parser& parser, bool explain) : parser_(parser), explain_(explain) {}

  bool print(std::string_view line) {
    const ParseResult parsed = parser_.parse(line);
    if (explain_) {
      Explanation explanation;
      parser_.explain(&explanation);
      std::cout << explain_line(++number_, line, parsed, explanation);
      return true;
    }
    write(parsed.sighted ? parsed.client_id : std::string_view(), parsed,
          parsed.sighted ? parsed.origin : name_of(parsed.skip));
    return true;
  }
  void print_too_long() {
    if (explain_) {
      std::cout << "line " << ++number_ << ": skipped, " << name_of(SkipReason::kLineTooLong)
                << ": it is longer than line_bytes_max\n\n";
      return;
    }
    write({}, ParseResult(), name_of(SkipReason::kLineTooLong));
  }

 private:
  void write(std::string_view client_id, const ParseResult& parsed, std::string_view why) {
    json_.clear();
    json_.begin_object();
    json_.member("line", ++number_);
    json_.key("client_id");
    if (parsed.sighted) {
      json_.value(client_id);
    } else {
      json_.null();
    }
    json_.key("ts");
    if (parsed.has_time) {
      json_.value(std::string_view(format_utc_ms(seen_at(parsed, SystemClock().now().wall_ms))));
    } else {
      json_.null();
    }
    json_.member("why", why);
    json_.end_object();
    std::cout << json_.text() << '\n';
  }

  Parser& parser_;
  const bool explain_;
  JsonWriter json_;
  uint64_t number_ = 0;
};

// Where the lines come from: a descriptor that may be a pipe, or a compressed file.
class LogBytes {
 public:
  static Result<LogBytes> open(const std::string& log) {
    LogBytes bytes;
    bytes.name_ = log == "-" ? "stdin" : log;
    if (log == "-") {
      bytes.fd_ = STDIN_FILENO;
    } else if (is_gzip_name(log)) {
      auto file = open_possibly_gzip(*make_posix_file_system(), log);
      if (!file) return file.status();
      bytes.packed_ = std::move(*file);
    } else {
      bytes.owned_ = ::open(log.c_str(), O_RDONLY | O_CLOEXEC);
      if (bytes.owned_.fd < 0) return Status::retry(log + ": " + std::strerror(errno));
      bytes.fd_ = bytes.owned_.fd;
    }
    return bytes;
  }

  /// 0 at the end.
  Result<size_t> read(char* buffer, size_t length) {
    if (packed_) return read_packed(buffer, length);
    for (;;) {
      const ssize_t got = ::read(fd_, buffer, length);
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) return Status::retry(name_ + ": " + std::strerror(errno));
    }
  }

 private:
  struct Descriptor {
    Descriptor() = default;
    Descriptor(int opened) : fd(opened) {}
    Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
      std::swap(fd, other.fd);
      return *this;
    }
    ~Descriptor() {
      if (fd >= 0) ::close(fd);
    }
    int fd = -1;
  };

  Result<size_t> read_packed(char* buffer, size_t length) {
    Result<size_t> got = packed_->pread(buffer, length, position_);
    if (!got) return got;
    position_ += *got;
    if (*got == 0 && !packed_->complete())
      return Status::retry(name_ + ": it is cut off; what is missing cannot be read");
    return got;
  }

  std::string name_;
  int fd_ = -1;
  Descriptor owned_;
  std::unique_ptr<File> packed_;
  uint64_t position_ = 0;
};

// Every line of one log; its last line counts also without a newline.
Status print_lines(LogBytes& log, size_t line_bytes_max, LinePrinter& printer) {
  const LineFramer framer(line_bytes_max);
  std::string held;  // what is not a whole line yet
  bool discarding = false;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
  for (bool at_end = false; !at_end;) {
    const Result<size_t> got = log.read(buffer.get(), kReadBytes);
    // What was read of a damaged file is printed to its last whole line.
    if (!got) return got.status();
    at_end = *got == 0;
    held.append(buffer.get(), *got);
    const LineFramer::Progress progress = framer.frame(
        held, discarding, at_end, [&](std::string_view line) { return printer.print(line); },
        [&] { printer.print_too_long(); });
    held.erase(0, progress.consumed);
    discarding = progress.discarding;
    if (!std::cout) return Status::retry("the output could not be written");
  }
  return Status::ok();
}

int explain(const std::string& message, int code) {
  std::cerr << "lastseen: " << message << '\n';
  return code;
}

// The parser that the arguments name; prints what is wrong with them.
std::optional<Format> choose_format(const ParseArguments& arguments) {
  Config config;
  InputSettings input;
  if (arguments.config_path.empty()) {
    input.parser.type = arguments.parser;
    input.parser.dialect = arguments.dialect;
    input.parser.format = arguments.log_format;
    input.parser.preset = arguments.preset;
    input.parser.regex = arguments.regex;
    input.parser.syslog = arguments.syslog;
  } else {
    std::optional<Config> loaded = load_or_explain(arguments.config_path);
    if (!loaded) return std::nullopt;
    config = std::move(*loaded);
    const InputSettings* found = nullptr;
    std::string names;
    for (const InputSettings& candidate : config.inputs) {
      if (candidate.name == arguments.input) found = &candidate;
      names += (names.empty() ? "" : ", ") + candidate.name;
    }
    if (found == nullptr) {
      explain(
          "no input '" + arguments.input + "' in " + arguments.config_path + "; it has: " + names,
          kExitUsage);
      return std::nullopt;
    }
    input = *found;
  }
  auto parser = build_parser(config, input);
  if (!parser) {
    explain(parser.status().message(), kExitUsage);
    return std::nullopt;
  }
  return Format{std::move(*parser), static_cast<size_t>(input.line_bytes_max)};
}

}  // namespace

int parse_command(const ParseArguments& arguments) {
  const std::optional<Format> format = choose_format(arguments);
  if (!format) return kExitUsage;
  LinePrinter printer(*format->parser, arguments.explain);
  std::vector<std::string> logs = arguments.logs;
  if (logs.empty()) logs.push_back("-");
  for (const std::string& log : logs) {
    Result<LogBytes> bytes = LogBytes::open(log);
    if (!bytes) return explain(bytes.status().message(), kExitFailed);
    const Status printed = print_lines(*bytes, format->line_bytes_max, printer);
    if (!printed) return explain(printed.message(), kExitFailed);
  }
  return std::cout.flush() ? kExitDone : explain("the output could not be written", kExitFailed);
}

}  // namespace lastseen
