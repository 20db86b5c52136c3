#include "pipeline/dedup_buffer.h"

#include <iterator>

#include "base/equal_text.h"

namespace lastseen {

bool DedupBuffer::add(std::string_view client_id, uint64_t hash, int64_t seen_at_ms,
                      uint64_t clients_max) {
  const uint32_t first = table_.guess(hash);
  if (first == ClientTable::kAbsent || !equal_text(id_at(first), client_id))
    return add_other(client_id, hash, seen_at_ms, clients_max);
  merge_sighting(entries_[first], seen_at_ms);
  ++sightings_;
  return true;
}

bool DedupBuffer::add_other(std::string_view client_id, uint64_t hash, int64_t seen_at_ms,
                            uint64_t clients_max) {
  const uint32_t found = index_of(client_id, hash);
  if (found == ClientTable::kAbsent) return add_new(client_id, hash, seen_at_ms, clients_max);
  merge_sighting(entries_[found], seen_at_ms);
  ++sightings_;
  return true;
}

bool DedupBuffer::add_new(std::string_view client_id, uint64_t hash, int64_t seen_at_ms,
                          uint64_t clients_max) {
  if (budget_.used() >= clients_max) return false;
  budget_.take();
  table_.insert(hash, static_cast<uint32_t>(entries_.size()),
                [this](uint32_t index) { return id_at(index); });
  entries_.push_back({ids_.add(client_id), seen_at_ms, seen_at_ms, 1, input_, true});
  ++sightings_;
  return true;
}

bool DedupBuffer::add(const Entry& entry, uint64_t clients_max) {
  // As its oldest and its newest sighting, and the others between them, which move nothing.
  const uint64_t hash = table_.hash(entry.client_id);
  if (!add(entry.client_id, hash, entry.first_seen_ms, clients_max)) return false;
  Entry& merged = entries_[index_of(entry.client_id, hash)];
  merge_sighting(merged, entry.last_seen_ms);
  merged.count += entry.count - 2;
  sightings_ += entry.count - 1;
  return true;
}

void DedupBuffer::seal_into(Batch& batch) {
  const size_t clients = entries_.size();
  if (batch.entries.empty()) {
    batch.entries = std::move(entries_);
  } else {
    batch.entries.insert(batch.entries.end(), entries_.begin(), entries_.end());
  }
  batch.ids.adopt(std::move(ids_));
  entries_ = {};
  entries_.reserve(clients);  // the next second is likely to see as many
  table_.clear();
  sightings_ = 0;
}

void DedupBuffer::clear() {
  budget_.give_back(entries_.size());
  entries_.clear();
  ids_ = IdArena();
  table_.clear();
  sightings_ = 0;
}

}  // namespace lastseen
