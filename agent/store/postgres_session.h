// One connection to PostgreSQL, without exceptions. The one place that knows libpqxx.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace lastseen {

struct SqlError {
  std::string sqlstate;  ///< Empty when the connection failed or was cut.
  std::string message;   ///< One line of the server's or libpq's words; never a password.
};

/// Text of each column; none for NULL.
using SqlRow = std::vector<std::optional<std::string>>;

struct SqlAnswer {
  std::optional<SqlError> error;
  std::vector<SqlRow> rows;
  size_t affected = 0;  ///< Rows inserted, updated or deleted.
};

/// Used by one thread, except interrupt(). Nothing is kept in the server's session (no prepared
/// statements, no SET but SET LOCAL), so a pooler may hand every transaction to another server.
class PostgresSession {
 public:
  PostgresSession();
  ~PostgresSession();
  PostgresSession(const PostgresSession&) = delete;
  PostgresSession& operator=(const PostgresSession&) = delete;

  /// While one exists, interrupt() has something to end. One at a time.
  class Call {
   public:
    explicit Call(PostgresSession& session);
    ~Call();

   private:
    PostgresSession& session_;
  };

  /// Connects unless connected. Blocks at most connect_timeout for each host of `conninfo`, which
  /// may hold a password and is not kept.
  std::optional<SqlError> connect(const std::string& conninfo);
  void disconnect();
  bool connected() const;
  /// The role we are connected as; empty when not connected.
  std::string user() const;

  /// Several statements separated by semicolons are fine; rows are the last one's.
  SqlAnswer run(const std::string& sql);
  /// One statement with parameters $1, $2, … as text.
  SqlAnswer run(const std::string& sql, const std::vector<std::string>& parameters);

  /// Thread-safe. Shuts the socket of a Call in progress down, so that it returns at once with an
  /// error; without effect when there is none. While connecting it takes effect when that ends.
  void interrupt();
  /// How many statements were answered. Thread-safe.
  uint64_t answers() const { return answers_; }

 private:
  struct Connection;

  template <typename Action>
  std::optional<SqlError> guarded(Action action);
  void adopt_socket(int fd);
  void drop_socket();

  std::unique_ptr<Connection> connection_;

  std::atomic<uint64_t> answers_{0};
  std::mutex mutex_;  // guards what follows
  int socket_ = -1;   // our duplicate: stays valid whatever libpq does with its own
  bool in_call_ = false;
  bool interrupted_ = false;
};

}  // namespace lastseen
