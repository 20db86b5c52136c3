#include "terminal.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace lastseen {

namespace {

// ECMA-48 and xterm: the alternate screen, and no cursor; back again.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";

sigset_t signals_of_a_terminal() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH}) sigaddset(&set, signal);
  return set;
}

}  // namespace

bool Terminal::is_there() {
  const char* name = std::getenv("TERM");
  const bool dumb = name == nullptr || *name == '\0' || std::string_view(name) == "dumb";
  return !dumb && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

Terminal::Terminal() {
  const sigset_t set = signals_of_a_terminal();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  tcgetattr(STDIN_FILENO, &saved_);
  enter();
}

Terminal::~Terminal() {
  leave();
  close(signals_);
}

void Terminal::enter() {
  termios raw = saved_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  write(std::string(kEnter));
}

void Terminal::leave() {
  write(std::string(kLeave));
  tcsetattr(STDIN_FILENO, TCSANOW, &saved_);
}

Terminal::Size Terminal::size() const {
  winsize window{};
  Size size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0) return size;
  if (window.ws_row > 0) size.rows = window.ws_row;
  if (window.ws_col > 0) size.columns = window.ws_col;
  return size;
}

Terminal::Input Terminal::wait(int timeout_ms) {
  pollfd waiting[2] = {{STDIN_FILENO, POLLIN, 0}, {signals_, POLLIN, 0}};
  if (poll(waiting, 2, timeout_ms) <= 0) return {};
  if (waiting[1].revents != 0) return read_signal();
  return read_keys();
}

Terminal::Input Terminal::read_keys() {
  char bytes[64];
  const ssize_t length = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (length <= 0) return {Event::kQuit, 0};  // the terminal is gone
  const std::string_view keys(bytes, static_cast<size_t>(length));
  if (keys.starts_with("\x1b[A") || keys.starts_with("\x1bOA")) return {Event::kKey, 'k'};
  if (keys.starts_with("\x1b[B") || keys.starts_with("\x1bOB")) return {Event::kKey, 'j'};
  return {Event::kKey, keys.back()};
}

Terminal::Input Terminal::read_signal() {
  signalfd_siginfo info;
  if (::read(signals_, &info, sizeof info) != sizeof info) return {};
  if (info.ssi_signo == SIGWINCH) return {Event::kResize, 0};
  if (info.ssi_signo != SIGTSTP) return {Event::kQuit, 0};
  leave();
  raise(SIGSTOP);  // goes on here after `fg`
  enter();
  return {Event::kResize, 0};
}

void Terminal::write(const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = ::write(STDOUT_FILENO, bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno != EINTR) return;  // nobody looks any more; the next wait() tells
    if (written > 0) at += static_cast<size_t>(written);
  }
}

}  // namespace lastseen
