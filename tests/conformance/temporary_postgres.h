// A PostgreSQL server of the test's own, on a Unix socket in a temporary directory.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace lastseen {

/// Starts the newest PostgreSQL that is installed; as root, under the account `postgres`, since the
/// server refuses root. Any number can run at once. The destructor stops it and removes its
/// directory; should the test die, the kernel stops the server with it. Not thread-safe.
/// Aborts with a message when there is no server to start: a test must not pass for lack of one.
class TemporaryPostgres {
 public:
  TemporaryPostgres();
  ~TemporaryPostgres();
  TemporaryPostgres(const TemporaryPostgres&) = delete;
  TemporaryPostgres& operator=(const TemporaryPostgres&) = delete;

  void start();
  void stop();  ///< Ends sessions at once, as `systemctl restart` does.

  /// libpq keyword string; superuser `postgres`, no password.
  std::string conninfo(const std::string& database) const;
  const std::string& directory() const { return directory_; }
  /// PATH/bin of this server's version: psql, pg_dump, …
  const std::string& binaries() const { return binaries_; }
  std::string log() const;  ///< What the server wrote so far.

  /// `local DATABASE USER METHOD` in front of pg_hba.conf, and a reload.
  void add_access_rule(const std::string& rule);

 private:
  pid_t spawn(const std::vector<std::string>& command, const std::string& output) const;
  void run(const std::vector<std::string>& command) const;

  std::string binaries_;
  std::string directory_;
  pid_t server_ = 0;
};

}  // namespace lastseen
