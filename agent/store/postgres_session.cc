#include "store/postgres_session.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pqxx/pqxx>
#include <string_view>

#include "store/sql_text.h"

#ifdef __SANITIZE_ADDRESS__
// libpqxx 6.4 asks for the client encoding before it takes charge of libpq's answer; on a lost
// connection that throws, and the answer (about 1 kB) stays behind. Once a lost connection.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libpqxx-6";
}
#endif

namespace lastseen {

namespace {

constexpr size_t kMessageBytesMax = 600;

// The first line of what libpq says, without the word that says it is an error.
std::string plain_message(std::string_view text) {
  // libpqxx 6.4 puts a consequence in the place of libpq's own words here.
  if (text.find("client encoding") != std::string_view::npos)
    return "the server closed the connection";
  for (std::string_view prefix : {"ERROR:  ", "FATAL:  ", "PANIC:  "})
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return first_line(text, kMessageBytesMax);
}

// With several hosts libpq gives a line for each; all of them matter.
std::string joined_lines(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::string joined;
  for (char c : text)
    if (c == '\n')
      joined += "; ";
    else if (c != '\t')
      joined += c;
  return first_line(joined, kMessageBytesMax);
}

}  // namespace

namespace {

// libpqxx 6 drops the SQLSTATE of the exceptions that it has a type for.
std::string sqlstate_of(const std::exception& exception) {
  if (dynamic_cast<const pqxx::serialization_failure*>(&exception)) return "40001";
  if (dynamic_cast<const pqxx::deadlock_detected*>(&exception)) return "40P01";
  if (dynamic_cast<const pqxx::statement_completion_unknown*>(&exception)) return "40003";
  if (dynamic_cast<const pqxx::transaction_rollback*>(&exception)) return "40000";
  if (dynamic_cast<const pqxx::insufficient_privilege*>(&exception)) return "42501";
  if (dynamic_cast<const pqxx::too_many_connections*>(&exception)) return "53300";
  const auto* sql_error = dynamic_cast<const pqxx::sql_error*>(&exception);
  return sql_error ? sql_error->sqlstate() : "";
}

}  // namespace

struct PostgresSession::Connection {
  explicit Connection(const std::string& conninfo) : link(conninfo), quiet(link), work(link) {
    // libpqxx 6 would connect anew in the middle of a transaction, and what follows would commit
    // without the fence. The only way to forbid that is marked as deprecated.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    link.inhibit_reactivation(true);
#pragma GCC diagnostic pop
  }

  pqxx::connection link;
  pqxx::quiet_errorhandler quiet;  // notices ("already exists, skipping") are not for stderr
  pqxx::nontransaction work;       // BEGIN and COMMIT are ours
};

PostgresSession::PostgresSession() = default;

PostgresSession::~PostgresSession() {
  disconnect();
}

PostgresSession::Call::Call(PostgresSession& session) : session_(session) {
  std::lock_guard lock(session_.mutex_);
  session_.in_call_ = true;
  session_.interrupted_ = false;
}

PostgresSession::Call::~Call() {
  std::lock_guard lock(session_.mutex_);
  session_.in_call_ = false;
}

void PostgresSession::interrupt() {
  std::lock_guard lock(mutex_);
  if (!in_call_) return;
  interrupted_ = true;
  if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

void PostgresSession::adopt_socket(int fd) {
  std::lock_guard lock(mutex_);
  socket_ = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (interrupted_ && socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

void PostgresSession::drop_socket() {
  std::lock_guard lock(mutex_);
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

// Runs `action` and turns whatever libpqxx throws into an SqlError. After an error without an
// SQLSTATE, or one that ended the session, the connection is gone: the next call makes a new one.
template <typename Action>
std::optional<SqlError> PostgresSession::guarded(Action action) {
  SqlError error;
  try {
    action();
    return std::nullopt;
  } catch (const std::exception& e) {
    error = {sqlstate_of(e), plain_message(e.what())};
  }
  if (error.sqlstate.empty() || !connection_ || !connection_->link.is_open()) disconnect();
  return error;
}

std::optional<SqlError> PostgresSession::connect(const std::string& conninfo) {
  if (connection_) return std::nullopt;
  try {
    connection_ = std::make_unique<Connection>(conninfo);
  } catch (const std::exception& e) {
    return SqlError{"", joined_lines(e.what())};
  }
  adopt_socket(connection_->link.sock());
  return std::nullopt;
}

void PostgresSession::disconnect() {
  drop_socket();
  connection_.reset();
}

bool PostgresSession::connected() const {
  return connection_ != nullptr;
}

std::string PostgresSession::user() const {
  if (!connection_) return "";
  try {
    const char* name = connection_->link.username();
    return name ? name : "";
  } catch (const std::exception&) {
    return "";
  }
}

namespace {

void read_result(const pqxx::result& result, SqlAnswer& answer) {
  answer.affected = result.affected_rows();
  answer.rows.reserve(result.size());
  for (const auto& line : result) {
    SqlRow row;
    row.reserve(line.size());
    for (const auto& field : line) {
      if (field.is_null())
        row.emplace_back();
      else
        row.emplace_back(std::string(field.c_str(), field.size()));
    }
    answer.rows.push_back(std::move(row));
  }
}

constexpr std::string_view kNotConnected = "not connected";

}  // namespace

SqlAnswer PostgresSession::run(const std::string& sql) {
  SqlAnswer answer;
  if (!connection_) return {SqlError{"", std::string(kNotConnected)}, {}, 0};
  answer.error = guarded([&] { read_result(connection_->work.exec(sql), answer); });
  ++answers_;
  return answer;
}

SqlAnswer PostgresSession::run(const std::string& sql, const std::vector<std::string>& parameters) {
  SqlAnswer answer;
  if (!connection_) return {SqlError{"", std::string(kNotConnected)}, {}, 0};
  answer.error = guarded([&] {
    const auto all = pqxx::prepare::make_dynamic_params(parameters);
    read_result(connection_->work.exec_params(sql, all), answer);
  });
  ++answers_;
  return answer;
}

}  // namespace lastseen
