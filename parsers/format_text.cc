#include "parsers/format_text.h"

#include <algorithm>

namespace lastseen {
namespace {

constexpr size_t kExcerptBytes = 40;  // of the format on either side of the caret

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Reads a directive's arguments from the left.
class Arguments {
 public:
  Arguments(Dialect dialect, FormatText* out) : dialect_(dialect), out_(*out) {}

  void skip_blanks() {
    while (at_ < text().size() && is_blank(text()[at_])) ++at_;
  }
  /// A word such as `log_format`, with the blanks behind it.
  bool accept(std::string_view word) {
    const std::string_view rest = std::string_view(text()).substr(at_);
    if (!rest.starts_with(word)) return false;
    if (rest.size() > word.size() && !is_blank(rest[word.size()])) return false;
    at_ += word.size();
    skip_blanks();
    return true;
  }
  std::string_view word() {
    const size_t begin = at_;
    while (at_ < text().size() && !is_blank(text()[at_])) ++at_;
    const std::string_view word = std::string_view(text()).substr(begin, at_ - begin);
    skip_blanks();
    return word;
  }
  bool at_quote() const {
    return at_ < text().size() && (text()[at_] == '"' || text()[at_] == '\'');
  }
  bool at_end() const { return at_ == text().size(); }
  size_t at() const { return at_; }
  /// Back to the first byte: what looked like a directive is literal text of a bare format.
  void start_over() { at_ = 0; }
  /// The argument here, which has no quotes: up to a blank that is not escaped.
  std::string_view bare_argument() const {
    size_t end = at_;
    while (end < text().size() && !is_blank(text()[end])) {
      end += text()[end] == '\\' && end + 1 < text().size() ? 2 : 1;
    }
    return std::string_view(text()).substr(at_, end - at_);
  }
  void take(size_t bytes) {
    const size_t end = at_ + bytes;
    while (at_ < end) take_one('\0');
    skip_blanks();
  }
  std::string_view rest() const { return std::string_view(text()).substr(at_); }

  /// Appends what stands between the quotes here.
  Status take_quoted() {
    const size_t begin = at_;
    const char quote = text()[at_++];
    while (at_ < text().size() && text()[at_] != quote) take_one(quote);
    if (at_end()) return bad_format(text(), begin, "the quote that opens here is never closed");
    ++at_;
    skip_blanks();
    return Status::ok();
  }
  /// Appends the rest as a bare format.
  void take_rest() {
    while (!at_end()) take_one('\0');
  }

 private:
  const std::string& text() const { return out_.configured; }
  void append(char c, size_t place) {
    out_.text.push_back(c);
    out_.places.push_back(place);
  }

  /// One character of the format, or an escape for one. `quote`: what it stands in; NUL: nothing.
  void take_one(char quote) {
    const size_t begin = at_;
    const char c = text()[at_++];
    if (c != '\\' || at_end() || (quote == '\'' && dialect_ == Dialect::kHaproxy)) {
      append(c, begin);
      return;
    }
    const char next = text()[at_];
    const char control = next == 'n' ? '\n' : next == 't' ? '\t' : next == 'r' ? '\r' : '\0';
    const bool escapes_blank = dialect_ == Dialect::kHaproxy && next == ' ';
    if (control != '\0') {
      append(control, begin);
    } else if (next == '"' || next == '\'' || next == '\\' || escapes_blank) {
      append(next, begin);
    } else {
      append(c, begin);
      return;
    }
    ++at_;
  }

