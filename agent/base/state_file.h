// A file of the agent's own that is replaced as a whole, so that a crash leaves the old one or the
// new one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace lastseen {

/// Not thread-safe. Errors are kRetry; the message holds the path and the reason.
class StateFile {
 public:
  virtual ~StateFile() = default;
  virtual const std::string& path() const = 0;
  /// What it holds; nullopt when there is none.
  virtual Result<std::optional<std::string>> read() = 0;
  /// On the disk when this returns. After a failure the old one is still there. Makes the
  /// directory if only that one is missing.
  virtual Status replace(std::string_view bytes) = 0;
  /// Fine when there is none.
  virtual Status remove() = 0;
  /// Moves it out of the way and tells where to.
  virtual Result<std::string> set_aside() = 0;
};

std::unique_ptr<StateFile> make_state_file(const std::string& path);

}  // namespace lastseen
