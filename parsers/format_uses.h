// What the fields of a format string are good for, by the names that FieldNames knows.
#pragma once

#include <vector>

#include "parsers/field_names.h"
#include "parsers/format_field.h"
#include "parsers/line_fields.h"

namespace lastseen {

/// Empty: the field can be skipped.
std::vector<FieldUse> uses_of(const FormatField& field, const FieldNames& names);

}  // namespace lastseen
