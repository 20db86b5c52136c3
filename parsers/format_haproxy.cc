#include <algorithm>

#include "parsers/format_dialect.h"
#include "parsers/format_time.h"

namespace lastseen {
namespace {

constexpr std::string_view kDateMs = "%d/%b/%Y:%H:%M:%S.%3f";  // has no offset

/// Flags of `%{+Q,-E}`; those of `%{…}o` hold for all that follows.
struct Flags {
  bool quote = false;
  bool escape = false;
};

struct Variable {
  std::string_view name;
  FieldShape shape = FieldShape::kWord;
  FieldRole role = FieldRole::kNone;
  FieldEscape escape = FieldEscape::kNone;
  std::string_view time = {};
};

// Section 8.2.6 of HAProxy's configuration manual, 2.6 to 3.0; what is a plain word is in kWords.
constexpr Variable kVariables[] = {
    {"ci", FieldShape::kAddress},
    {"si", FieldShape::kAddress},
    {"bi", FieldShape::kAddress},
    {"fi", FieldShape::kAddress},
    {"t", FieldShape::kTime, FieldRole::kTime, FieldEscape::kNone, kDateMs},
    {"tr", FieldShape::kTime, FieldRole::kTime, FieldEscape::kNone, kDateMs},
    {"T", FieldShape::kTime, FieldRole::kTime, FieldEscape::kNone, kClfTime},
    {"Tl", FieldShape::kTime, FieldRole::kTime, FieldEscape::kNone, kClfTime},
    {"trg", FieldShape::kTime, FieldRole::kTime, FieldEscape::kNone, kClfTime},
    {"trl", FieldShape::kTime, FieldRole::kTime, FieldEscape::kNone, kClfTime},
    {"Ts", FieldShape::kTime, FieldRole::kTime, FieldEscape::kNone, "%s"},
    {"ms", FieldShape::kTime, FieldRole::kTime, FieldEscape::kNone, "%3f"},
    {"r", FieldShape::kText, FieldRole::kRequestLine, FieldEscape::kHash},
    {"HU", FieldShape::kText, FieldRole::kTarget, FieldEscape::kHash},
    {"HQ", FieldShape::kText, FieldRole::kQuery, FieldEscape::kHash},
    {"HP", FieldShape::kText, FieldRole::kNone, FieldEscape::kHash},
    {"HPO", FieldShape::kText, FieldRole::kNone, FieldEscape::kHash},
    {"hr", FieldShape::kCaptures, FieldRole::kBody, FieldEscape::kHash},
    {"hs", FieldShape::kCaptures, FieldRole::kNone, FieldEscape::kHash},
    {"hrl", FieldShape::kText, FieldRole::kNone, FieldEscape::kHash},
    {"hsl", FieldShape::kText, FieldRole::kNone, FieldEscape::kHash},
    {"CC", FieldShape::kText},
    {"CS", FieldShape::kText},
    {"ID", FieldShape::kText},
};
constexpr std::string_view kWords =
    " ac B b bc bp bq cc cp f fc fp ft H HM HV lc pid rc rt s sc sp sq sslc sslv ST Ta Tc Td Th "
    "Ti Tq TR Tr Tt Tu Tw ts tsc U ";

const Variable* find_variable(std::string_view name) {
  for (const Variable& variable : kVariables) {
    if (variable.name == name) return &variable;
  }
  return nullptr;
}

/// `%[capture.req.hdr(0)]`, `%[var(txn.body),json(utf8s)]`: the name says the role, a converter
/// the escape.
FormatField expression_field(std::string_view expression) {
  FormatField field;
  const size_t open = expression.find('(');
  const std::string_view fetch = expression.substr(0, expression.find_first_of("(,"));
  std::string_view argument;
  if (open != expression.npos && open == fetch.size()) {
    argument = expression.substr(open + 1, expression.find(')', open) - open - 1);
  }
  const std::string_view converters =
      expression.substr(argument.empty() ? fetch.size() : open + argument.size() + 1);
  field.escape =
      converters.find(",json(") != converters.npos ? FieldEscape::kBackslash : FieldEscape::kNone;
  field.may_break = field.escape == FieldEscape::kNone;
  if (fetch == "var") {
    const std::string_view name = argument.substr(argument.rfind('.') + 1);
    field.name = field_name("field", name);
    field.role = role_of_name(name);
  } else if (fetch.starts_with("capture.req.hdr")) {
    field.role = FieldRole::kBody;  // taken for one only where it is a JSON object
    field.name = field_name("capture", argument);
  } else if (fetch == "capture.req.uri") {
    field.role = FieldRole::kTarget;
    field.name = "field.uri";
  } else {
    field.name = field_name("field", fetch);
  }
  return field;
}

class Reader {
 public:
  explicit Reader(const FormatText& format)
      : format_(format), text_(format.text), builder_(format) {}

