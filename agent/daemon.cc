#include "daemon.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "agent.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/wake_event.h"
#include "build_parts.h"
#include "control/health.h"
#include "control/http_server.h"
#include "exit_code.h"
#include "progress.h"
#include "reload.h"
#include "skip_warnings.h"
#include "spill_start.h"
#include "store/registry.h"

namespace lastseen {

namespace {

// How often STATUS= is refreshed and a hung store call looked for. Four wake-ups a minute.
constexpr int64_t kTickMs = 5000;
// How often the progress bar of --once is drawn, and its end noticed.
constexpr int64_t kOnceTickMs = 100;
// What a store call may take beyond the database's own timeouts before its socket is shut down.
constexpr int64_t kHungCallGraceMs = 5000;
// A stop that has committed everything waits this long for the flush thread to leave the store.
constexpr int64_t kJoinMs = 1000;
// Beyond the stop's deadline: what feeds brought is written to a file of some megabytes.
constexpr int64_t kSaveMs = 5000;

// Signals as a descriptor, so that one poll() waits for everything. Made before any thread, so
// that all of them inherit the mask.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
  }
  ~Signals() { close(fd_); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Negative when there is no descriptor for it now; what is sent meanwhile waits.
  int fd() {
    if (fd_ < 0) fd_ = signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd_;
  }
  /// The next pending signal, or 0.
  int take() const {
    signalfd_siginfo info{};
    return read(fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  sigset_t set_;
  int fd_ = -1;
};

uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

uint64_t pending_lines(const AgentSnapshot& snapshot) {
  uint64_t lines = 0;
  for (const InputSnapshot& input : snapshot.inputs) lines += input.pending;
  return lines;
}

std::map<std::string, std::string> parsers_by_input(const Config& config) {
  std::map<std::string, std::string> parsers;
  for (const InputSettings& input : config.inputs) parsers[input.name] = input.parser.type;
  return parsers;
}

// One running agent with everything that waits around it. Lives in the main thread.
class Daemon {
 public:
  Daemon(const Config& config, const RunOptions& options)
      : running_(std::make_shared<const Config>(config)),
        options_(options),
        bar_(options.once),
        log_(make_log(
            bar_.active() ? std::max(log_level(config), LogLevel::kWarn) : log_level(config),
            config.log.json, config.log.file)),
        skip_warnings_(parsers_by_input(config)) {}

  int run();

 private:
  Status build();
  bool start_control();
  bool open_feeds();
  void retry_control();
  int loop();
  void on_signal(int signal);
  void on_tick();
  void begin_stop();
  void ask_reload(ReloadDone done);
  void begin_reload();
  void end_reload(const Status& result);
  void apply_reload();
  void say_status(const std::string& text);
  bool stuck(const AgentSnapshot& snapshot);
  int give_up();
  int finish();
  uint64_t report_feeds(const AgentSnapshot& snapshot);
  void report_once(const AgentSnapshot& snapshot);

  const Config& config() const { return *running_; }

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
  Feeds feeds_;
  std::unique_ptr<StateFile> spill_file_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<Flusher> flusher_;
  std::unique_ptr<Agent> agent_;
  std::unique_ptr<HttpServer> control_;
  std::thread control_thread_;
  bool control_warned_ = false;
  StatusLine status_line_;
  SkipWarnings skip_warnings_;

  // Reloads: who waits for the next one, and for the one under way.
  std::mutex reload_mutex_;
  std::vector<ReloadDone> reload_asked_;
  std::vector<ReloadDone> reload_waits_;
  std::optional<PreparedReload> reload_;
  ReloadSnapshot reload_told_;

  int64_t stop_deadline_mono_ms_ = kNever;
  // For --once: when something last moved, and what stood then.
  int64_t moved_mono_ms_ = 0;
  uint64_t moved_mark_ = 0;
};

int Daemon::run() {
  if (const Status built = build(); !built) {
    log_->error(built.message());
    return kExitUsage;
  }
  if (!open_feeds() || !start_control()) return kExitFailed;
  agent_->tell_config(running_);
  agent_->set_reload([this](ReloadDone done) { ask_reload(std::move(done)); });
  agent_->start();
  log_->info("lastseen " LASTSEEN_VERSION " started",
             {{"agent_id", config().agent_id},
              {"inputs", std::to_string(config().inputs.size())},
              {"store", config().store.type}});
  sd_notify(0, "READY=1");
  return loop();
}

Status Daemon::build() {
  const uint64_t seed = random_seed();
  auto store = make_store(config().store, config().last_seen.future_max, false, *log_);
  if (!store) return store.status();
  watcher_ = make_uv_watcher();
  shared_ = std::make_unique<SharedParts>(*files_, *watcher_, *log_);
  passed_ = passed_sockets();
  auto inputs = build_inputs(config(), options_.once, *shared_, feeds_, passed_);
  if (!inputs) return inputs.status();
  spill_file_ = make_state_file(spill_path(config()));
  std::vector<SpillPart> spilled = read_spill(*spill_file_, config().agent_id, *log_);
  add_spilled_inputs(spilled, *inputs, *log_);
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
  const Status listening = server->listen();
  if (!listening) {
    if (listening.code() == StatusCode::kFatal) {
      log_->error(listening.message());
      return false;
    }
    if (!control_warned_)
      log_->warn("no control socket yet; trying again", {{"error", listening.message()}});
    control_warned_ = true;
    return true;
  }
  control_ = std::move(server);
  control_thread_ = std::thread([this] { control_->run(); });
  return true;
}

int Daemon::loop() {
  moved_mono_ms_ = clock_.now().mono_ms;
  for (;;) {
    if (agent_->finished()) return finish();
    const int64_t now_ms = clock_.now().mono_ms;
    if (now_ms >= stop_deadline_mono_ms_) return give_up();
    if (options_.once && stuck(*agent_->snapshot())) return give_up();

    const int64_t tick_ms = options_.once ? kOnceTickMs : kTickMs;
    const int64_t wait_ms = std::min(tick_ms, stop_deadline_mono_ms_ - now_ms);
    wakeup_.open();
    pollfd waits[] = {{signals_.fd(), POLLIN, 0}, {wakeup_.fd(), POLLIN, 0}};
    if (poll(waits, 2, static_cast<int>(wait_ms)) == 0) on_tick();
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
  agent_->interrupt_hung_call(config().store.timeout_connect + config().store.timeout_statement +
                              kHungCallGraceMs);
  if (options_.once) return;
  skip_warnings_.look(*snapshot, clock_.now().mono_ms, *log_);
  if (control_ == nullptr) start_control();
  say_status(status_line_.render(*snapshot));
}

void Daemon::say_status(const std::string& text) {
  const std::string& trouble = reload_told_.error;
  sd_notifyf(0, "STATUS=%s%s", trouble.empty() ? "" : ("reload failed: " + trouble + "; ").c_str(),
             text.c_str());
}

void Daemon::begin_stop() {
  stop_deadline_mono_ms_ = clock_.now().mono_ms + config().shutdown_timeout;
  log_->info("stopping: committing what was read");
  sd_notify(0, "STOPPING=1\nSTATUS=stopping: committing what was read");
  agent_->stop();
}

// --once gives up when nothing has moved for the shutdown timeout: after its last line, or after
// its start while positions cannot be loaded.
bool Daemon::stuck(const AgentSnapshot& snapshot) {
  // Neither committed batches nor events would do: an idle agent commits empty ones.
  uint64_t mark = snapshot.store.positions_loaded;
  for (const InputSnapshot& input : snapshot.inputs) {
    mark += input.totals.bytes_read + input.totals.settled();
    for (const FileSnapshot& file : input.files) mark += file.position;  // passes over what is read
  }
  const int64_t now_ms = clock_.now().mono_ms;
  if (mark != moved_mark_) {
    moved_mark_ = mark;
    moved_mono_ms_ = now_ms;
  }
  return now_ms - moved_mono_ms_ >= config().shutdown_timeout;
}

// The store did not take everything in time. Threads may be inside its library, so nothing is
// joined or destroyed.
int Daemon::give_up() {
  bar_.end();
  agent_->stop();
  agent_->save_feeds(kSaveMs);
  const auto snapshot = agent_->snapshot();
  const uint64_t lines = pending_lines(*snapshot);
  // Being stuck does not end by stopping: --once has not read what it was started for.
  const bool stuck_once = options_.once && stop_deadline_mono_ms_ == kNever;
  if (agent_->finished() && !stuck_once) return finish();
  const std::string why = snapshot->store.last_error.empty() ? "the store did not answer in time"
                                                             : snapshot->store.last_error;
  const std::string unread = unread_inputs(*snapshot);
  if (options_.once && snapshot->store.positions_loaded && lines == 0 && !unread.empty()) {
    report_once(*snapshot);
    log_->error("gave up waiting for what cannot be read: " + unread);
    _exit(kExitFailed);
  }
  const uint64_t fed = report_feeds(*snapshot);
  if (fed == lines && fed > 0) {
    log_->error("stopped with data of feeds not committed",
                {{"lines", std::to_string(fed)}, {"error", why}});
  } else if (!snapshot->store.positions_loaded) {
    log_->error(
        "stopped before the store could tell the positions; no log was read, everything "
        "waits in the log files",
        {{"error", why}});
  } else {
    log_->error(
        "stopped with data not committed; it waits in the log files and is read again at "
        "the next start",
        {{"lines", std::to_string(lines)}, {"error", why}});
  }
  if (control_) control_->stop();
  if (control_thread_.joinable()) control_thread_.join();
  const bool nothing_pending = lines == 0 && !options_.once;
  _exit(nothing_pending ? kExitDone : kExitUncommitted);
}

// What feeds brought waits nowhere else.
uint64_t Daemon::report_feeds(const AgentSnapshot& snapshot) {
  uint64_t lines = 0;
  for (const InputSnapshot& input : snapshot.inputs)
    if (input.feed) lines += input.pending;
  if (lines == 0) return 0;
  if (snapshot.feeds_saved && !agent_->taken_over()) {
    log_->info("what feeds brought and is not committed waits in the spill file",
               {{"file", spill_file_->path()}, {"lines", std::to_string(lines)}});
  } else {
    log_->error("what feeds brought and is not committed is lost",
                {{"lines", std::to_string(lines)}});
  }
  return lines;
}

int Daemon::finish() {
  const auto snapshot = agent_->snapshot();
  bar_.draw(*snapshot);
  bar_.end();
  if (control_) control_->stop();
  if (control_thread_.joinable()) control_thread_.join();
  int code = agent_->taken_over() ? kExitUsage : kExitDone;
  if (options_.once && code == kExitDone) {
    report_once(*snapshot);
    if (const std::string missing = unread_inputs(*snapshot); !missing.empty()) {
      log_->error("not everything could be read: " + missing);
      code = kExitFailed;
    }
  }
  if (agent_->taken_over()) report_feeds(*snapshot);
  if (code == kExitDone) log_->info("stopped: everything that was read is committed");
  if (!agent_->join(kJoinMs)) {
    agent_->interrupt_store();
    if (!agent_->join(kJoinMs)) _exit(code);
  }
  return code;
}

void Daemon::report_once(const AgentSnapshot& snapshot) {
  for (const InputSnapshot& input : snapshot.inputs) {
    log_->info("input read to its end", {{"input", input.name},
                                         {"lines_read", std::to_string(input.totals.lines_read)},
                                         {"committed", std::to_string(input.totals.committed)},
                                         {"skipped", std::to_string(input.totals.skipped_sum())}});
    for (const FileSnapshot& file : input.files) {
      const bool read = file.state.starts_with("reading") || file.state.starts_with("idle");
      if (!read || file.size <= file.position) continue;
      log_->warn("the end of the file is no whole line; it waits for its newline",
                 {{"path", file.path}, {"bytes", std::to_string(file.size - file.position)}});
    }
  }
  skip_warnings_.look(snapshot, clock_.now().mono_ms, *log_);
}

// On any thread.
void Daemon::ask_reload(ReloadDone done) {
  {
    std::lock_guard lock(reload_mutex_);
    reload_asked_.push_back(std::move(done));
  }
  wakeup_.wake();
}

// One at a time; whoever asks meanwhile waits for the next one, which reads the file again.
void Daemon::begin_reload() {
  if (reload_ || !reload_waits_.empty()) return;
  {
    std::lock_guard lock(reload_mutex_);
    reload_waits_.swap(reload_asked_);
  }
  if (reload_waits_.empty()) return;
  if (options_.once || stop_deadline_mono_ms_ != kNever)
    return end_reload(Status::retry("the agent is stopping, or reads its files only once"));
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading the configuration",
             static_cast<long long>(clock_.now().mono_ms) * 1000);
  log_->info("reloading the configuration", {{"file", options_.config_path}});
  auto prepared = prepare_reload(options_.config_path,
                                 {config(), *shared_, control_.get(), passed_}, random_seed());
  if (!prepared) return end_reload(prepared.status());
  reload_ = std::move(*prepared);
  agent_->change(std::move(reload_->change));
}

void Daemon::end_reload(const Status& result) {
  std::string changes;
  if (result) {
    apply_reload();
    changes = reload_->plan.summary.empty() ? "nothing changed" : reload_->plan.summary;
    ++reload_told_.done;
    log_->info("reloaded the configuration", {{"changes", changes}});
  } else {
    if (control_) control_->drop_change();
    ++reload_told_.failed;
    log_->error("the configuration was not reloaded, the old one goes on; mend it and reload again",
                {{"error", result.message()}});
  }
  reload_.reset();
  reload_told_.error = result.message();
  reload_told_.last_mono_ms = clock_.now().mono_ms;
  agent_->tell_reload(reload_told_);
  for (const ReloadDone& done : std::exchange(reload_waits_, {}))
    done(result ? Result<std::string>(changes) : Result<std::string>(result));
  sd_notify(0, "READY=1");
  say_status(status_line_.render(*agent_->snapshot()));
  wakeup_.wake();  // somebody may have asked meanwhile
}

// What ingest and flush have gone over to already, the rest follows.
void Daemon::apply_reload() {
  const Config& next = *reload_->config;
  if (!(next.log == config().log))
    if (const Status changed = log_->change(log_level(next), next.log.json, next.log.file);
        !changed)
      log_->error("the log stays what it was", {{"error", changed.message()}});
  if (control_) control_->apply_change();
  Feeds feeds;
  for (size_t i = 0; i < next.inputs.size(); ++i)
    for (InputFeed& feed : feeds_)
      if (feed.input == reload_->plan.keeps[i]) {
        if (const Status changed = feed.feed->change(next.inputs[i]); !changed)
          log_->warn("the socket keeps its mode and owner", {{"error", changed.message()}});
        feeds.push_back({next.inputs[i].name, feed.feed});
      }
  for (InputFeed& feed : reload_->added) feeds.push_back(std::move(feed));
  feeds_ = std::move(feeds);
  skip_warnings_.set_parsers(parsers_by_input(next));
  running_ = reload_->config;
  agent_->tell_config(running_);
}

}  // namespace

int run_agent(const Config& config, const RunOptions& options) {
  return Daemon(config, options).run();
}

}  // namespace lastseen
