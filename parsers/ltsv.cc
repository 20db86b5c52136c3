#include "parsers/ltsv.h"

#include "parsers/scan.h"

namespace lastseen {
namespace {

bool is_label_byte(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '-';
}

}  // namespace

LtsvParser::LtsvParser(const ParserSettings& settings, const ParserOptions& options)
    : PairsParser("ltsv", settings, options) {}

bool LtsvParser::read_line(std::string_view line) {
  static_assert(LineWindow::kBytes > LineShape::kTextMax + kPlainMax);
  if (line.empty()) {
    misfit_ = line;
    return false;
  }
  const char* const end = line.data() + line.size();
  const char* walker = window_.open(line.data(), end);
  for (LineShape::Place* place = shape_.first();;) {
    const LineJoint* joint = place->recall(0, walker);
    if (joint != nullptr) {
      ++place;
      walker += joint->size;
    } else {
      const char* const label = window_.place(walker);
      joint = read_label(place, label, end);
      if (joint == nullptr) return false;
      place = shape_.behind(place);
      walker = window_.at(label + joint->size);
    }
    const size_t size = count_plain(walker);
    if (walker[size] == '\t') {  // of nearly all values the end is seen at a glance
      if (joint->value != nullptr)
        fields_.set(*joint->value, FieldValue::Kind::kText, {{window_.place(walker), size}});
      walker = window_.ahead(walker + size + 1);
    } else {
      const char* const value = window_.place(walker);
      const char* p = find_either(value + size, end, '\t', '\\');
      const bool escaped = p < end && *p == '\\';
      if (escaped) p = find_byte(p, end, '\t');
      if (joint->value != nullptr)
        fields_.set(*joint->value, FieldValue::Kind::kText, {{value, p}, escaped, escaped});
      if (p == end) return true;
      walker = window_.at(p + 1);
    }
    // A tab may stand behind the last value.
    if (*walker == '\0' && window_.place(walker) == end) return true;
  }
}

/// `label:`; null where none stands.
const LineJoint* LtsvParser::read_label(LineShape::Place* place, const char* p, const char* end) {
  const char* const label = p;
  misfit_ = {p, end};
  while (p < end && is_label_byte(*p)) ++p;
  if (p == label || p == end || *p != ':') return nullptr;
  joint_ = {};
  joint_.size = static_cast<uint32_t>(p + 1 - label);
  joint_.set(names_.find(0, {label, p}));
  shape_.remember(place, 0, label, joint_);
  return &joint_;
}

}  // namespace lastseen
