// What systemd is told (sd_notify(3)), and how often it wants to hear that the agent is alive.
#pragma once

#include <cstdint>
#include <string>

namespace lastseen {

/// Without systemd (no NOTIFY_SOCKET) each of these does nothing.
void notify_ready();
void notify_stopping();
/// Until notify_ready(). `now_mono_ms`: systemd wants to know which reload is meant.
void notify_reloading(int64_t now_mono_ms);
/// One line for `systemctl status`.
void notify_status(const std::string& text);
void notify_alive();

/// WatchdogSec= of the unit; 0: nobody watches.
int64_t watchdog_ms();

}  // namespace lastseen
