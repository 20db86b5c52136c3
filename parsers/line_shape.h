// The shape of the lines of a log whose fields have names.
#pragma once

#include <cstdint>

#include "parsers/field_names.h"
#include "parsers/shape.h"

namespace lastseen {

/// What stands between two values of a line.
struct LineJoint {
  const FieldUse* value = nullptr;  ///< What the name in it is good for: see FieldNames::Known.
  uint32_t size = 0;
  uint8_t object = 0;   ///< The scope of the name's members.
  uint8_t closed = 0;   ///< Objects that end in it.
  bool quoted = false;  ///< It ends with the quote that opens the value.
  /// Of JSON: what is to be expected behind it.
  enum class Kind : uint8_t {
    kOther,  ///< It ends an object, or one may begin behind it.
    kText,   ///< A text, whose opening quote belongs to the joint.
    kBare,   ///< Any other value.
  };
  Kind kind = Kind::kOther;

  void set(const FieldNames::Known& known) {
    value = known.value;
    object = known.object;
  }
};

using LineShape = Shape<LineJoint>;

}  // namespace lastseen
