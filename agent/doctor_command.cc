// `lastseen doctor`: what the agent makes of the world around it.
#include <iostream>

#include "command_support.h"
#include "commands.h"
#include "exit_code.h"
#include "store/sqlstate.h"

namespace lastseen {

int doctor_sqlstate_command() {
  std::vector<std::vector<std::string>> table = {{"SQLSTATE", "THE AGENT", "WHAT IT IS"}};
  for (const SqlstateRule& rule : sqlstate_rules())
    table.push_back(
        {std::string(rule.pattern), std::string(name_of(rule.meaning)), std::string(rule.what)});
  print_table(table);
  std::cout << "\nThe longest pattern that fits decides.\n"
               "retry at once  the next try is likely to work\n"
               "retrying       the data waits; tried again with growing pauses, 5 s at most\n"
               "row at fault   the row goes to lastseen_quarantine, all others are committed\n"
               "holding        the data waits until somebody mends it; probed every 5 s\n";
  return kExitDone;
}

}  // namespace lastseen
