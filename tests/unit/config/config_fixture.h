// Verbs for tests of the configuration.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

#include "config/load.h"

namespace lastseen {

/// A configuration without errors: nothing but one input.
inline constexpr std::string_view kMinimal =
    "inputs:\n"
    "  - {name: nginx, path: access.log, parser: json}\n";

class ConfigTest : public ::testing::Test {
 protected:
  std::map<std::string, std::string> variables_;

  LoadResult parse(std::string_view yaml) {
    return parse_config(yaml, "f.yaml", [this](const std::string& name) {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    });
  }

  /// The Config of the minimal one plus `yaml`; a failure and defaults if that has errors.
  Config good(std::string_view yaml) { return good_whole(std::string(kMinimal).append(yaml)); }

  Config good_whole(std::string_view yaml) {
    LoadResult result = parse(yaml);
    EXPECT_TRUE(result.config.has_value()) << all(result);
    return result.config.value_or(Config{});
  }

  /// All errors of the minimal one plus `yaml`, as a person sees them. Line 3 is yaml's first.
  std::string bad(std::string_view yaml) { return bad_whole(std::string(kMinimal).append(yaml)); }

  std::string bad_whole(std::string_view yaml) {
    const LoadResult result = parse(yaml);
    EXPECT_FALSE(result.config.has_value()) << yaml;
    EXPECT_FALSE(result.errors.empty()) << yaml;
    return all(result);
  }

  /// Errors of an input that has a name and `rest`.
  std::string bad_input(const std::string& rest) {
    return bad_whole("inputs:\n  - {name: a, " + rest + "}\n");
  }

  static std::string all(const LoadResult& result) {
    std::string text;
    for (const ConfigError& error : result.errors) text += error.to_string() + "\n";
    return text;
  }
};

}  // namespace lastseen
