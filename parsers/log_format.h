// Text lines in the format that a proxy's own format string describes. The formats that everybody
// has, such as `combined`, are presets: format strings that are built in.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parsers/format_scanner.h"
#include "parsers/line_fields.h"
#include "parsers/parser.h"
#include "parsers/sighting_rules.h"

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

  /// `preset`: its name where it is built in, else empty.
  LogFormatParser(std::string_view preset, FormatScanner scanner, const ParserOptions& options);
  ParseResult parse(std::string_view line) override;
  void explain(Explanation* out) override;

 private:
  bool keep_fields();

  const std::string preset_;
  const FormatScanner scanner_;
  ScannedLine line_;
  LineFields fields_;
  SightingRules rules_;
  FormatScanner::Outcome outcome_ = FormatScanner::Outcome::kMalformed;  // of the last line
  bool good_ = false;                                                    // its fields were kept
};

}  // namespace lastseen