  const Dialect dialect_;
  FormatText& out_;
  size_t at_ = 0;
};

/// nginx: `[log_format NAME] [escape=X] '…' '…' [;]`. A bare format begins with none of these.
Status read_nginx(Arguments& arguments, FormatText* out) {
  bool directive = false;
  if (arguments.accept("log_format")) {
    directive = arguments.word().find('$') == std::string_view::npos;
    if (!directive) arguments.start_over();
  }
  if (arguments.rest().starts_with("escape=")) {
    const size_t begin = arguments.at();
    out->escape = arguments.word().substr(std::string_view("escape=").size());
    if (out->escape != "default" && out->escape != "json" && out->escape != "none") {
      return bad_format(out->configured, begin, "escape= must be default, json or none");
    }
    directive = true;
  }
  if (!directive && !arguments.rest().starts_with('\'')) {
    arguments.take_rest();
    return Status::ok();
  }
  if (!arguments.at_quote()) {
    arguments.take_rest();
    if (directive && out->text.ends_with(';')) out->text.pop_back();
    return Status::ok();
  }
  while (arguments.at_quote()) {
    if (Status status = arguments.take_quoted(); !status) return status;
  }
  if (arguments.at_end() || arguments.rest().starts_with(';')) return Status::ok();
  return bad_format(out->configured, arguments.at(), "expected a quoted string or `;` here");
}

/// Apache: `LogFormat "…" [NAME]`; HAProxy: `log-format "…"`. Without quotes a format has no blanks
/// but escaped ones; where it has, it is a bare format that begins with that word.
Status read_directive(std::string_view name, Arguments& arguments) {
  if (arguments.accept(name)) {
    if (arguments.at_quote()) return arguments.take_quoted();
    const std::string_view format = arguments.bare_argument();
    const std::string_view behind = arguments.rest().substr(format.size());
    if (behind.find('%') == behind.npos) {
      arguments.take(format.size());
      return Status::ok();
    }
    arguments.start_over();
  }
  arguments.take_rest();
  return Status::ok();
}

}  // namespace

Status bad_format(std::string_view configured, size_t place, const std::string& message) {
  place = std::min(place, configured.size());
  const size_t begin = place > kExcerptBytes ? place - kExcerptBytes : 0;
  std::string excerpt(configured.substr(begin, place - begin + kExcerptBytes));
  std::replace_if(
      excerpt.begin(), excerpt.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; },
      ' ');
  std::string indent;
  for (const char c : std::string_view(excerpt).substr(0, place - begin)) {
    if ((c & 0xc0) != 0x80) indent.push_back(' ');  // a column a code point
  }
  return Status::fatal("log_format: " + message + " (character " + std::to_string(place + 1) +
                       ")\n  " + excerpt + "\n  " + indent + "^");
}

Result<FormatText> read_format_text(Dialect dialect, std::string_view configured) {
  FormatText out;
  out.configured = configured;
  // A line break at the end comes from a YAML block or, in Envoy, ends the record.
  while (!out.configured.empty() && is_blank(out.configured.back()) &&
         out.configured.back() != ' ') {
    out.configured.pop_back();
  }
  Arguments arguments(dialect, &out);
  Status status;
  switch (dialect) {
    case Dialect::kNginx:
      status = read_nginx(arguments, &out);
      break;
    case Dialect::kApache:
      status = read_directive("LogFormat", arguments);
      break;
    case Dialect::kHaproxy:
      status = read_directive("log-format", arguments);
      break;
    case Dialect::kEnvoy:
      arguments.take_rest();
      break;
  }
  if (!status) return status;
  while (dialect == Dialect::kEnvoy && out.text.ends_with('\n')) out.text.pop_back();
  out.places.resize(out.text.size());
  out.places.push_back(out.configured.size());
  if (out.text.empty()) return bad_format(out.configured, 0, "the format is empty");
  return out;
}

void FormatBuilder::add(char literal, size_t at) {
  if (parts_.empty() || parts_.back().is_field) {
    parts_.emplace_back().place = text_.place(at);
  }
  parts_.back().literal.push_back(literal);
}

void FormatBuilder::add(FormatField field, size_t at) {
  FormatPart& part = parts_.emplace_back();
  part.is_field = true;
  part.field = std::move(field);
  part.place = text_.place(at);
}

}  // namespace lastseen
