#include "base/secret_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/descriptor.h"

namespace lastseen {

Result<std::string> read_secret_file(const std::string& path) {
  const auto refuse = [&](const std::string& why) { return Status::fatal(path + ": " + why); };
  const auto unreadable = [&] {
    return refuse("cannot read it: " + std::generic_category().message(errno) +
                  "; make it readable for the agent's user");
  };
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_open()) return unreadable();
  std::string secret(kSecretBytesMax + 2, '\0');  // room for the line's end, and one to see
  size_t size = 0;
  for (;;) {
    const ssize_t got = ::read(fd.get(), secret.data() + size, secret.size() - size);
    if (got < 0) return unreadable();
    size += static_cast<size_t>(got);
    if (got == 0 || size == secret.size()) break;
  }
  secret.resize(size);
  if (secret.ends_with('\n')) secret.pop_back();
  if (secret.ends_with('\r')) secret.pop_back();
  if (secret.empty()) return refuse("it is empty; write the secret into it");
  if (secret.size() > kSecretBytesMax)
    return refuse("it is longer than " + std::to_string(kSecretBytesMax) + " bytes, so no secret");
  if (secret.find_first_of(std::string_view("\0\n", 2)) != std::string::npos)
    return refuse("it has several lines or a NUL; write the secret alone into it");
  return secret;
}

}  // namespace lastseen
