// A secret that stands in a file of its own, such as a systemd credential or a mounted secret.
#pragma once

#include <string>

#include "base/status.h"

namespace lastseen {

/// What stands in the file, without the newline at its end. Never print it. kFatal, with what to
/// do, when it cannot be read, is empty, longer than kSecretBytesMax, or holds a NUL or a newline.
Result<std::string> read_secret_file(const std::string& path);

/// Longer than any password or token (RDS's are about 1,600); a log named by mistake is not read.
inline constexpr size_t kSecretBytesMax = 8192;

}  // namespace lastseen
