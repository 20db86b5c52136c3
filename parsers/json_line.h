// JSON lines: one object a line, as nginx (escape=json or not), Envoy, Caddy, HAProxy and Apache
// write them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parsers/field_names.h"
#include "parsers/line_fields.h"
#include "parsers/line_shape.h"
#include "parsers/line_window.h"
#include "parsers/parser.h"
#include "parsers/sighting_rules.h"

namespace lastseen {

/// Reads one object a line; anything else is malformed. Strict about the structure, so that a torn
/// line or two lines glued together are noticed; lenient about what does not matter: bytes that are
/// not UTF-8, escapes that JSON does not know (`\x22`), and bare values that are no JSON (`000`,
/// `-`, nothing at all). Values that are not needed are skipped, not decoded.
///
/// Before the object may stand what the console format of Caddy (zap) writes there: a time, and
/// further words, each with a tab behind it. A line that does not begin with a time and a tab is no
/// such line, and the time is then that of the entry.
class JsonLineParser : public Parser {
 public:
  JsonLineParser(const ParserSettings& settings, const ParserOptions& options,
                 FieldNames::Usual usual);
  ParseResult parse(std::string_view line) override;
  void explain(Explanation* out) override;

 private:
  /// What a joint may depend on: the scope of the object that it stands in, and whether that begins
  /// with it.
  using Context = uint64_t;
  static constexpr Context kEntering = 1;
  static constexpr Context inside(uint8_t scope) { return Context{scope} << 1; }

  /// The objects that are open.
  struct Nesting {
    std::array<uint8_t, FieldNames::kLevelsMax> scopes{};
    size_t depth = 1;     // the line's own object is on its way; 0: it has ended
    Context context = 0;  // of the next joint, set by read_other()
  };

  bool read_line(const char* begin, const char* end);
  const LineJoint* read_joint(LineShape::Place* place, const Nesting& nesting, Context context,
                              const char* p, const char* end);
  const char* read_name(size_t scope, const char* p, const char* end);
  const char* read_text(const char* p, const char* special, const char* end, const FieldUse* use);
  const char* read_value(const char* p, const char* end, const FieldUse* use);
  const char* read_other(const LineJoint& joint, const char* p, const char* end, Nesting* nesting);
  const char* skip_nested(const char* p, const char* end);

  const FieldNames names_;
  LineWindow window_;
  LineShape shape_;
  LineJoint joint_;  // that was read last
  LineFields fields_;
  SightingRules rules_;
  std::vector<uint64_t> nesting_;  // of values that are skipped: one bit a level, set for an object
  bool good_ = false;              // the last line was one …
  std::string_view misfit_;        // … or stopped being one here
  std::string key_;                // a member's name that had to be unescaped
};

}  // namespace lastseen
