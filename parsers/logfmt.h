// logfmt: `key=value key="a value" …`, as Go's loggers write it and nginx when told to.
#pragma once

#include <string_view>

#include "parsers/field_names.h"
#include "parsers/line_fields.h"
#include "parsers/line_shape.h"
#include "parsers/line_window.h"
#include "parsers/parser.h"
#include "parsers/sighting_rules.h"

namespace lastseen {

/// Pairs with blanks between. A value in quotes holds backslash escapes (`\"` and JSON's; nginx's
/// `\xHH`), and one without ends at the next blank. A word without `=` is a key without a value.
/// Malformed is a line without any pair, a quote that does not close, and text that touches a
/// closing quote.
class LogfmtParser : public Parser {
 public:
  LogfmtParser(const ParserSettings& settings, const ParserOptions& options);
  ParseResult parse(std::string_view line) override;
  void explain(Explanation* out) override;

 private:
  bool read_line(std::string_view line);
  const LineJoint* read_joint(LineShape::Place* place, const char* p, const char* end);

  const FieldNames names_;
  LineWindow window_;
  LineShape shape_;
  LineJoint joint_;  // that was read last
  LineFields fields_;
  SightingRules rules_;
  bool good_ = false;        // the last line was one …
  std::string_view misfit_;  // … or stopped being one here
};

}  // namespace lastseen