  Result<FormatParts> read() {
    while (at_ < text_.size()) {
      if (text_[at_] != '%') {
        add_literal(text_[at_], at_);
        ++at_;
      } else if (Status status = read_variable(); !status) {
        return status;
      }
    }
    return builder_.take();
  }

 private:
  Status read_variable() {
    const size_t begin = at_++;
    if (at_ < text_.size() && text_[at_] == '%') {
      add_literal('%', begin);
      ++at_;
      return Status::ok();
    }
    Flags flags = global_;
    if (at_ < text_.size() && text_[at_] == '{') {
      const size_t close = text_.find('}', at_);
      if (close == text_.npos) {
        return format_.error(at_, "the `{` that opens here is never closed");
      }
      read_flags(text_.substr(at_ + 1, close - at_ - 1), &flags);
      at_ = close + 1;
    }
    if (at_ < text_.size() && text_[at_] == '[') return read_expression(begin, flags);
    const size_t name_at = at_;
    while (at_ < text_.size() && is_name_character(text_[at_]) && text_[at_] != '_') ++at_;
    constexpr size_t kNameMax = 40;  // of what a message shows; no name is half as long
    const std::string_view name = text_.substr(name_at, std::min(at_ - name_at, kNameMax));
    if (name == "o") {
      global_ = flags;
      return Status::ok();
    }
    if (name.empty()) return format_.error(begin, "a variable's name must follow the `%`");
    return add_variable(name, begin, flags);
  }

  static void read_flags(std::string_view text, Flags* flags) {
    for (size_t i = 0; i + 1 < text.size(); ++i) {
      if (text[i] != '+' && text[i] != '-') continue;
      if (text[i + 1] == 'Q') flags->quote = text[i] == '+';
      if (text[i + 1] == 'E') flags->escape = text[i] == '+';
    }
  }

  Status read_expression(size_t begin, const Flags& flags) {
    const size_t close = text_.find(']', at_);
    if (close == text_.npos) return format_.error(at_, "the `[` that opens here is never closed");
    FormatField field = expression_field(text_.substr(at_ + 1, close - at_ - 1));
    if (flags.escape) field.escape = FieldEscape::kBackslash;
    at_ = close + 1;
    add(std::move(field), begin, flags);
    return Status::ok();
  }

  Status add_variable(std::string_view name, size_t begin, const Flags& flags) {
    FormatField field;
    if (const Variable* const variable = find_variable(name)) {
      field.shape = variable->shape;
      field.role = variable->role;
      field.escape = variable->escape;
      field.time = variable->time;
    } else if (kWords.find(" " + std::string(name) + " ") != kWords.npos) {
      field.shape = FieldShape::kWord;
    } else {
      return format_.error(begin, "there is no variable `%" + std::string(name) + "`");
    }
    field.name = field_name("field", name);
    add(std::move(field), begin, flags);
    return Status::ok();
  }

  /// HAProxy writes one blank for several, and none at the beginning.
  void add_literal(char c, size_t at) {
    const bool blank = c == ' ' || c == '\t' || c == '\n';
    if (!blank || !after_blank_) builder_.add(blank ? ' ' : c, at);
    after_blank_ = blank;
  }

  void add(FormatField field, size_t at, const Flags& flags) {
    after_blank_ = false;
    const bool quoted =
        flags.quote && field.shape != FieldShape::kTime && field.shape != FieldShape::kCaptures;
    if (quoted) builder_.add('"', at);
    builder_.add(std::move(field), at);
    if (quoted) builder_.add('"', at);
  }

  const FormatText& format_;
  const std::string_view text_;
  FormatBuilder builder_;
  Flags global_;
  bool after_blank_ = true;
  size_t at_ = 0;
};

}  // namespace

Result<FormatParts> read_haproxy_format(const FormatText& format) {
  return Reader(format).read();
}

}  // namespace lastseen
