#include "pipeline/recent_clients.h"

#include <algorithm>
#include <utility>

#include "base/prefetch.h"

namespace lastseen {

namespace {

// No time: what was committed is not certain. Halved, so that adding to it cannot overflow.
constexpr int64_t kNotCertain = INT64_MIN / 2;

// When what is withheld moved last, if it is to go out with the next batch.
constexpr int64_t kDueNow = INT64_MIN / 2;

// How many entries before its turn each of the places is asked for that an entry needs.
constexpr size_t kStage = 8;

}  // namespace

RecentClients::Known* RecentClients::Generation::find(std::string_view client_id, uint64_t hash) {
  const uint32_t index =
      table.find(client_id, hash, [this](uint32_t at) { return known[at].client_id; });
  return index == ClientTable::kAbsent ? nullptr : &known[index];
}

void RecentClients::Generation::prefetch_known(uint64_t hash) const {
  const uint32_t index = table.guess(hash);
  if (index < known.size()) prefetch(&known[index]);
}

RecentClients::Known& RecentClients::Generation::add(std::string_view client_id, uint64_t hash) {
  table.insert(hash, static_cast<uint32_t>(known.size()),
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
    client.withheld_mono_ms = kDueNow;
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

RecentClients::Known* RecentClients::find(std::string_view client_id, uint64_t hash) {
  if (Known* known = young_.find(client_id, hash)) return known;
  return old_.find(client_id, hash);
}

// Calls visit_entry(index, hash, what is known or null) for each. With a million clients nearly
// every look is one into memory that no cache has, so each is asked for before its turn: upserts
// of a million clients in batches of 50,000 take 0.5 us a row less.
template <typename Visit>
void RecentClients::visit(const std::vector<Entry>& entries, Visit&& visit_entry) {
  hashes_.resize(entries.size());
  for (size_t step = 0; step < entries.size() + 3 * kStage; ++step) {
    const auto index_at = [&](size_t stage) { return step - stage * kStage; };  // may be far off
    if (step < entries.size()) prefetch(entries[step].client_id.data());
    if (const size_t i = index_at(1); i < entries.size()) {
      hashes_[i] = young_.table.hash(entries[i].client_id);
      young_.table.prefetch_slot(hashes_[i]);
      old_.table.prefetch_slot(hashes_[i]);
    }
    if (const size_t i = index_at(2); i < entries.size()) {
      young_.prefetch_known(hashes_[i]);
      old_.prefetch_known(hashes_[i]);
    }
    if (const size_t i = index_at(3); i < entries.size())
      visit_entry(i, hashes_[i], find(entries[i].client_id, hashes_[i]));
  }
}

void RecentClients::screen(Batch& batch, int64_t now_mono_ms, bool all) {
  visit(batch.entries, [&](size_t i, uint64_t, Known* known) {
    if (known != nullptr) screen_entry(batch.entries[i], *known, now_mono_ms);
  });
  if (withheld_ > 0) {
    append_due(young_, batch, now_mono_ms, all);
    append_due(old_, batch, now_mono_ms, all);
  }
  if (young_.known.size() >= generation_max_) turn_generation(batch);
}

void RecentClients::screen_entry(Entry& entry, Known& known, int64_t now_mono_ms) {
  const int64_t newest = known.withheld ? known.withheld_ms : known.committed_ms;
  if (entry.last_seen_ms <= newest && !known.withheld) {
    entry.upsert = false;
  } else if (resolution_ms_ > 0 && entry.last_seen_ms < known.committed_ms + resolution_ms_) {
    entry.upsert = false;
    withhold(known, entry, now_mono_ms);
  } else if (known.withheld && entry.last_seen_ms >= known.withheld_ms) {
    known.withheld = false;  // what goes out now is not older than what waited
    --withheld_;
  }
}

void RecentClients::withhold(Known& known, const Entry& entry, int64_t now_mono_ms) {
  if (!std::exchange(known.withheld, true)) {
    ++withheld_;
    known.withheld_ms = entry.last_seen_ms;
  }
  known.withheld_ms = std::max(known.withheld_ms, entry.last_seen_ms);
  known.withheld_mono_ms = now_mono_ms;
  known.input = entry.input;
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
  visit(batch.entries, [&](size_t i, uint64_t hash, Known* known) {
    const Entry& entry = batch.entries[i];
    const bool taken = out == left_out.end() || *out != i;
    if (!taken) ++out;
    if (!entry.upsert) return;
    if (!trusted || !taken) {
      // Nothing is certain of this row now: the next sighting is to be sent, whatever it says.
      if (known != nullptr) known->committed_ms = kNotCertain;
      return;
    }
    if (known == nullptr) {
      known = &young_.add(entry.client_id, hash);
      known->committed_ms = entry.last_seen_ms;
    }
    known->committed_ms = std::max(known->committed_ms, entry.last_seen_ms);
  });
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
  known->withheld_mono_ms = kDueNow;
  if (!known->withheld || known->withheld_ms > until_ms) return;
  known->withheld = false;
  --withheld_;
}

void RecentClients::distrust() {
  young_.distrust();
  old_.distrust();
}

void RecentClients::went_back(const Batch& dropped) {
  distrust();
  for (const Entry& entry : dropped.entries) {
    if (entry.count > 0) continue;
    const uint64_t hash = young_.table.hash(entry.client_id);
    Known* known = find(entry.client_id, hash);
    if (known == nullptr) {
      known = &young_.add(entry.client_id, hash);
      known->committed_ms = kNotCertain;
    }
    withhold(*known, entry, kDueNow);
  }
}

}  // namespace lastseen
