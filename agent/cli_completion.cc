#include "cli_completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

namespace lastseen {

namespace {

struct Option {
  std::vector<std::string> names;  // with their dashes
  std::string help;
  enum class Value { kNone, kFile, kOther } value = Value::kNone;
};

struct Command {
  std::string path;  // "", "/run", "/quarantine/list"
  std::string name;
  std::string help;
  std::vector<Option> options;
  std::vector<Command> commands;
};

Option option_of(const CLI::Option& option) {
  Option read;
  for (const std::string& name : option.get_snames()) read.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) read.names.push_back("--" + name);
  read.help = option.get_description();
  if (option.get_expected_max() == 0) return read;
  const std::string& text = option.get_option_text();
  const bool file =
      text.starts_with("FILE") || text.starts_with("SOCKET") || text.starts_with("DIRECTORY");
  read.value = file ? Option::Value::kFile : Option::Value::kOther;
  return read;
}

Command command_of(const CLI::App& app, const std::string& path) {
  Command command{path, app.get_name(), app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options())
    if (option->nonpositional()) command.options.push_back(option_of(*option));
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; }))
    command.commands.push_back(command_of(*child, path + "/" + child->get_name()));
  return command;
}

// In single quotes, as all three shells read it.
std::string in_quotes(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

template <typename Visit>
void visit(const Command& command, const Visit& each) {
  each(command);
  for (const Command& child : command.commands) visit(child, each);
}

// "/run|/check|…": where a word leads to another command.
std::string all_paths(const Command& root) {
  std::string paths;
  visit(root, [&](const Command& command) {
    if (!command.path.empty()) paths += (paths.empty() ? "" : "|") + command.path;
  });
  return paths;
}

// "/run:-c|/run:--config" of the options with such a value.
std::string options_with(const Command& root, Option::Value value) {
  std::string found;
  visit(root, [&](const Command& command) {
    for (const Option& option : command.options)
      for (const std::string& name : option.names)
        if (option.value == value) found += (found.empty() ? "" : "|") + command.path + ":" + name;
  });
  return found;
}

std::string bash_script(const Command& root) {
  std::string cases;
  visit(root, [&](const Command& command) {
    std::string words;
    for (const Command& child : command.commands) words += child.name + " ";
    for (const Option& option : command.options)
      for (const std::string& name : option.names) words += name + " ";
    cases += "    " + in_quotes(command.path) + ") words=" + in_quotes(words) + " ;;\n";
  });
  return "# bash completion for lastseen\n"
         "_lastseen() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at= words= i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case \"$at/${COMP_WORDS[i]}\" in\n"
         "      " +
         all_paths(root) +
         ") at=$at/${COMP_WORDS[i]} ;;\n"
         "    esac\n"
         "  done\n"
         "  COMPREPLY=()\n"
         "  case \"$at:$prev\" in\n"
         "    " +
         options_with(root, Option::Value::kFile) +
         ")\n"
         "      compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
         "    " +
         options_with(root, Option::Value::kOther) +
         ") compopt +o default; return ;;\n"
         "  esac\n"
         "  case \"$at\" in\n" +
         cases +
         "  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
         "}\n"
         "complete -o default -F _lastseen lastseen\n";
}

std::string zsh_script(const Command& root) {
  std::string cases;
  visit(root, [&](const Command& command) {
    std::string entries;
    for (const Command& child : command.commands)
      entries += "\n      " + in_quotes(child.name + ":" + child.help);
    for (const Option& option : command.options)
      for (const std::string& name : option.names)
        entries += "\n      " + in_quotes(name + ":" + option.help);
    cases += "    " + in_quotes(command.path) + ") entries=(" + entries + ") ;;\n";
  });
  return "#compdef lastseen\n"
         "_lastseen() {\n"
         "  local at= word\n"
         "  local -a entries\n"
         "  for word in ${words[2,CURRENT-1]}; do\n"
         "    case \"$at/$word\" in\n"
         "      " +
         all_paths(root) +
         ") at=$at/$word ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$at:${words[CURRENT-1]}\" in\n"
         "    " +
         options_with(root, Option::Value::kFile) +
         ") _files; return ;;\n"
         "    " +
         options_with(root, Option::Value::kOther) +
         ") return ;;\n"
         "  esac\n"
         "  case \"$at\" in\n" +
         cases +
         "  esac\n"
         "  _describe 'lastseen' entries\n"
         "  [[ $PREFIX == -* || -z $at ]] || _files\n"
         "}\n"
         "if [[ $funcstack[1] == _lastseen ]]; then _lastseen \"$@\"; else compdef _lastseen "
         "lastseen; fi\n";
}

// What fish asks before it offers something of a command.
std::string fish_condition(const Command& command) {
  std::string condition, path = command.path;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/', 1), path.size());
    condition += (condition.empty() ? "" : "; and ") + std::string("__fish_seen_subcommand_from ") +
                 path.substr(1, end - 1);
    path.erase(0, end);
  }
  return condition.empty() ? "__fish_use_subcommand" : condition;
}

std::string fish_script(const Command& root) {
  std::string script = "# fish completion for lastseen\n";
  visit(root, [&](const Command& command) {
    const std::string begin = "complete -c lastseen -n " + in_quotes(fish_condition(command)) + " ";
    for (const Command& child : command.commands)
      script += begin + "-f -a " + child.name + " -d " + in_quotes(child.help) + "\n";
    for (const Option& option : command.options) {
      script += begin;
      for (const std::string& name : option.names)
        script +=
            name.starts_with("--") ? "-l " + name.substr(2) + " " : "-s " + name.substr(1) + " ";
      if (option.value == Option::Value::kFile) script += "-r -F ";
      if (option.value == Option::Value::kOther) script += "-x ";
      script += "-d " + in_quotes(option.help) + "\n";
    }
  });
  return script;
}

}  // namespace

std::string completion_script(const CLI::App& app, std::string_view shell) {
  const Command root = command_of(app, "");
  if (shell == "bash") return bash_script(root);
  if (shell == "zsh") return zsh_script(root);
  return fish_script(root);
}

}  // namespace lastseen
