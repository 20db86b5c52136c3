// One SQLite database and its statements, without sqlite3.h. The one place that knows SQLite.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "store/store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lastseen {

class SqliteConnection;

/// A prepared statement; must not outlive its connection. Bound text is not copied: it has to stay
/// until the statement is reset.
class SqliteStatement {
 public:
  SqliteStatement() = default;
  ~SqliteStatement();
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&& other) noexcept;

  /// Parameters ?1, ?2, … in this order, after a reset.
  template <typename... Values>
  SqliteStatement& bind(const Values&... values) {
    reset();
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }
  void bind_blob(int index, std::string_view bytes);

  enum class Step { kRow, kDone, kFailed };
  Step step();
  void reset();

  int64_t number(int column) const;
  /// SQLite has no unsigned numbers: 64 bits that mean one.
  uint64_t bits(int column) const { return static_cast<uint64_t>(number(column)); }
  std::string text(int column) const;
  bool is_null(int column) const;
  explicit operator bool() const { return statement_ != nullptr; }

 private:
  friend class SqliteConnection;
  SqliteStatement(SqliteConnection* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  void bind_one(int index, std::string_view text);
  void bind_one(int index, int64_t number);
  void bind_one(int index, uint64_t bits) { bind_one(index, static_cast<int64_t>(bits)); }

  SqliteConnection* connection_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
};

/// How the last operation failed.
struct SqliteFailure {
  std::string sqlstate;  ///< The SQLSTATE with that meaning; empty where there is none.
  std::string message;
  bool row_at_fault = false;
};

/// Used by one thread, except interrupt().
class SqliteConnection {
 public:
  enum class Mode { kReadWrite, kReadOnly };

  SqliteConnection(std::string path, Mode mode, int64_t lock_timeout_ms);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  /// While one exists, interrupt() has something to end. One at a time.
  class Call {
   public:
    explicit Call(SqliteConnection& connection);
    ~Call();

   private:
    SqliteConnection& connection_;
  };

  /// Opens unless open. Read-write makes the file and the last component of its directory;
  /// read-only makes nothing.
  std::optional<StoreError> open();
  /// All statements must be gone.
  void close();
  bool is_open() const { return db_ != nullptr; }
  /// The file was deleted or replaced under us: what is written now, nobody would find.
  bool file_moved() const;
  bool in_transaction() const;

  /// Several statements separated by semicolons are fine.
  bool run(const char* sql);
  /// Empty statement on failure.
  SqliteStatement prepare(const std::string& sql);

  /// Why the last run(), prepare() or step() failed.
  SqliteFailure failure() const;
  StoreError error() const;
  const std::string& path() const { return path_; }

  /// Thread-safe. A Call in progress returns soon, with an error; without effect when there is
  /// none.
  void interrupt();

 private:
  friend class SqliteStatement;
  static int on_busy(void* self, int tries);
  bool wait_for_lock(int tries);
  int remember(int code);
  std::optional<StoreError> open_file();

  const std::string path_;
  const Mode mode_;
  const int64_t lock_timeout_ms_;
  sqlite3* db_ = nullptr;
  int last_code_ = 0;  // extended result code
  std::string last_message_;

  std::mutex mutex_;  // guards changes of db_ against interrupt(), and what follows
  std::condition_variable interrupted_changed_;
  bool in_call_ = false;
  std::atomic<bool> interrupted_ = false;
};

}  // namespace lastseen
