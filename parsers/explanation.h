// How the answer to one line came about, for people who try a format.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lastseen {

/// Texts are as they stand in the line, where they stand there; valid as long as the line, and
/// until the parser's next call.
struct Explanation {
  /// One question that was asked of the line, in the order of asking.
  struct Asked {
    std::string question;    ///< "time", or a place of client_id.from: "body.client_id"
    std::string answer;      ///< "gives the id", "there is no such field", …
    std::string field;       ///< The field looked into: "request_body"; empty: there was none.
    std::string_view value;  ///< Of that field.
  };
  std::string parser;  ///< What read the line: "json", "log_format, behind a syslog header"
  std::vector<Asked> asked;
  std::string_view id;  ///< The id; not part of the line where it had to be decoded.
  std::string note;     ///< What else there is to say.
  /// Where a line that is not of the format stopped fitting.
  std::optional<std::string_view> misfit;  ///< From there to the line's end.
};

}  // namespace lastseen
