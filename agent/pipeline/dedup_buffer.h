// The newest sighting of each client of one input since the last batch. Memory is bounded by
// distinct clients, not by traffic.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/batch.h"
#include "base/prefetch.h"
#include "pipeline/client_table.h"

namespace lastseen {

/// The cap that the buffers of all inputs share, over all generations: those that fill now and
/// those in a batch on its way. Ingest thread only.
class ClientBudget {
 public:
  explicit ClientBudget(uint64_t clients_max) : clients_max_(clients_max) {}

  uint64_t used() const { return used_; }
  uint64_t clients_max() const { return clients_max_; }
  /// What files may fill; the rest is for feeds, which cannot wait.
  uint64_t files_max() const { return clients_max_ - clients_max_ / 5; }  // 80 %
  void change(uint64_t clients_max) { clients_max_ = clients_max; }
  void take() { ++used_; }
  void give_back(uint64_t clients) { used_ -= clients; }

 private:
  uint64_t clients_max_;
  uint64_t used_ = 0;
};

/// Ingest thread only. Allocates nothing for a client that it holds already.
class DedupBuffer {
 public:
  /// `input`: the index that entries carry. `seed`: of the hash, random per process.
  DedupBuffer(uint32_t input, ClientBudget& budget, uint64_t seed)
      : input_(input), budget_(budget), table_(seed) {}

  /// Merges a sighting in; false, and nothing changes, when it names a client that is new here
  /// and the budget's use has reached `clients_max`.
  bool add(std::string_view client_id, int64_t seen_at_ms, uint64_t clients_max) {
    return add(client_id, table_.hash(client_id), seen_at_ms, clients_max);
  }

  /// The same with the id's hash_bytes() by hash_seed(), which any thread may compute.
  bool add(std::string_view client_id, uint64_t hash, int64_t seen_at_ms, uint64_t clients_max);
  uint64_t hash_seed() const { return table_.seed(); }

  /// Asks for the memory that add() of a hash will look at, so that it need not wait. It looks at
  /// three places, each found by the one before: they are to be asked for some adds apart.
  void prefetch_slot(uint64_t hash) const { table_.prefetch_slot(hash); }
  void prefetch_entry(uint64_t hash) const {
    const uint32_t index = table_.guess(hash);
    if (index != ClientTable::kAbsent) prefetch(&entries_[index]);
  }
  void prefetch_id(uint64_t hash) const {
    const uint32_t index = table_.guess(hash);
    if (index != ClientTable::kAbsent) prefetch(entries_[index].client_id.data());
  }

  /// add() of a whole entry, whose sightings all count.
  bool add(const Entry& entry, uint64_t clients_max);

  /// The index that entries carry, those that are held already too.
  void renumber(uint32_t input) {
    input_ = input;
    for (Entry& entry : entries_) entry.input = input;
  }

  /// Null: it is not here.
  const Entry* find(std::string_view client_id) const {
    const uint32_t found = index_of(client_id, table_.hash(client_id));
    return found == ClientTable::kAbsent ? nullptr : &entries_[found];
  }

  const std::vector<Entry>& entries() const { return entries_; }
  size_t clients() const { return entries_.size(); }
  /// Sightings merged since the last seal: the lines that are pending here.
  uint64_t sightings() const { return sightings_; }

  /// Moves everything into the batch; the budget stays taken until the batch is committed.
  void seal_into(Batch& batch);

  /// Drops everything and gives the budget back (the store went back; the lines are read again).
  void clear();

 private:
  /// Apart from add(), which nearly always finds the client at once: its call stays cheap.
  [[gnu::noinline]] bool add_other(std::string_view client_id, uint64_t hash, int64_t seen_at_ms,
                                   uint64_t clients_max);
  bool add_new(std::string_view client_id, uint64_t hash, int64_t seen_at_ms, uint64_t clients_max);
  std::string_view id_at(uint32_t index) const { return entries_[index].client_id; }
  uint32_t index_of(std::string_view client_id, uint64_t hash) const {
    return table_.find(client_id, hash, [this](uint32_t index) { return id_at(index); });
  }

  uint32_t input_;
  ClientBudget& budget_;
  ClientTable table_;
  std::vector<Entry> entries_;
  IdArena ids_;
  uint64_t sightings_ = 0;
};

/// Merges one sighting into an entry. The one place that knows how (daily usage will need a day).
inline void merge_sighting(Entry& entry, int64_t seen_at_ms) {
  if (seen_at_ms > entry.last_seen_ms) entry.last_seen_ms = seen_at_ms;
  if (seen_at_ms < entry.first_seen_ms) entry.first_seen_ms = seen_at_ms;
  ++entry.count;
}

}  // namespace lastseen
