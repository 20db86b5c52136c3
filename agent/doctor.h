// `lastseen doctor`: looks at the world around the agent, and says what would go wrong.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "config/config.h"

namespace lastseen {

enum class Severity {
  kNote,     ///< Worth knowing.
  kWarning,  ///< Clients may be missed, or the database works harder than it has to.
  kError,    ///< Clients are missed until it is mended.
};
std::string_view name_of(Severity severity);

/// Everything that can be found, in the order in which it is looked for. lastseen(1) has a
/// paragraph on each.
struct FindingKind {
  std::string_view id;
  Severity severity;
  std::string_view what;  ///< What it says in general; no full stop.
};
const std::vector<FindingKind>& finding_kinds();

struct Finding {
  std::string_view id;  ///< Of one of the kinds.
  std::string text;     ///< What is wrong, and what to do.
};
using Findings = std::vector<Finding>;

struct Surroundings {
  const Config& config;
  FileSystem& files;
  std::string etc;  ///< Where the configurations of nginx and logrotate are: "/etc".
};

// Each appends what it finds.
void look_at_logs(const Surroundings& around, Findings& findings);
void look_at_logrotate(const Surroundings& around, Findings& findings);
void look_at_nginx(const Surroundings& around, Findings& findings);
void look_at_kernel(const Surroundings& around, Findings& findings);
void look_at_places(const Surroundings& around, Findings& findings);
void look_at_identity(const Surroundings& around, Findings& findings);
void look_at_store(const Surroundings& around, Findings& findings);

}  // namespace lastseen
