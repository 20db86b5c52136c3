// Matches lines against a format and gives the values of the fields that are needed.
//
// A format is compiled into steps. Most fields tell by themselves where they end: words end at a
// blank, numbers and times have a form, texts that the proxy escapes end at the first bare quote.
// The end of any other text is looked for: it is the first place at which what follows fits, up to
// the next field of that kind. That one is final, as in matching a glob, so a line costs linear
// time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "parsers/field_names.h"
#include "parsers/format_field.h"
#include "parsers/format_time.h"

namespace lastseen {

/// A field whose value is needed. Its index is that of its value in a ScannedLine.
struct NeededField {
  std::string name;
  std::vector<FieldUse> uses;
  FieldShape shape = FieldShape::kText;
  FieldEscape escape = FieldEscape::kNone;
  bool may_be_json = false;
  /// Set where the text before is not escaped either: a value that holds this may have taken part
  /// of its neighbours, and is no answer.
  std::string separator;
};

/// What a line holds; reused from line to line.
struct ScannedLine {
  static constexpr size_t kValuesMax = 32;
  struct Value {
    std::string_view raw;
    bool escaped = false;        ///< There is a backslash in it (of a kBackslash only).
    bool other_escapes = false;  ///< As in LoggedText.
    bool cut = false;            ///< The value may go on where the line or a limit cut it.
  };
  std::array<Value, kValuesMax> values;
  uint32_t seen = 0;  ///< One bit a value.
  TimeParts time;
  ClfMemo clf;
  std::string_view time_text;  ///< Where it stands; of several pieces the last that lie together.
  std::string_view misfit;     ///< Of a malformed line: what does not fit, to the line's end.

  bool has(size_t index) const { return (seen >> index & 1) != 0; }
};

class FormatScanner {
 public:
  struct Options {
    bool more_may_follow = false;  ///< A blank and anything else may stand behind the format.
    bool may_be_cut = false;       ///< The proxy may cut a line anywhere (HAProxy's `len`).
  };
  enum class Outcome : uint8_t {
    kMalformed,
    kWhole,
    kCut,  ///< It fits as far as it goes; values that were not reached are not `seen`.
  };

  /// `configured` is what messages show; `names` says which fields are needed. kFatal for a format
  /// that cannot be matched.
  static Result<FormatScanner> compile(const FormatParts& parts, const Options& options,
                                       const FieldNames& names, std::string_view configured);

  Outcome scan(std::string_view line, ScannedLine* out) const;

  const std::vector<NeededField>& needed() const { return needed_; }
  bool has_time() const;

 private:
  friend class FormatCompiler;

  enum class FieldKind : uint8_t {
    kNone,
    kWord,     ///< Ends at the first blank, control character or quote.
    kOddWord,  ///< Ends at a `stop` as well, or has to look like an address.
    kNumber,
    kTime,
    kQuoted,  ///< Ends at the first quote without a backslash.
    kHashed,  ///< Ends at the first quote.
    kText,
    kCaptures,
  };
  static constexpr uint8_t kNotNeeded = 255;

  /// A field and the literal text behind it. Only the first step may have no field.
  struct Step {
    FieldKind kind = FieldKind::kNone;
    uint8_t value = kNotNeeded;  ///< Index of the value to keep.
    char stop = 0;               ///< First byte of the literal.
    bool is_last = false;        ///< The line ends behind the literal.
    bool is_address = false;     ///< Of a kOddWord.
    bool last_stop = false;      ///< Of a kOddWord: it ends at the last `stop`, not the first.
    bool may_vanish = false;     ///< Of a kCaptures: blanks stand on both sides; without it, one.
    bool may_break = false;      ///< Of a kText.
    bool is_wanted = false;      ///< Of a kTime.
    bool is_whole_time = false;  ///< Of a kTime: it is the only one that is wanted.
    bool after_times = false;    ///< All the times that are wanted stand before.
    bool head_is_all = false;    ///< The literal is no more than its `head`, nor the last.
    /// Steps back to the text that gets another end when this step does not fit; 0: none does.
    uint16_t text_back = 0;
    uint16_t time = 0;  ///< Of a kTime: which pattern.
    uint32_t literal_at = 0;
    uint32_t literal_size = 0;
    uint32_t length_max = 0;
    uint64_t head = 0;       ///< The literal's first eight bytes, as the machine reads them …
    uint64_t head_mask = 0;  ///< … and which of them it has.
  };

  const char* match_field(const Step& step, const char* p, const char* end, ScannedLine* out) const;
  const char* match_captures(const Step& step, const char* p, const char* end,
                             ScannedLine* out) const;
  const char* match_literal(const Step& step, const char* p, const char* end) const;
  const char* match_long_literal(const Step& step, const char* p, const char* end) const;
  const char* find_text_end(const Step& step, const char* from, const char* end) const;
  Outcome end_of_line(const Step& step, const char* p, const char* end, ScannedLine* out) const;
  std::string_view literal_of(const Step& step) const {
    return std::string_view(literals_).substr(step.literal_at, step.literal_size);
  }

  Options options_;
  std::vector<Step> steps_;
  std::string literals_;
  std::vector<TimePattern> times_;
  std::vector<NeededField> needed_;
};

}  // namespace lastseen
