// The values of one line that may matter: what every format's reader fills and the rules read.
// A reader asks FieldNames once what a name is good for, and hands the values of such names on.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "parsers/escape.h"

namespace lastseen {

/// How a field holds what is looked for in it.
enum class FieldForm : uint8_t {
  kWhole,   ///< It is the value.
  kTarget,  ///< A request target: path and query, percent-encoded.
  kPath,    ///< The same; but a path alone, and decoded, in a line that has a query of its own.
  kQuery,   ///< A query, with or without its `?`.
  kArgs,    ///< A query without it: nginx's $args. A `?` at the beginning is the client's own.
  kRequestLine,  ///< `METHOD target HTTP/1.1`
  kAnyTarget,    ///< Whichever of these it looks like.
  kDecodedPath,  ///< A path alone, decoded.
  // Of a query's parameter:
  kQueryValue,  ///< Its value, still percent-encoded.
  // Of a body:
  kMaybeBody,  ///< It is one where it is a JSON object.
  kCaptures,   ///< HAProxy's `a|b|c`, each of them perhaps a body.
  // Of a cookie:
  kCookies,  ///< A Cookie header: `name=value; name=value`.
};

/// What is around a value beside backslash escapes.
enum class FieldCoding : uint8_t {
  kNone,
  kBase64,
  kHashes,  ///< HAProxy's `#HH`.
};

/// What a field is good for. Slots are the questions that a line answers; the rules say which.
struct FieldUse {
  uint8_t slot = 0;
  uint8_t rank = 0;  ///< Order of preference among the names of one slot.
  FieldForm form = FieldForm::kWhole;
  FieldCoding coding = FieldCoding::kNone;
  const FieldUse* also = nullptr;  ///< The same field may be good for something else.
};

/// A field's value as it stands in the line.
struct FieldValue {
  enum class Kind : uint8_t {
    kText,    ///< Any text: quoted, or of a format in which all values are text.
    kBare,    ///< Of JSON, without quotes: a number, or a word that is no value.
    kNested,  ///< Of JSON: an object or a list.
  };
  Kind kind = Kind::kText;
  FieldForm form = FieldForm::kWhole;
  FieldCoding coding = FieldCoding::kNone;
  bool cut = false;  ///< The line or a limit may have cut the value off.
  LoggedText text;
};

/// Valid as long as the line is.
class LineFields {
 public:
  // The slots that every line has; those of the places at which an id may stand follow.
  static constexpr uint8_t kTime = 0;
  static constexpr uint8_t kTarget = 1;
  static constexpr uint8_t kBody = 2;
  static constexpr uint8_t kStatus = 3;
  static constexpr uint8_t kFirstPlace = 4;
  static constexpr size_t kPlacesMax = 8;
  static constexpr size_t kSlots = kFirstPlace + kPlacesMax;
  static constexpr size_t kRanksMax = 16;  ///< Names of one slot; one bit each in a mask.

  void clear() {
    seen_.fill(0);
    cut_ = false;
  }

  /// For all uses of a field.
  void set(const FieldUse& first, FieldValue::Kind kind, const LoggedText& text) {
    for (const FieldUse* use = &first; use != nullptr; use = use->also) {
      set_one(*use, kind, text, false);
    }
  }
  /// For this use alone. Of two values of one name the first counts.
  void set_one(const FieldUse& use, FieldValue::Kind kind, const LoggedText& text, bool cut) {
    const auto bit = static_cast<uint16_t>(1U << use.rank);
    if ((seen_[use.slot] & bit) != 0) return;
    seen_[use.slot] |= bit;
    values_[use.slot][use.rank] = {kind, use.form, use.coding, cut, text};
  }

  /// The line ends before a field that might have given the id.
  void set_cut() { cut_ = true; }
  bool cut() const { return cut_; }

  /// One bit a rank that has a value, the most preferred lowest.
  unsigned seen(uint8_t slot) const { return seen_[slot]; }
  const FieldValue& value(uint8_t slot, int rank) const {
    return values_[slot][static_cast<size_t>(rank)];
  }
  /// The most preferred value, or null.
  const FieldValue* best(uint8_t slot) const {
    return seen_[slot] == 0 ? nullptr : &value(slot, std::countr_zero(seen_[slot]));
  }

 private:
  std::array<uint16_t, kSlots> seen_{};
  bool cut_ = false;
  std::array<std::array<FieldValue, kRanksMax>, kSlots> values_;
};

}  // namespace lastseen
