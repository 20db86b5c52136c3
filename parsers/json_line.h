// JSON lines: one object a line, as nginx (escape=json or not), Envoy, Caddy, HAProxy and Apache
// write them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parsers/field_names.h"
#include "parsers/line_fields.h"
#include "parsers/parser.h"
#include "parsers/scan.h"
#include "parsers/sighting_rules.h"

namespace lastseen {

/// The names of the line before, in their order. The lines of a log are alike, so comparing a few
/// bytes nearly always replaces finding a name's end and looking it up: a third of the time that a
/// line takes. It cannot change an answer, since a name must be the same to the last byte.
class JsonShape {
 public:
  /// What stands behind the name at `p`, its quotes and the colon, where it is the one that had
  /// this index. Null: it has to be read.
  const char* recall(size_t index, size_t scope, const char* p, const char* end,
                     FieldNames::Known* known) const {
    if (index >= kNamesMax) return nullptr;
    const Name& name = names_[index];
    if (name.size == 0 || name.scope != scope) return nullptr;
    if (!starts_with_padded(p, end, name.text.data(), name.size)) return nullptr;
    *known = name.known;
    return p + name.size;
  }
  /// Keeps what stands between `begin` and `end`: a name with its quotes and the colon.
  void remember(size_t index, size_t scope, const char* begin, const char* end,
                const FieldNames::Known& known);

 private:
  static constexpr size_t kNamesMax = 64;  ///< Twice the members of the longest usual format.
  static constexpr size_t kTextMax = 32;   ///< Bytes: two SSE registers.
  struct Name {
    alignas(16) std::array<char, kTextMax> text{};
    size_t size = 0;  ///< Bytes of text; 0: nothing is remembered.
    size_t scope = 0;
    FieldNames::Known known;
  };
  std::array<Name, kNamesMax> names_;
};

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
  bool read_line(const char* p, const char* end);
  const char* read_name(size_t index, size_t scope, const char* p, const char* end,
                        FieldNames::Known* known);
  const char* read_value(const char* p, const char* end, const FieldUse* use);
  const char* skip_nested(const char* p, const char* end);

  const FieldNames names_;
  JsonShape shape_;
  LineFields fields_;
  SightingRules rules_;
  std::vector<uint64_t> nesting_;  // of values that are skipped: one bit a level, set for an object
  bool good_ = false;              // the last line was one …
  std::string_view misfit_;        // … or stopped being one here
  std::string key_;                // a member's name that had to be unescaped
};

}  // namespace lastseen
