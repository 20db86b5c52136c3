// What `doctor` reads in the configurations of logrotate and nginx. Pure: texts in, facts out;
// what it does not understand it passes over.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lastseen {

/// Paths (they may be globs) that logrotate copies and truncates instead of renaming.
/// `truncates` is the setting outside of all blocks; the text may change it for what follows.
std::vector<std::string> truncated_by_logrotate(std::string_view text, bool* truncates);

struct NginxLog {
  std::string path;
  std::string format;     ///< "combined" where none is named.
  bool buffered = false;  ///< buffer= or gzip
};

struct NginxFacts {
  std::vector<NginxLog> logs;
  struct Format {
    bool escapes_json = false;
    std::string text;
  };
  std::map<std::string, Format> formats;
  bool body_buffer_set = false;  ///< client_body_buffer_size stands somewhere.
};

/// Adds what one file of the configuration says.
void read_nginx(std::string_view text, NginxFacts& facts);

}  // namespace lastseen
