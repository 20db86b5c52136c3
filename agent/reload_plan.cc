#include "reload_plan.h"

#include <algorithm>
#include <set>

#include "store_place.h"

namespace lastseen {

namespace {

bool same_place(const InputSettings& a, const InputSettings& b) {
  return a.type == b.type && a.path == b.path;
}

std::vector<std::string> sources_to_keep(const Config& running, const Config& next) {
  std::vector<std::string> keeps(next.inputs.size());
  std::set<std::string> taken;
  const auto take = [&](auto fits) {
    for (size_t i = 0; i < next.inputs.size(); ++i) {
      if (!keeps[i].empty()) continue;
      const auto found =
          std::find_if(running.inputs.begin(), running.inputs.end(), [&](const InputSettings& old) {
            return taken.count(old.name) == 0 && fits(old, next.inputs[i]);
          });
      if (found == running.inputs.end()) continue;
      keeps[i] = found->name;
      taken.insert(found->name);
    }
  };
  take([](const InputSettings& old, const InputSettings& input) {
    return old.name == input.name && same_place(old, input);
  });
  take(same_place);  // renamed
  take([](const InputSettings& old, const InputSettings& input) {
    return old.name == input.name && old.type == "file" && input.type == "file";
  });
  return keeps;
}

StoreReload store_reload(const Config& running, const Config& next) {
  StoreSettings alike = next.store;  // what only the retries read needs no other connection
  alike.retry_initial = running.store.retry_initial;
  alike.retry_max = running.store.retry_max;
  if (alike == running.store && next.last_seen.future_max == running.last_seen.future_max)
    return StoreReload::kNone;
  return store_place(next.store) == store_place(running.store) ? StoreReload::kAnew
                                                               : StoreReload::kOther;
}

Status needs_restart(const std::string& key, const std::string& from, const std::string& to) {
  return Status::reject(key + " changes from '" + from + "' to '" + to +
                        "', which needs a restart: restart the agent, or undo it");
}

void append(std::string& list, const std::string& item) {
  list += (list.empty() ? "" : ", ") + item;
}

std::string counted(size_t count, const std::string& what) {
  return std::to_string(count) + (count == 1 ? " input " : " inputs ") + what;
}

std::string summary_of(const Config& running, const Config& next, const ReloadPlan& plan) {
  size_t added = 0, renamed = 0, changed = 0, kept = 0;
  for (size_t i = 0; i < next.inputs.size(); ++i) {
    const std::string& keeps = plan.keeps[i];
    const auto old = std::find_if(running.inputs.begin(), running.inputs.end(),
                                  [&](const auto& input) { return input.name == keeps; });
    added += keeps.empty();
    kept += !keeps.empty();
    renamed += !keeps.empty() && keeps != next.inputs[i].name;
    changed += keeps == next.inputs[i].name && !(*old == next.inputs[i]);
  }
  std::string summary;
  const size_t removed = running.inputs.size() - kept;
  if (added > 0) append(summary, counted(added, "added"));
  if (removed > 0) append(summary, counted(removed, "removed"));
  if (renamed > 0) append(summary, counted(renamed, "renamed"));
  if (changed > 0) append(summary, counted(changed, "changed"));
  if (plan.store == StoreReload::kOther) append(summary, "another store");
  if (plan.store == StoreReload::kAnew) append(summary, "store changed");
  Config rest = next;  // what is not told yet
  rest.inputs = running.inputs;
  if (plan.store != StoreReload::kNone) {
    rest.store = running.store;
    rest.last_seen.future_max = running.last_seen.future_max;
  }
  if (!(rest == running)) append(summary, "settings changed");
  return summary;
}

}  // namespace

Result<ReloadPlan> plan_reload(const Config& running, const Config& next) {
  if (next.agent_id != running.agent_id)
    return needs_restart("agent_id", running.agent_id, next.agent_id);
  if (next.state_dir != running.state_dir)
    return needs_restart("state_dir", running.state_dir, next.state_dir);
  if (next.ingest.threads != running.ingest.threads)
    return needs_restart("ingest.threads", std::to_string(running.ingest.threads),
                         std::to_string(next.ingest.threads));
  ReloadPlan plan;
  plan.keeps = sources_to_keep(running, next);
  plan.store = store_reload(running, next);
  plan.summary = summary_of(running, next, plan);
  return plan;
}

}  // namespace lastseen
