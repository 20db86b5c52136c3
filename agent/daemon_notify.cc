#include "daemon_notify.h"

#include <systemd/sd-daemon.h>

namespace lastseen {

void notify_ready() {
  sd_notify(0, "READY=1");
}

void notify_stopping() {
  sd_notify(0, "STOPPING=1\nSTATUS=stopping: committing what was read");
}

void notify_reloading(int64_t now_mono_ms) {
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading the configuration",
             static_cast<long long>(now_mono_ms) * 1000);
}

void notify_status(const std::string& text) {
  sd_notifyf(0, "STATUS=%s", text.c_str());
}

void notify_alive() {
  sd_notify(0, "WATCHDOG=1");
}

int64_t watchdog_ms() {
  uint64_t usec = 0;
  if (sd_watchdog_enabled(0, &usec) <= 0) return 0;
  return static_cast<int64_t>(usec / 1000);
}

}  // namespace lastseen
