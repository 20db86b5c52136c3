// The text between a proxy's configuration and its format string: quotes and escapes come off, and
// every byte keeps its place for messages.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "parsers/format_field.h"

namespace lastseen {

/// What is wrong with a format, as people see it: the message, the text around the place, a caret.
Status bad_format(std::string_view configured, size_t place, const std::string& message);

/// A format string as the proxy understands it.
struct FormatText {
  std::string configured;      ///< As it was written.
  std::string text;            ///< Without the quotes and escapes of the configuration.
  std::vector<size_t> places;  ///< Of each byte of `text` in `configured`, and of its end.
  std::string escape;          ///< nginx's `escape=` in front of it, or "".

  size_t place(size_t at) const { return places[at < places.size() ? at : places.size() - 1]; }
  Status error(size_t at, const std::string& message) const {
    return bad_format(configured, place(at), message);
  }
};

/// Accepts the bare format, or the directive as it stands in the proxy's configuration:
/// `log_format NAME escape=none '…' '…';`, `LogFormat "…" NAME`, `log-format "…"`.
Result<FormatText> read_format_text(Dialect dialect, std::string_view configured);

/// Gathers the parts of a format. Literal text that follows literal text is one part.
class FormatBuilder {
 public:
  explicit FormatBuilder(const FormatText& text) : text_(text) {}

  void add(char literal, size_t at);
  void add(FormatField field, size_t at);
  FormatParts take() { return std::move(parts_); }

 private:
  const FormatText& text_;
  FormatParts parts_;
};

}  // namespace lastseen
