// LTSV, http://ltsv.org: `label:value` with tabs between.
#pragma once

#include <string_view>

#include "parsers/field_names.h"
#include "parsers/line_fields.h"
#include "parsers/line_shape.h"
#include "parsers/line_window.h"
#include "parsers/parser.h"
#include "parsers/sighting_rules.h"

namespace lastseen {

/// Labels are letters, digits, `_`, `.` and `-`; anything else is malformed. Values are taken to
/// have backslash escapes, as nginx and Apache write them: without these a tab in a value could not
/// be told from the one behind it.
class LtsvParser : public Parser {
 public:
  LtsvParser(const ParserSettings& settings, const ParserOptions& options);
  ParseResult parse(std::string_view line) override;
  void explain(Explanation* out) override;

 private:
  bool read_line(std::string_view line);
  const LineJoint* read_label(LineShape::Place* place, const char* p, const char* end);

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
