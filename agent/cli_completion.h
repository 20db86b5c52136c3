// Completion scripts for shells, made of the definition of the command line itself.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace lastseen {

inline constexpr std::string_view kShells[] = {"bash", "zsh", "fish"};

/// The script for one of kShells, to be sourced or installed.
std::string completion_script(const CLI::App& app, std::string_view shell);

}  // namespace lastseen
