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
  /// The objects that are open where a value ended, or where an object begins.
  struct Nesting {
    static constexpr uint64_t kEntering = 1;
    std::array<uint8_t, FieldNames::kLevelsMax> scopes{};
    size_t depth = 1;              // the line's own object is on its way
    uint64_t context = kEntering;  // the last of them, and whether it begins here

    bool entering() const { return (context & kEntering) != 0; }
    void enter(uint8_t scope) {
      scopes[depth++] = scope;
      context = uint64_t{scope} << 1 | kEntering;
    }
    /// False: the line's own object ended.
    bool close(size_t count) {
      depth -= count;
      if (depth == 0) return false;
      context = uint64_t{scopes[depth - 1]} << 1;
      return true;
    }
  };

  bool read_line(const char* p, const char* end);
  const LineJoint* read_joint(size_t index, const Nesting& nesting, const char* p, const char* end);
  const char* read_name(size_t scope, const char* p, const char* end);
  const char* read_text(const char* p, const char* end, const FieldUse* use);
  const char* read_value(const char* p, const char* end, const FieldUse* use);
  const char* skip_nested(const char* p, const char* end);

  const FieldNames names_;
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
