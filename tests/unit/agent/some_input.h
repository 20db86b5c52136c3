// Inputs of a configuration, as far as a plan for them needs to know.
#pragma once

#include <string>

#include "config/config.h"

namespace lastseen {

inline InputSettings some_input(const std::string& name, const std::string& path,
                                const std::string& type) {
  InputSettings settings;
  settings.name = name;
  settings.path = path;
  settings.type = type;
  return settings;
}

}  // namespace lastseen
