#include "parsers/format_dialect.h"
#include "parsers/format_time.h"

namespace lastseen {
namespace {

constexpr std::string_view kDirectives = "%aABbCDefhHiIklLmnoOpPqrRsStTuUvVXx";
constexpr std::string_view kNumbers = "BbDIkOpPsST";
constexpr std::string_view kAddresses = "aA";
constexpr std::string_view kWords = "hlHmvVX";

/// `%{…}t`: a name of a format, or one for strftime; `begin:` and `end:` choose the moment.
std::string time_pattern(std::string_view argument) {
  for (const std::string_view moment : {"begin:", "end:"}) {
    if (argument.starts_with(moment)) argument.remove_prefix(moment.size());
  }
  if (argument.empty()) return std::string(kClfTime);
  if (argument == "sec") return "%s";
  if (argument == "msec") return "%Q";
  if (argument == "usec") return "%N";
  if (argument == "msec_frac") return "%3f";
  if (argument == "usec_frac") return "%6f";
  return std::string(argument);
}

FieldRole role_of(char directive, std::string_view argument) {
  switch (directive) {
    case 'r':
      return FieldRole::kRequestLine;
    case 'q':
      return FieldRole::kQuery;
    case 'n':  // a note that a module left
    case 'e':
      return role_of_name(argument);
    default:
      return FieldRole::kNone;
  }
}

FormatField field_of(char directive, std::string_view argument) {
  FormatField field;
  field.escape = FieldEscape::kBackslash;
  field.name = directive == 'i'   ? field_name("header", argument)
               : directive == 'C' ? field_name("cookie", argument)
               : argument.empty() ? std::string("field.") + directive
                                  : field_name("field", argument);
  if (directive == 't') {
    field.role = FieldRole::kTime;
    field.shape = FieldShape::kTime;
    field.time = time_pattern(argument);
    return field;
  }
  field.role = role_of(directive, argument);
  const auto is_in = [&](std::string_view list) { return list.find(directive) != list.npos; };
  if (is_in(kNumbers)) field.shape = FieldShape::kNumber;
  if (is_in(kWords)) field.shape = FieldShape::kWord;
  if (is_in(kAddresses)) field.shape = FieldShape::kAddress;
  return field;
}

}  // namespace

Result<FormatParts> read_apache_format(const FormatText& format) {
  FormatBuilder builder(format);
  const std::string_view text = format.text;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      builder.add(text[i], i);
      continue;
    }
    const size_t begin = i++;
    std::string_view argument;
    // `!`, codes and commas: only for these statuses, else `-`. `<` and `>`: which request of a
    // redirection. `^`: directives of two letters.
    while (i < text.size()) {
      const char c = text[i];
      if (c == '{') {
        const size_t close = text.find('}', i);
        if (close == text.npos) {
          return format.error(i, "the `{` that opens here is never closed");
        }
        argument = text.substr(i + 1, close - i - 1);
        i = close + 1;
      } else if (c == '!' || c == ',' || c == '<' || c == '>' || (c >= '0' && c <= '9')) {
        ++i;
      } else {
        break;
      }
    }
    if (i < text.size() && text[i] == '^' && text.size() - i >= 3) {
      i += 2;
      FormatField field;
      field.escape = FieldEscape::kBackslash;
      builder.add(std::move(field), begin);
      continue;
    }
    const char directive = i < text.size() ? text[i] : '\0';
    if (directive == '%') {
      builder.add('%', begin);
      continue;
    }
    if (directive == '\0' || kDirectives.find(directive) == kDirectives.npos) {
      return format.error(begin, directive == '\0'
                                     ? std::string("a directive must follow the `%`")
                                     : std::string("there is no directive `%") + directive + "`");
    }
    const bool bracketed = directive == 't' && argument.empty();
    if (bracketed) builder.add('[', begin);
    builder.add(field_of(directive, argument), begin);
    if (bracketed) builder.add(']', begin);
  }
  return builder.take();
}

}  // namespace lastseen
