#include "store/sqlite_connection.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "store/sqlstate.h"

namespace lastseen {

namespace {

// Between two looks at a lock that another process holds. SQLite has no queue to wait in.
constexpr int64_t kBusyPauseMs = 5;
// Group may read, others not: the table holds who was seen when.
constexpr mode_t kDirectoryMode = 0750;

struct CodeMeaning {
  int code;
  const char* sqlstate;  // of the same meaning in the one table
  const char* what_to_do;
};

// Result codes, an extended one before its primary; https://www.sqlite.org/rescode.html. Others are
// `holding`.
constexpr CodeMeaning kMeanings[] = {
    {SQLITE_CONSTRAINT_NOTNULL, "23502", "give that column a default or allow NULL"},
    {SQLITE_CONSTRAINT, "23000", ""},
    {SQLITE_MISMATCH, "22000", ""},
    {SQLITE_TOOBIG, "22001", ""},
    {SQLITE_BUSY, "55P03", "another process holds the file; it is tried again"},
    {SQLITE_LOCKED, "55P03", ""},
    {SQLITE_FULL, "53100", "disk full: free space there; the data waits"},
    {SQLITE_NOMEM, "53200", "out of memory"},
    {SQLITE_IOERR, "", "the disk fails or is full; the data waits"},
    {SQLITE_INTERRUPT, "", "interrupted"},
    {SQLITE_CORRUPT, "XX001", "the file is damaged: move it away, or restore it"},
    {SQLITE_NOTADB, "XX001", "the file is not an SQLite database: correct store.path"},
    {SQLITE_READONLY, "25006", "make the file and its directory writable for the agent"},
    {SQLITE_CANTOPEN, "58030", "make its directory, and let the user of this process write there"},
    {SQLITE_PERM, "42501", "make the file and its directory writable for the agent"},
    {SQLITE_ERROR, "42000", ""},
};

CodeMeaning meaning_of_code(int code) {
  for (const CodeMeaning& meaning : kMeanings)
    if (meaning.code == code || meaning.code == (code & 0xff)) return meaning;
  return {code, "XX000", ""};
}

// A path as a file: URI, which alone can say immutable=1.
std::string file_uri(const std::string& path, const char* query) {
  std::string uri = "file:";
  for (char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      constexpr char kDigits[] = "0123456789ABCDEF";
      uri += {'%', kDigits[(c >> 4) & 15], kDigits[c & 15]};
    } else {
      uri += c;
    }
  }
  return uri + query;
}

}  // namespace

SqliteStatement::~SqliteStatement() {
  sqlite3_finalize(statement_);
}

SqliteStatement::SqliteStatement(SqliteStatement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}

SqliteStatement& SqliteStatement::operator=(SqliteStatement&& other) noexcept {
  std::swap(connection_, other.connection_);
  std::swap(statement_, other.statement_);
  return *this;
}

void SqliteStatement::bind_one(int index, std::string_view text) {
  // A null pointer would bind NULL instead of the empty text.
  const char* bytes = text.data() ? text.data() : "";
  sqlite3_bind_text(statement_, index, bytes, static_cast<int>(text.size()), SQLITE_STATIC);
}

void SqliteStatement::bind_one(int index, int64_t number) {
  sqlite3_bind_int64(statement_, index, number);
}

void SqliteStatement::bind_blob(int index, std::string_view bytes) {
  if (bytes.empty())
    sqlite3_bind_zeroblob(statement_, index, 0);
  else
    sqlite3_bind_blob(statement_, index, bytes.data(), static_cast<int>(bytes.size()),
                      SQLITE_STATIC);
}

SqliteStatement::Step SqliteStatement::step() {
  // sqlite3_interrupt() reaches only a statement that runs; this catches it between two.
  const int code = connection_->interrupted_ ? SQLITE_INTERRUPT : sqlite3_step(statement_);
  connection_->remember(code);
  if (code == SQLITE_ROW) return Step::kRow;
  return code == SQLITE_DONE ? Step::kDone : Step::kFailed;
}

void SqliteStatement::reset() {
  sqlite3_reset(statement_);
}

int64_t SqliteStatement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string SqliteStatement::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes ? std::string(static_cast<const char*>(bytes), static_cast<size_t>(size)) : "";
}

bool SqliteStatement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

SqliteConnection::SqliteConnection(std::string path, Mode mode, int64_t lock_timeout_ms)
    : path_(std::move(path)), mode_(mode), lock_timeout_ms_(lock_timeout_ms) {}

SqliteConnection::~SqliteConnection() {
  close();
}

