#include "daemon_signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <initializer_list>

namespace lastseen {

Signals::Signals() {
  sigemptyset(&set_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set_, signal);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is met like a full disk
}

Signals::~Signals() {
  close(fd_);
}

int Signals::fd() {
  if (fd_ < 0) fd_ = signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK);
  return fd_;
}

int Signals::take() const {
  signalfd_siginfo info{};
  return read(fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace lastseen
