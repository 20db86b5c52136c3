#include "base/journal.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
// It would be the path of this file, which is not the same for every compiler cache.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace lastseen {

namespace {

// A field's name is made of A-Z, 0-9 and '_'; sd_journal_sendv() refuses the whole entry otherwise.
std::string field_name(std::string_view key) {
  std::string name;
  for (char c : key) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

}  // namespace

bool stderr_is_journal() {
  const char* stream = ::getenv("JOURNAL_STREAM");
  struct stat info {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &info) != 0) return false;
  return stream == std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
}

bool write_to_journal(int priority, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::vector<std::string> entry = {"MESSAGE=" + std::string(message),
                                    "PRIORITY=" + std::to_string(priority),
                                    "SYSLOG_IDENTIFIER=lastseen"};
  for (const LogField& field : fields)
    entry.push_back(field_name(field.key) + "=" + escape_for_log(field.value));
  std::vector<iovec> parts;
  parts.reserve(entry.size());
  for (std::string& part : entry) parts.push_back({part.data(), part.size()});
  return sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) == 0;
}

}  // namespace lastseen