SqliteConnection::Call::Call(SqliteConnection& connection) : connection_(connection) {
  std::lock_guard lock(connection_.mutex_);
  connection_.in_call_ = true;
  connection_.interrupted_ = false;
}

SqliteConnection::Call::~Call() {
  std::lock_guard lock(connection_.mutex_);
  connection_.in_call_ = false;
}

void SqliteConnection::interrupt() {
  std::lock_guard lock(mutex_);
  if (!in_call_) return;
  interrupted_ = true;
  if (db_) sqlite3_interrupt(db_);
  interrupted_changed_.notify_all();
}

// SQLite's own busy handler sleeps through an interrupt.
bool SqliteConnection::wait_for_lock(int tries) {
  if (tries * kBusyPauseMs >= lock_timeout_ms_) return false;
  std::unique_lock lock(mutex_);
  return !interrupted_changed_.wait_for(lock, std::chrono::milliseconds(kBusyPauseMs),
                                        [this] { return interrupted_.load(); });
}

int SqliteConnection::on_busy(void* self, int tries) {
  return static_cast<SqliteConnection*>(self)->wait_for_lock(tries) ? 1 : 0;
}

int SqliteConnection::remember(int code) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return code;
  // A wait for a lock that was interrupted ends as "busy".
  last_code_ = interrupted_ ? SQLITE_INTERRUPT : code;
  last_message_ = interrupted_ || !db_ ? sqlite3_errstr(last_code_) : sqlite3_errmsg(db_);
  return code;
}

std::optional<StoreError> SqliteConnection::open() {
  if (db_) return std::nullopt;
  if (mode_ == Mode::kReadWrite) {
    const size_t slash = path_.rfind('/');
    const std::string directory = slash == std::string::npos ? "" : path_.substr(0, slash);
    if (!directory.empty() && mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST)
      return StoreError{StoreTrouble::kHolding, "",
                        "SQLite: cannot make the directory " + directory + ": " +
                            std::strerror(errno) + "; make it, writable for the agent"};
  }
  auto failure = open_file();
  if (failure) close();
  return failure;
}

std::optional<StoreError> SqliteConnection::open_file() {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
  flags |=
      mode_ == Mode::kReadWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  // Without a -wal file nobody has the database open, and reading it the ordinary way would make
  // one, owned by whoever asks. `immutable` reads the file alone.
  const bool alone = mode_ == Mode::kReadOnly && access((path_ + "-wal").c_str(), F_OK) != 0;
  sqlite3* db = nullptr;
  const int code =
      sqlite3_open_v2(file_uri(path_, alone ? "?immutable=1" : "").c_str(), &db, flags, nullptr);
  {
    std::lock_guard lock(mutex_);
    db_ = db;
  }
  if (remember(code) != SQLITE_OK) return error();
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_handler(db_, on_busy, this);
  if (mode_ == Mode::kReadOnly) return std::nullopt;
  // WAL: readers do not block the agent, nor it them. synchronous = NORMAL: a commit survives the
  // end of the process however it ends. What the loss of power may undo are the last whole
  // transactions; the positions go back with them and the lines are read again. FULL costs an
  // fsync a commit and gains only that.
  if (!run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")) return error();
  return std::nullopt;
}

void SqliteConnection::close() {
  sqlite3* db = nullptr;
  {
    std::lock_guard lock(mutex_);
    db = std::exchange(db_, nullptr);
  }
  sqlite3_close(db);
}

bool SqliteConnection::file_moved() const {
  int moved = 0;
  sqlite3_file_control(db_, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

bool SqliteConnection::in_transaction() const {
  return sqlite3_get_autocommit(db_) == 0;
}

bool SqliteConnection::run(const char* sql) {
  return remember(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr)) == SQLITE_OK;
}

SqliteStatement SqliteConnection::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  remember(sqlite3_prepare_v2(db_, sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr));
  return SqliteStatement(this, statement);
}

SqliteFailure SqliteConnection::failure() const {
  const CodeMeaning meaning = meaning_of_code(last_code_);
  return {meaning.sqlstate, last_message_,
          *meaning.sqlstate && meaning_of(meaning.sqlstate) == SqlstateMeaning::kRowAtFault};
}

StoreError SqliteConnection::error() const {
  const CodeMeaning meaning = meaning_of_code(last_code_);
  StoreError error{trouble_of(meaning_of(meaning.sqlstate)), meaning.sqlstate,
                   "SQLite: " + path_ + ": " + last_message_};
  if (*meaning.what_to_do) error.message += std::string("; ") + meaning.what_to_do;
  return error;
}

}  // namespace lastseen
