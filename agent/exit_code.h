// The exit statuses that scripts and the systemd unit rely on.
#pragma once

namespace lastseen {

enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,       ///< It failed while running; one line on stderr says what to do.
  kExitUsage = 2,        ///< Usage or configuration error, or another instance took over.
  kExitUncommitted = 3,  ///< --once or a stop ended with data not committed.
};

}  // namespace lastseen
