#include "conformance/temporary_postgres.h"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace lastseen {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kStartMax(60);  // under a sanitizer on a busy machine
constexpr const char* kAccount = "postgres";

[[noreturn]] void give_up(const std::string& message) {
  std::fprintf(stderr, "TemporaryPostgres: %s\n", message.c_str());
  std::abort();
}

std::string newest_binaries() {
  int newest = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error))
    if (fs::exists(entry.path() / "bin/initdb"))
      newest = std::max(newest, std::atoi(entry.path().filename().c_str()));
  if (newest == 0) give_up("no server in /usr/lib/postgresql; install the package postgresql");
  return "/usr/lib/postgresql/" + std::to_string(newest) + "/bin";
}

// In the child: everything after fork() that must not fail silently.
void become(const passwd* account) {
  if (account && (initgroups(account->pw_name, account->pw_gid) != 0 ||
                  setgid(account->pw_gid) != 0 || setuid(account->pw_uid) != 0))
    _exit(126);
}

}  // namespace

TemporaryPostgres::TemporaryPostgres() : binaries_(newest_binaries()) {
  // Short on purpose: a Unix socket's path holds 107 bytes.
  char name[] = "/tmp/lastseen-pg-XXXXXX";
  if (!mkdtemp(name)) give_up("cannot make a directory in /tmp");
  directory_ = name;
  const passwd* account = geteuid() == 0 ? getpwnam(kAccount) : nullptr;
  if (geteuid() == 0 && !account) give_up("no account postgres to start the server under");
  if (account && chown(name, account->pw_uid, account->pw_gid) != 0) give_up("chown failed");
  run({binaries_ + "/initdb", "-D", directory_ + "/data", "-U", "postgres", "-A", "trust", "-N",
       "-E", "UTF8", "--no-locale"});
  start();
}

TemporaryPostgres::~TemporaryPostgres() {
  stop();
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

pid_t TemporaryPostgres::spawn(const std::vector<std::string>& command,
                               const std::string& output) const {
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const passwd* account = geteuid() == 0 ? getpwnam(kAccount) : nullptr;
  const pid_t child = fork();
  if (child < 0) give_up("fork failed");
  if (child > 0) return child;
  become(account);
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  setpgid(0, 0);  // an interrupt at the terminal is for the test, which then stops the server
  const int log = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (log < 0 || chdir("/") != 0) _exit(126);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(arguments[0], arguments.data());
  _exit(127);
}

void TemporaryPostgres::run(const std::vector<std::string>& command) const {
  int status = 0;
  waitpid(spawn(command, directory_ + "/log"), &status, 0);
  if (status != 0) give_up(command[0] + " failed:\n" + log());
}

void TemporaryPostgres::start() {
  server_ = spawn({binaries_ + "/postgres", "-D", directory_ + "/data", "-k", directory_, "-c",
                   "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=64MB", "-c",
                   "max_connections=40", "-c", "deadlock_timeout=200ms"},
                  directory_ + "/log");
  const auto deadline = std::chrono::steady_clock::now() + kStartMax;
  while (PQping(conninfo("postgres").c_str()) != PQPING_OK) {
    int status = 0;
    if (waitpid(server_, &status, WNOHANG) == server_) give_up("the server ended:\n" + log());
    if (std::chrono::steady_clock::now() > deadline) give_up("the server is not ready:\n" + log());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void TemporaryPostgres::stop() {
  if (server_ == 0) return;
  kill(server_, SIGINT);
  waitpid(server_, nullptr, 0);
  server_ = 0;
}

std::string TemporaryPostgres::conninfo(const std::string& database) const {
  return "host=" + directory_ + " user=postgres dbname=" + database;
}

std::string TemporaryPostgres::log() const {
  std::ostringstream text;
  text << std::ifstream(directory_ + "/log").rdbuf();
  return text.str();
}

void TemporaryPostgres::add_access_rule(const std::string& rule) {
  const std::string path = directory_ + "/data/pg_hba.conf";
  std::ostringstream rules;
  rules << rule << "\n" << std::ifstream(path).rdbuf();
  std::ofstream(path) << rules.str();
  PGconn* connection = PQconnectdb(conninfo("postgres").c_str());
  PQclear(PQexec(connection, "SELECT pg_reload_conf()"));
  PQfinish(connection);
}

}  // namespace lastseen
