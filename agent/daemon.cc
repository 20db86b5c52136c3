#include "daemon.h"

#include <poll.h>

#include <algorithm>
#include <random>
#include <utility>

#include "control/health.h"
#include "daemon_notify.h"
#include "daemon_state.h"
#include "exit_code.h"
#include "spill_start.h"
#include "store/registry.h"

namespace lastseen {

namespace {

// How often STATUS= is refreshed and a hung store call looked for. Four wake-ups a minute.
constexpr int64_t kTickMs = 5000;
// How often the progress bar of --once is drawn, and its end noticed.
constexpr int64_t kOnceTickMs = 100;
// The watchdog is told so many times within WatchdogSec=, so that one late tick is no end.
constexpr int64_t kTicksPerWatchdog = 4;

}  // namespace

uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

std::map<std::string, std::string> parsers_by_input(const Config& config) {
  std::map<std::string, std::string> parsers;
  for (const InputSettings& input : config.inputs) parsers[input.name] = input.parser.type;
  return parsers;
}

Daemon::Daemon(const Config& config, const RunOptions& options)
    : running_(std::make_shared<const Config>(config)),
      options_(options),
      bar_(options.once),
      log_(
          make_log(bar_.active() ? std::max(log_level(config), LogLevel::kWarn) : log_level(config),
                   config.log.json, config.log.file)),
      input_warnings_(parsers_by_input(config)) {}

int Daemon::run() {
  if (const Status built = build(); !built) {
    log_->error(built.message());
    return kExitUsage;
  }
  if (!open_feeds() || !start_control()) return kExitFailed;
  agent_->tell_config(running_);
  agent_->set_reload([this](ReloadDone done) { ask_reload(std::move(done)); });
  // Said before the threads run, so that the log begins with it.
  log_->info("lastseen " LASTSEEN_VERSION " started", {{"agent_id", config().agent_id},
                                                       {"inputs", config().inputs.size()},
                                                       {"store", config().store.type}});
  agent_->start();
  notify_ready();
  return loop();
}

Status Daemon::build() {
  const uint64_t seed = random_seed();
  auto store = make_store(config().store, config().last_seen.future_max, false, *log_);
  if (!store) return store.status();
  watcher_ = make_uv_watcher();
  shared_ = std::make_unique<SharedParts>(*files_, *watcher_, *log_);
  passed_ = passed_sockets();
  if (!options_.once) passed_control_ = take_control_socket(config().control.socket, passed_);
  auto inputs = build_inputs(config(), options_.once, *shared_, feeds_, passed_);
  if (!inputs) return inputs.status();
  spill_file_ = make_state_file(spill_path(config()));
  std::vector<SpillPart> spilled = read_spill(*spill_file_, spill_owner(config()), *log_);
  say_other_spills(config(), *files_, *log_);
  say_left_out_inputs(spilled, *inputs, *log_);
  pipeline_ = std::make_unique<Pipeline>(pipeline_options(config(), options_.once, seed),
                                         std::move(*inputs), clock_.now());
  if (!spilled.empty()) pipeline_->found_spill(std::move(spilled));
  flusher_ = std::make_unique<Flusher>(flusher_options(config(), seed), *log_);
  agent_ = std::make_unique<Agent>(config().agent_id, *pipeline_, *flusher_, std::move(*store),
                                   *watcher_, clock_, *log_, [this] { wakeup_.wake(); });
  agent_->set_spill_file(*spill_file_);
  for (const InputFeed& feed : feeds_) agent_->add_feed(feed.feed);
  return Status::ok();
}

// False when another process has one of the sockets, or its path can never be one. Others are
// tried again.
bool Daemon::open_feeds() {
  for (const InputFeed& feed : feeds_) {
    const Status opened = feed.feed->open();
    if (opened.code() != StatusCode::kFatal) continue;
    log_->error(opened.message());
    return false;
  }
  return true;
}

// False only when another agent answers on the socket, or the path can never be a socket. What
// can mend itself (a directory that is missing yet) is tried again: tracking comes first.
bool Daemon::start_control() {
  if (options_.once || (config().control.socket.empty() && config().control.http.empty()))
    return true;
  auto server = std::make_unique<HttpServer>(config().control, *agent_, clock_, *log_);
  const Status listening = server->listen(passed_control_);
  if (!listening) {
    if (listening.code() == StatusCode::kFatal) {
      log_->error(listening.message());
      return false;
    }
    if (!control_warned_)
      log_->warn("no control socket yet; trying again. Let the agent's user make it there",
                 {{"error", listening.message()}});
    control_warned_ = true;
    return true;
  }
  serve(std::move(server));
  return true;
}

void Daemon::serve(std::unique_ptr<HttpServer> server) {
  control_ = std::move(server);
  control_thread_ = std::thread([this] { control_->run(); });
}

int Daemon::loop() {
  moved_mono_ms_ = clock_.now().mono_ms;
  int64_t tick_ms = options_.once ? kOnceTickMs : kTickMs;
  if (watchdog_ms_ > 0) tick_ms = std::clamp<int64_t>(watchdog_ms_ / kTicksPerWatchdog, 1, tick_ms);
  int64_t next_tick_mono_ms = moved_mono_ms_ + tick_ms;
  for (;;) {
    if (agent_->finished()) return finish();
    const int64_t now_ms = clock_.now().mono_ms;
    if (now_ms >= stop_deadline_mono_ms_) return give_up();
    if (options_.once && stuck(*agent_->snapshot())) return give_up();

    if (now_ms >= next_tick_mono_ms) {
      on_tick();
      next_tick_mono_ms = now_ms + tick_ms;
    }
    const int64_t wait_ms = std::min(next_tick_mono_ms, stop_deadline_mono_ms_) - now_ms;
    wakeup_.open();
    pollfd waits[] = {{signals_.fd(), POLLIN, 0}, {wakeup_.fd(), POLLIN, 0}};
    poll(waits, 2, static_cast<int>(wait_ms));
    wakeup_.clear();
    if (const auto result = agent_->take_change_result()) end_reload(*result);
    begin_reload();
    while (const int signal = signals_.take()) {
      if ((signal == SIGTERM || signal == SIGINT) && stop_deadline_mono_ms_ != kNever)
        return give_up();
      on_signal(signal);
    }
  }
}

void Daemon::on_signal(int signal) {
  switch (signal) {
    case SIGTERM:
    case SIGINT:
      return begin_stop();
    case SIGUSR1:
      if (log_->reopen()) log_->info("log file reopened");
      return;
    case SIGHUP:
      return ask_reload([](const Result<std::string>&) {});
    default:
      return;
  }
}

void Daemon::on_tick() {
  const auto snapshot = agent_->snapshot();
  bar_.draw(*snapshot);
  const int64_t call_ms_max = store_call_ms_max(config().store);
  agent_->interrupt_hung_call(call_ms_max);
  feed_watchdog(2 * call_ms_max);  // the interruption had as long to work
  if (options_.once) return;
  input_warnings_.look(*snapshot, clock_.now().mono_ms, *log_);
  if (control_ == nullptr && !reload_) start_control();
  say_status(status_line_.render(*snapshot));
}

void Daemon::say_status(const std::string& text) {
  const std::string& trouble = reload_told_.error;
  notify_status((trouble.empty() ? "" : "reload failed: " + trouble + "; ") + text);
}

// Only while the threads get on: what hangs is killed and started again by systemd.
void Daemon::feed_watchdog(int64_t call_ms_max) {
  if (watchdog_ms_ == 0) return;
  if (turn_watch_.turned(agent_->turns(), call_ms_max)) notify_alive();
  agent_->nudge();
}

void Daemon::begin_stop() {
  stop_deadline_mono_ms_ = clock_.now().mono_ms + config().shutdown_timeout;
  log_->info("stopping: committing what was read");
  notify_stopping();
  agent_->stop();
}

int run_agent(const Config& config, const RunOptions& options) {
  return Daemon(config, options).run();
}

}  // namespace lastseen
