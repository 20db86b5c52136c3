// One running agent and what waits around it; internal to daemon*.cc.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/state_file.h"
#include "base/wake_event.h"
#include "build_parts.h"
#include "control/http_server.h"
#include "daemon.h"
#include "daemon_notify.h"
#include "daemon_signals.h"
#include "daemon_sockets.h"
#include "input_warnings.h"
#include "progress.h"
#include "reload.h"
#include "turn_watch.h"

namespace lastseen {

/// By the name of each input.
std::map<std::string, std::string> parsers_by_input(const Config& config);
uint64_t random_seed();

/// Lives in the main thread.
/// daemon.cc: start and loop; daemon_stop.cc: how it ends; daemon_reload.cc: another configuration.
class Daemon {
 public:
  Daemon(const Config& config, const RunOptions& options);

  int run();

 private:
  Status build();
  bool start_control();
  void serve(std::unique_ptr<HttpServer> server);
  bool open_feeds();
  int loop();
  void on_signal(int signal);
  void on_tick();
  void begin_stop();
  void ask_reload(ReloadDone done);
  void begin_reload();
  Status prepare_control(const ControlSettings& next);
  void end_reload(const Status& result);
  void say_not_reloaded(const Status& result);
  void drop_reload();
  void apply_reload();
  void say_status(const std::string& text);
  void feed_watchdog(int64_t call_ms_max);
  bool stuck(const AgentSnapshot& snapshot);
  int give_up();
  int finish();
  int report_unread(const AgentSnapshot& snapshot);
  bool report_unstored(const AgentSnapshot& snapshot);
  uint64_t report_feeds(const AgentSnapshot& snapshot);
  void remove_spill(const AgentSnapshot& snapshot);
  void report_once(const AgentSnapshot& snapshot);

  const Config& config() const { return *running_; }
  bool stopping() const { return stop_deadline_mono_ms_ != kNever || agent_->finished(); }

  std::shared_ptr<const Config> running_;
  const RunOptions& options_;
  Progress bar_;
  std::unique_ptr<ReopenableLog> log_;
  Signals signals_;
  WakeEvent wakeup_;  // ends poll()
  SystemClock clock_;
  std::unique_ptr<FileSystem> files_ = make_posix_file_system();
  std::unique_ptr<Watcher> watcher_;
  std::unique_ptr<SharedParts> shared_;
  std::vector<PassedSocket> passed_;  // by systemd
  int passed_control_ = -1;           // of these, the control socket
  Feeds feeds_;
  std::unique_ptr<StateFile> spill_file_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<Flusher> flusher_;
  std::unique_ptr<Agent> agent_;
  std::unique_ptr<HttpServer> control_;
  std::thread control_thread_;
  bool control_warned_ = false;
  StatusLine status_line_;
  const int64_t watchdog_ms_ = watchdog_ms();  // 0: nobody watches
  TurnWatch turn_watch_;
  InputWarnings input_warnings_;

  // Reloads: who waits for the next one, and for the one under way.
  std::mutex reload_mutex_;
  std::vector<ReloadDone> reload_asked_;
  std::vector<ReloadDone> reload_waits_;
  std::optional<PreparedReload> reload_;
  std::unique_ptr<HttpServer> next_control_;  // listens for what only the new file asks for
  ReloadSnapshot reload_told_;

  int64_t stop_deadline_mono_ms_ = kNever;
  // For --once: when something last moved, and what stood then.
  int64_t moved_mono_ms_ = 0;
  uint64_t moved_mark_ = 0;
};

}  // namespace lastseen
