#include "sim/verdict.h"

#include <map>
#include <numeric>

namespace lastseen::sim {

namespace {

class Verdict {
 public:
  Verdict(const AgentSnapshot& snapshot, SimStore& store,
          const std::vector<std::unique_ptr<Proxy>>& proxies, bool calm, int64_t behind_ms)
      : snapshot_(snapshot), store_(store), proxies_(proxies), calm_(calm), behind_ms_(behind_ms) {}

  std::string find();

 private:
  void compare_clients();
  void tell(const std::string& what) {
    if (!broken_.empty()) broken_ += "; ";
    broken_ += what;
  }

  const AgentSnapshot& snapshot_;
  SimStore& store_;
  const std::vector<std::unique_ptr<Proxy>>& proxies_;
  const bool calm_;
  const int64_t behind_ms_;
  bool loss_counted_ = false;  // bytes are missing, and the agent says so
  std::string broken_;
};

std::string Verdict::find() {
  uint64_t committed = 0;
  uint64_t quarantined = 0;
  for (size_t i = 0; i < proxies_.size(); ++i) {
    const Proxy& proxy = *proxies_[i];
    const LedgerCounts& totals = snapshot_.inputs[i].totals;
    committed += totals.committed;
    quarantined += totals.quarantined;
    const uint64_t at_risk = proxy.lines_at_risk();
    const uint64_t lost =
        std::accumulate(totals.lost_bytes.begin(), totals.lost_bytes.end(), uint64_t{0});
    loss_counted_ |= lost > 0;
    if (totals.bytes_read + proxy.bytes_at_risk() + lost + proxy.header_bytes() < proxy.bytes())
      tell(proxy.input() + ": of " + std::to_string(proxy.bytes()) + " bytes " +
           std::to_string(totals.bytes_read) + " were read and " + std::to_string(lost) +
           " counted as lost");
    // Of two files that begin alike nobody knows which is gone; nor, after the store went back, how
    // far a file was counted that is gone with its copy.
    if (lost > 0 && proxy.headers() == 0 && !proxy.went_back() &&
        totals.bytes_read + lost > proxy.bytes())
      tell(proxy.input() + ": of " + std::to_string(proxy.bytes()) + " bytes " +
           std::to_string(totals.bytes_read) + " were read, but " + std::to_string(lost) +
           " counted as lost");
    if (lost > proxy.header_bytes() && !proxy.copies() && calm_)
      tell(proxy.input() + ": bytes are said to be lost");
    const bool too_few = totals.lines_read + at_risk + proxy.headers() < proxy.lines() && lost == 0;
    if (totals.lines_read > proxy.lines() || too_few)
      tell(proxy.input() + ": lines_read is " + std::to_string(totals.lines_read) +
           ", the proxy wrote " + std::to_string(proxy.lines()) + ", of which " +
           std::to_string(at_risk) + " may be lost");
    if (calm_ && at_risk > 0) tell("a calm world destroyed something");
    if (!(store_.totals(proxy.input()) == totals)) tell("the store's totals are not the agent's");
  }
  compare_clients();
  committed -= store_.sightings();
  quarantined -= store_.quarantined_of(kRefusedClient);
  if (committed != 0) tell("the ledger's committed lines are not those of the clients");
  if (quarantined != 0) tell("the ledger's quarantined lines are not those that were set aside");
  return broken_;
}

void Verdict::compare_clients() {
  std::map<std::string, StoredClient> sure;
  std::map<std::string, StoredClient> all;
  for (const auto& proxy : proxies_) proxy->add_truth(sure, all);
  for (const auto& [id, most] : all) {
    const StoredClient least = loss_counted_ ? StoredClient() : sure[id];
    const auto found = store_.clients_now().find(id);
    const StoredClient stored =
        found == store_.clients_now().end() ? StoredClient() : found->second;
    const uint64_t quarantined = store_.quarantined_of(id);
    const uint64_t sightings = store_.sightings_of(id) + quarantined;
    // What a dropped table held is gone, what was sent since is looked at as it comes.
    const int64_t oldest_ms = store_.was_dropped() ? 0 : least.last_seen_ms;
    if (sightings < least.sightings || sightings > most.sightings) {
      tell(id + " was counted " + std::to_string(sightings) + " times, " +
           std::to_string(most.sightings) + " lines name it, of which " +
           std::to_string(most.sightings - least.sightings) + " may be lost");
    } else if (quarantined == 0 && (stored.last_seen_ms + behind_ms_ < oldest_ms ||
                                    stored.last_seen_ms > most.last_seen_ms)) {
      tell(id + " has last_seen " + std::to_string(stored.last_seen_ms) + ", the newest is " +
           std::to_string(most.last_seen_ms));
    }
  }
}

}  // namespace

std::string verdict(const AgentSnapshot& snapshot, SimStore& store,
                    const std::vector<std::unique_ptr<Proxy>>& proxies, bool calm,
                    int64_t behind_ms) {
  return Verdict(snapshot, store, proxies, calm, behind_ms).find();
}

}  // namespace lastseen::sim
