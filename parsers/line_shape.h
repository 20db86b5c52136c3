// What the names of a line's fields were the last time, for formats whose fields have names.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>

#include "parsers/field_names.h"
#include "parsers/scan.h"

namespace lastseen {

/// The names of the line before, in their order. The lines of a log are alike, so comparing a few
/// bytes nearly always replaces finding a name's end and looking it up: a third of the time that a
/// line takes. It cannot change an answer, since a name must be the same to the last byte.
class LineShape {
 public:
  /// What stands behind the name at `p` and its ending, where it is the one that had this index.
  /// Null: it has to be read.
  const char* recall(size_t index, size_t scope, const char* p, const char* end,
                     FieldNames::Known* known) const {
    if (index >= kNamesMax) return nullptr;
    const Name& name = names_[index];
    if (name.size == 0 || name.scope != scope) return nullptr;
    if (!starts_with_padded(p, end, name.text.data(), name.size)) return nullptr;
    *known = name.known;
    return p + name.size;
  }
  /// Keeps what stands between `begin` and `end`: a name with all that ends it, such as `"status":`
  /// or `status=`.
  void remember(size_t index, size_t scope, const char* begin, const char* end,
                const FieldNames::Known& known) {
    const auto size = static_cast<size_t>(end - begin);
    if (index >= kNamesMax || size > kTextMax) return;
    Name& name = names_[index];
    std::memcpy(name.text.data(), begin, size);
    name.size = size;
    name.scope = scope;
    name.known = known;
  }

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

}  // namespace lastseen
