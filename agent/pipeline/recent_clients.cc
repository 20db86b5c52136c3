#include "pipeline/recent_clients.h"

#include <algorithm>
#include <utility>

namespace lastseen {

namespace {

// No time: what was committed is not certain. Halved, so that adding to it cannot overflow.
constexpr int64_t kNotCertain = INT64_MIN / 2;

}  // namespace

RecentClients::Known* RecentClients::Generation::find(std::string_view client_id) {
  const uint32_t index = table.find(client_id, table.hash(client_id),
                                    [this](uint32_t at) { return known[at].client_id; });
  return index == ClientTable::kAbsent ? nullptr : &known[index];
}

RecentClients::Known& RecentClients::Generation::add(std::string_view client_id) {
  table.insert(table.hash(client_id), static_cast<uint32_t>(known.size()),
               [this](uint32_t at) { return known[at].client_id; });
  Known fresh;
  fresh.client_id = ids.add(client_id);
  return known.emplace_back(fresh);
}

void RecentClients::Generation::clear() {
  table.clear();
  known.clear();
  ids = IdArena();
}

void RecentClients::Generation::distrust() {
  for (Known& client : known) {
    client.committed_ms = kNotCertain;
    client.withheld_mono_ms = INT64_MIN / 2;
  }
}

// What is withheld must be remembered for as long as it is. Otherwise only lines out of order, or
// read twice, name who was committed with a newer time, and those come soon after: a fourth of
// the memory, 90 B a client, spares them as well.
static uint64_t generation_max(uint64_t clients_max, int64_t resolution_ms) {
  return std::max<uint64_t>(clients_max / (resolution_ms > 0 ? 2 : 8), 1);
}

RecentClients::RecentClients(uint64_t clients_max, int64_t resolution_ms, uint64_t seed)
    : generation_max_(generation_max(clients_max, resolution_ms)),
      resolution_ms_(resolution_ms),
      young_(seed),
      old_(seed) {}

void RecentClients::change(uint64_t clients_max, int64_t resolution_ms) {
  generation_max_ = generation_max(clients_max, resolution_ms);
  resolution_ms_ = resolution_ms;
}

RecentClients::Known* RecentClients::find(std::string_view client_id) {
  if (Known* known = young_.find(client_id)) return known;
  return old_.find(client_id);
}

void RecentClients::screen(Batch& batch, int64_t now_mono_ms, bool all) {
  const size_t entries = batch.entries.size();
  for (size_t i = 0; i < entries; ++i) screen_entry(batch.entries[i], now_mono_ms);
  if (withheld_ > 0) {
    append_due(young_, batch, now_mono_ms, all);
    append_due(old_, batch, now_mono_ms, all);
  }
  if (young_.known.size() >= generation_max_) turn_generation(batch);
}

void RecentClients::screen_entry(Entry& entry, int64_t now_mono_ms) {
  Known* known = find(entry.client_id);
  if (known == nullptr) return;
  const int64_t newest = known->withheld ? known->withheld_ms : known->committed_ms;
  if (entry.last_seen_ms <= newest && !known->withheld) {
    entry.upsert = false;
  } else if (resolution_ms_ > 0 && entry.last_seen_ms < known->committed_ms + resolution_ms_) {
    entry.upsert = false;
    if (!known->withheld) ++withheld_;
    known->withheld_ms =
        known->withheld ? std::max(newest, entry.last_seen_ms) : entry.last_seen_ms;
    known->withheld = true;
    known->withheld_mono_ms = now_mono_ms;
    known->input = entry.input;
  } else if (known->withheld) {  // what goes out now is newer than what waited
    known->withheld = false;
    --withheld_;
  }
}

void RecentClients::append_due(Generation& generation, Batch& batch, int64_t now_mono_ms,
                               bool all) {
  for (Known& known : generation.known) {
    if (!known.withheld) continue;
    if (all || now_mono_ms - known.withheld_mono_ms >= resolution_ms_)
      append_withheld(known, batch);
  }
}

void RecentClients::append_withheld(Known& known, Batch& batch) {
  // A client may stand in the batch already, through an entry that is not newer; the store merges.
  batch.entries.push_back(
      {batch.ids.add(known.client_id), known.withheld_ms, known.withheld_ms, 0, known.input, true});
  known.withheld = false;
  --withheld_;
}

void RecentClients::turn_generation(Batch& batch) {
  append_due(old_, batch, 0, true);
  std::swap(young_, old_);
  young_.clear();
}

void RecentClients::committed(const Batch& batch, bool trusted,
                              const std::vector<size_t>& left_out) {
  auto out = left_out.begin();
  for (size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    const bool taken = out == left_out.end() || *out != i;
    if (!taken) ++out;
    if (!entry.upsert) continue;
    Known* known = find(entry.client_id);
    if (!trusted || !taken) {
      // Nothing is certain of this row now: the next sighting is to be sent, whatever it says.
      if (known != nullptr) known->committed_ms = kNotCertain;
      continue;
    }
    if (known == nullptr) {
      known = &young_.add(entry.client_id);
      known->committed_ms = entry.last_seen_ms;
    }
    known->committed_ms = std::max(known->committed_ms, entry.last_seen_ms);
  }
}

void RecentClients::look_up(std::string_view client_id, ClientView& view) {
  const Known* known = find(client_id);
  if (known == nullptr) return;
  if (known->committed_ms > kNotCertain) view.committed_last_seen_ms = known->committed_ms;
  if (known->withheld) view.add_pending(0, known->withheld_ms);
}

void RecentClients::forget_client(std::string_view client_id, int64_t until_ms) {
  Known* known = find(client_id);
  if (known == nullptr) return;
  known->committed_ms = kNotCertain;
  known->withheld_mono_ms = INT64_MIN / 2;
  if (!known->withheld || known->withheld_ms > until_ms) return;
  known->withheld = false;
  --withheld_;
}

void RecentClients::distrust() {
  young_.distrust();
  old_.distrust();
}

void RecentClients::forget() {
  young_.clear();
  old_.clear();
  withheld_ = 0;
}

}  // namespace lastseen
