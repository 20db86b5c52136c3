// Lines that a regular expression of the user's takes apart.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/regex.h"
#include "parsers/field_names.h"
#include "parsers/line_fields.h"
#include "parsers/parser.h"
#include "parsers/sighting_rules.h"

namespace lastseen {

/// The named groups are the line's fields: `client_id`, `uri`, `body`, `time` and all other usual
/// names. The expression is looked for anywhere in the line; a line without it is malformed. In a
/// line that is not UTF-8 throughout, `.` and classes stand for bytes.
class RegexLineParser : public Parser {
 public:
  /// kFatal for an expression that is wrong, and for a group of which nothing would be used.
  static Result<std::unique_ptr<Parser>> make(const ParserSettings& settings,
                                              const ParserOptions& options);

  /// The settings must be those that make() takes.
  RegexLineParser(Regex regex, std::optional<Regex> for_bytes, const ParserSettings& settings,
                  const ParserOptions& options);
  ParseResult parse(std::string_view line) override;
  void explain(Explanation* out) override;

 private:
  Status check_groups() const;

  const Regex regex_;
  const std::optional<Regex> for_bytes_;  // the same expression, for lines that are not UTF-8
  const bool escaped_;
  const FieldNames names_;
  std::vector<const FieldUse*> uses_;  // by group; null: of no use
  std::vector<std::string_view> groups_;
  LineFields fields_;
  SightingRules rules_;
  bool good_ = false;  // the last line was one
};

}  // namespace lastseen
