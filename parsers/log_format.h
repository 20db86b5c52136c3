// Text lines in the format that a proxy's own format string describes. The formats that everybody
// has, such as `combined`, are presets: format strings that are built in.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parsers/client_id.h"
#include "parsers/format_scanner.h"
#include "parsers/parser.h"

namespace lastseen {

/// Reads the fields that the format names; never looks for an id anywhere else. Half an id is no
/// id: of a line that the proxy cut off, or that a line break within a body split, only values that
/// are surely whole count.
class LogFormatParser : public Parser {
 public:
  /// Of `{type: log_format, dialect: …, format: … or preset: …}`. kFatal, with a caret under the
  /// place, for a format that cannot be read.
  static Result<std::unique_ptr<Parser>> make(const ParserSettings& settings,
                                              const ParserOptions& options);
  /// Of a preset that is a parser type by its own name: `combined`, `common`, `vhost_combined`.
  static Result<std::unique_ptr<Parser>> make_preset(std::string_view name,
                                                     const ParserOptions& options);

  LogFormatParser(FormatScanner scanner, const ParserOptions& options);
  ParseResult parse(std::string_view line) override;

 private:
  /// How much of a line is there, beside what the fields say.
  struct Answer {
    IdAnswer id;
    std::string_view origin;
    bool ambiguous = false;
  };

  Answer find_id();
  IdAnswer read_field(const NeededField& field, const ScannedLine::Value& value);
  IdAnswer read_body(const LoggedText& body, bool cut);
  IdAnswer read_captures(std::string_view captures, bool cut);
  IdAnswer read_target(const NeededField& field, const LoggedText& target, bool cut);
  LoggedText logged_text(const NeededField& field, const ScannedLine::Value& value);

  const FormatScanner scanner_;
  std::vector<size_t> order_;  ///< Indices of the needed fields, the preferred first.
  const ParserOptions options_;
  ClientIdRules rules_;
  ScannedLine line_;
  std::string plain_;    // a value without `#HH`
  std::string request_;  // a value made into a request line or a query
};

}  // namespace lastseen
