// Collects what is wrong with one file, each error with the excerpt that people see.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "config/yaml_tree.h"

namespace lastseen {

/// What people see of a password.
inline constexpr std::string_view kMask = "***";

/// Whether people see the line of an error, passwords masked, or its place alone.
enum class Excerpt { kLine, kPlaceOnly };

/// Gathers errors in any order; gives them back in order of place, each once. Passwords in the
/// lines that it excerpts are masked here, so no caller can forget to.
class ErrorList {
 public:
  /// `text` is the whole file and outlives the list.
  ErrorList(std::string file, std::string_view text);

  void add(Place place, std::string message, Excerpt excerpt = Excerpt::kLine);
  /// About the file as a whole.
  void add(std::string message) { add(Place{}, std::move(message)); }

  bool empty() const { return errors_.empty(); }
  size_t size() const { return errors_.size(); }
  /// So many errors that more would help nobody; a reader may stop looking.
  bool full() const;
  std::vector<ConfigError> take();

 private:
  std::string file_;
  std::string_view text_;
  std::vector<size_t> line_starts_;
  std::vector<ConfigError> errors_;
};

/// Bytes of foreign origin between quotes, fit for one line of a message: passwords masked,
/// control characters and broken UTF-8 replaced, long values cut.
std::string quote(std::string_view text);

/// The text with the password of a connection URL or keyword string replaced by "***". Rather
/// masks too much than too little.
std::string mask_secrets(std::string_view text);

/// How many bytes from the start are valid UTF-8 (RFC 3629); text.size() when all are.
size_t valid_utf8_prefix(std::string_view text);

}  // namespace lastseen
