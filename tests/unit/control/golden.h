// Expected texts that are easier to read as files. @VERSION@ in them is the build's version.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

namespace lastseen {

inline std::string golden(const std::string& name) {
  std::ifstream file(LASTSEEN_SOURCE_DIR "/tests/unit/control/golden/" + name);
  std::stringstream content;
  content << file.rdbuf();
  std::string text = content.str();
  const std::string mark = "@VERSION@";
  for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos;)
    text.replace(at, mark.size(), LASTSEEN_VERSION);
  return text;
}

}  // namespace lastseen
