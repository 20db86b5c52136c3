// The command line.
#pragma once

namespace lastseen {

/// Parses the arguments and runs the command they name. Returns an ExitCode.
int run_cli(int argc, char** argv);

}  // namespace lastseen
