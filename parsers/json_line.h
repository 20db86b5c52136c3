// JSON lines: one object a line, as nginx (escape=json or not), Envoy, Caddy, HAProxy and Apache
// write them.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parsers/client_id.h"
#include "parsers/escape.h"
#include "parsers/parser.h"

namespace lastseen {

/// What a member of the line's object is good for.
enum class MemberRole : uint8_t { kTime, kTarget, kBody, kClientId, kObject };
inline constexpr size_t kValueRoles = 4;  ///< Those whose values are kept.

/// How a member of role kTarget holds the query.
enum class TargetForm : uint8_t { kTarget, kQuery, kRequestLine, kUnknown };

/// A name that is known, within one object.
struct JsonMember {
  std::string name;
  MemberRole role = MemberRole::kObject;
  /// Order of preference among those of its role. Of an object: the scope of its own members.
  uint8_t rank = 0;
  TargetForm form = TargetForm::kTarget;  ///< Of a target only.
};

/// The names to look for: the usual ones of each proxy, or those that the configuration maps.
class JsonMemberNames {
 public:
  static constexpr size_t kRanksMax = 16;  ///< Names of one role; one bit each in a mask.
  static constexpr size_t kLevelsMax = 3;  ///< Names of a dotted path; no object lies deeper.
  static constexpr size_t kNameBytesMax = 64;

  /// Not ok for a mapped name that cannot be looked for.
  static Status check(const ParserSettings& settings);

  /// The settings must have passed check().
  explicit JsonMemberNames(const ParserSettings& settings);

  /// What a name means in a scope; scope 0 is the line's own object. One name may be known both
  /// ways (`request`: an object of Caddy's, a text of nginx's); null: it is not known so.
  struct Known {
    const JsonMember* value = nullptr;
    const JsonMember* object = nullptr;
  };
  Known find(size_t scope, std::string_view name) const;

 private:
  using Scope = std::array<std::vector<JsonMember>, kNameBytesMax + 1>;  // by length

  void add(MemberRole role, std::string_view path, TargetForm form = TargetForm::kTarget);
  size_t scope_of(size_t parent, std::string_view name);

  std::vector<Scope> scopes_;
  std::array<uint8_t, kValueRoles> next_rank_{};
};

/// The names of the line before, in their order. The lines of a log are alike, so comparing a few
/// bytes nearly always replaces finding a name's end and looking it up: a third of the time that a
/// line takes. It cannot change an answer, since a name must be the same to the last byte.
class JsonShape {
 public:
  /// The name at `p` where it is the one that had this index, with its quotes and the colon;
  /// `p` is moved behind that. False: it has to be read.
  bool recall(size_t index, size_t scope, const char** p, const char* end,
              JsonMemberNames::Known* known) const;
  /// Keeps what stands between `begin` and `end`: a name with its quotes and the colon.
  void remember(size_t index, size_t scope, const char* begin, const char* end,
                const JsonMemberNames::Known& known);

 private:
  static constexpr size_t kNamesMax = 64;  ///< Twice the members of the longest usual format.
  static constexpr size_t kTextMax = 32;   ///< Bytes: two SSE registers.
  struct Name {
    alignas(16) std::array<char, kTextMax> text{};
    size_t size = 0;  ///< Bytes of text; 0: nothing is remembered.
    size_t scope = 0;
    JsonMemberNames::Known known;
  };
  std::array<Name, kNamesMax> names_;
};

/// Reads one object a line; anything else is malformed. Strict about the structure, so that a torn
/// line or two lines glued together are noticed; lenient about what does not matter: bytes that are
/// not UTF-8, escapes that JSON does not know (`\x22`), and bare values that are no JSON (`000`,
/// `-`, nothing at all). Values that are not needed are skipped, not decoded.
class JsonLineParser : public Parser {
 public:
  JsonLineParser(const ParserSettings& settings, const ParserOptions& options);
  ParseResult parse(std::string_view line) override;

 private:
  struct Value {
    enum class Kind : uint8_t { kString, kBare, kNested };
    Kind kind = Kind::kNested;
    TargetForm form = TargetForm::kTarget;
    LoggedText text;  ///< Of a string: what stands between its quotes.
  };
  /// The values of one role, by rank. Only those whose bit is set in `seen` are of this line.
  struct Ranked {
    uint32_t seen = 0;
    std::array<Value, JsonMemberNames::kRanksMax> values;
    const Value* best() const { return seen == 0 ? nullptr : &values[std::countr_zero(seen)]; }
  };

  /// What reading one member came to.
  enum class Read : uint8_t { kBad, kValue, kEntered };

  bool read_line(std::string_view line);
  Read read_member(size_t index, const char** p, const char* end, uint8_t* scope);
  bool read_name(size_t index, size_t scope, const char** p, const char* end,
                 JsonMemberNames::Known* known);
  bool read_value(const char** p, const char* end, Value* value);
  bool skip_nested(const char** p, const char* end);
  void keep(const JsonMember& member, const Value& value);
  Ranked& values_of(MemberRole role) { return values_[static_cast<size_t>(role)]; }

  void find_time(ParseResult* result);
  IdAnswer find_id(std::string_view* origin);
  IdAnswer id_from_target(const Value& target);

  const JsonMemberNames names_;
  JsonShape shape_;
  const ParserOptions options_;
  ClientIdRules rules_;
  std::array<Ranked, kValueRoles> values_;
  std::vector<uint64_t> nesting_;  // of values that are skipped: one bit a level, set for an object
  std::string key_;                // a member's name that had to be unescaped
};

}  // namespace lastseen
