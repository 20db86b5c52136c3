#include <memory>
#include <utility>

#include "daemon_state.h"

namespace lastseen {

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
  notify_reloading(clock_.now().mono_ms);
  log_->info("reloading the configuration", {{"file", options_.config_path}});
  auto prepared = prepare_reload(
      options_.config_path, {config(), *shared_, control_.get(), feeds_, passed_}, random_seed());
  if (!prepared) return end_reload(prepared.status());
  if (const Status opened = prepare_control(prepared->config->control); !opened)
    return end_reload(opened);
  reload_ = std::move(*prepared);
  agent_->change(std::move(reload_->change));
}

// Where a server runs already, its doors change.
Status Daemon::prepare_control(const ControlSettings& next) {
  if (control_ || (next.socket.empty() && next.http.empty())) return Status::ok();
  auto server = std::make_unique<HttpServer>(next, *agent_, clock_, *log_);
  if (const Status listening = server->listen(); !listening)
    return Status::reject(listening.message());
  next_control_ = std::move(server);
  return Status::ok();
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
    next_control_.reset();
    ++reload_told_.failed;
    say_not_reloaded(result);
  }
  reload_.reset();
  reload_told_.error = result.message();
  reload_told_.last_mono_ms = clock_.now().mono_ms;
  agent_->tell_reload(reload_told_);
  for (const ReloadDone& done : std::exchange(reload_waits_, {}))
    done(result ? Result<std::string>(changes) : Result<std::string>(result));
  if (!stopping()) notify_ready();
  say_status(status_line_.render(*agent_->snapshot()));
  wakeup_.wake();  // somebody may have asked meanwhile
}

void Daemon::say_not_reloaded(const Status& result) {
  if (stopping())
    log_->warn("the reload was not done; the next start reads the file",
               {{"error", result.message()}});
  else
    log_->error("the configuration was not reloaded, the old one goes on; mend it and reload again",
                {{"error", result.message()}});
}

// At the end of a stop: the store of the new configuration may still be waited for.
void Daemon::drop_reload() {
  if (const auto result = agent_->take_change_result()) return end_reload(*result);
  if (!reload_) return;
  end_reload(Status::retry(agent_->change_begun() ? "the agent stops before all of it was done"
                                                  : "the agent stops, so it ended without effect"));
}

// What ingest and flush have gone over to already, the rest follows.
void Daemon::apply_reload() {
  const Config& next = *reload_->config;
  if (!(next.log == config().log))
    if (const Status changed = log_->change(log_level(next), next.log.json, next.log.file);
        !changed)
      log_->error("the log stays what it was; mend log.file and reload again",
                  {{"error", changed.message()}});
  if (control_) control_->apply_change();
  if (next_control_) serve(std::move(next_control_));
  Feeds feeds;
  for (size_t i = 0; i < next.inputs.size(); ++i)
    for (InputFeed& feed : feeds_)
      if (feed.input == reload_->plan.keeps[i]) {
        if (const Status changed = feed.feed->change(next.inputs[i]); !changed)
          log_->warn("the socket keeps its mode and owner; mend them and reload again",
                     {{"error", changed.message()}});
        feeds.push_back({next.inputs[i].name, feed.feed});
      }
  for (InputFeed& feed : reload_->added) feeds.push_back(std::move(feed));
  feeds_ = std::move(feeds);
  input_warnings_.set_parsers(parsers_by_input(next));
  running_ = reload_->config;
  agent_->tell_config(running_);
}

}  // namespace lastseen
