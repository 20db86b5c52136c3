#include "sim/sim_store.h"

#include <algorithm>
#include <cstdio>

#include "store/sqlstate.h"

namespace lastseen::sim {

StoreFault SimStore::take_fault() {
  if (faulty_calls_ == 0) return StoreFault::kNone;
  --faulty_calls_;
  return fault_;
}

StoreError SimStore::error() const {
  return {trouble_of(meaning_of(sqlstate_)), sqlstate_, "simulated"};
}

uint64_t SimStore::position_of(const std::string& input, uint64_t inode, int64_t birth_ns) const {
  uint64_t furthest = 0;
  const auto found = state_.inputs.find(input);
  if (found == state_.inputs.end()) return 0;
  for (const auto& [stream, position] : found->second.positions)
    if (position.inode == inode && position.birth_ns == birth_ns)
      furthest = std::max(furthest, position.position);
  return furthest;
}

bool SimStore::knows_contents(const std::string& input, uint64_t inode, int64_t birth_ns) const {
  const auto found = state_.inputs.find(input);
  if (found == state_.inputs.end()) return true;
  return std::none_of(found->second.positions.begin(), found->second.positions.end(),
                      [&](const auto& row) {
                        const Position& position = row.second;
                        return position.inode == inode && position.birth_ns == birth_ns &&
                               position.head_bytes == 0 && position.size > 0;
                      });
}

bool SimStore::knows_file(const std::string& input, uint64_t inode, int64_t birth_ns) const {
  const auto found = state_.inputs.find(input);
  return found != state_.inputs.end() &&
         std::any_of(found->second.positions.begin(), found->second.positions.end(),
                     [&](const auto& row) {
                       return row.second.inode == inode && row.second.birth_ns == birth_ns;
                     });
}

StoreResult<AgentState> SimStore::load(const std::string&) {
  const StoreFault fault = take_fault();
  if (fault == StoreFault::kFailsBefore) return error();
  ++state_.epoch;
  state_.drop_unsaid = false;  // who loads remembers nothing of the table
  if (fault == StoreFault::kReplyLost) return error();
  AgentState loaded;
  loaded.epoch = state_.epoch;
  loaded.batch = state_.batch;
  for (const auto& [name, input] : state_.inputs) {
    AgentState::Input& part = loaded.inputs.emplace_back();
    part.name = name;
    part.totals = input.totals;
    for (const auto& [stream, position] : input.positions) part.positions.push_back(position);
  }
  return loaded;
}

std::optional<StoreError> SimStore::probe(const std::string&) {
  if (take_fault() == StoreFault::kNone) return std::nullopt;
  return error();
}

StoreResult<CommitResult> SimStore::commit(const std::string&, const Batch& batch) {
  const StoreFault fault = take_fault();
  std::vector<uint64_t> refused = refused_lines(batch);
  if (bugs_.quarantine_uncounted) refused.assign(refused.size(), 0);
  if (fault == StoreFault::kFailsBefore) {
    if (bugs_.positions_before_rows) apply_positions(batch, refused);
    return error();
  }
  CommitResult result;
  if (std::any_of(refused.begin(), refused.end(), [](uint64_t lines) { return lines > 0; }))
    result.quarantined = refused;
  if (!bugs_.no_fence) {
    if (state_.epoch > batch.epoch) {
      result.outcome = CommitOutcome::kTakenOver;
      return result;
    }
    if (state_.epoch == batch.epoch && state_.batch == batch.number) {
      result.outcome = CommitOutcome::kAlreadyCommitted;
      return result;
    }
    const bool older = state_.epoch < batch.epoch || state_.batch != batch.number - 1;
    if (older && !bugs_.went_back_unnoticed) {
      result.outcome = CommitOutcome::kWentBack;
      return result;
    }
  }
  if (state_.drop_unsaid) {
    if (fault == StoreFault::kReplyLost) return error();
    state_.drop_unsaid = false;
    result.outcome = CommitOutcome::kTableChanged;
    return result;
  }
  state_.batch = batch.number;
  state_.epoch = batch.epoch;
  apply_rows(batch);
  apply_positions(batch, refused);
  ++commits_;
  result.rows = batch.entries.size();
  if (fault == StoreFault::kReplyLost) return error();
  return result;
}

void SimStore::drop_table() {
  for (const auto& [id, client] : state_.clients) state_.sightings_dropped[id] += client.sightings;
  state_.clients.clear();
  state_.dropped = state_.drop_unsaid = true;
}

uint64_t SimStore::sightings_of(const std::string& id) const {
  const auto now = state_.clients.find(id);
  const auto before = state_.sightings_dropped.find(id);
  return (now == state_.clients.end() ? 0 : now->second.sightings) +
         (before == state_.sightings_dropped.end() ? 0 : before->second);
}

uint64_t SimStore::sightings() const {
  uint64_t sum = 0;
  for (const auto& [id, client] : state_.clients) sum += client.sightings;
  for (const auto& [id, sightings] : state_.sightings_dropped) sum += sightings;
  return sum;
}

uint64_t SimStore::lines_read() const {
  uint64_t sum = 0;
  for (const auto& [name, input] : state_.inputs) sum += input.totals.lines_read;
  return sum;
}

std::vector<uint64_t> SimStore::refused_lines(const Batch& batch) const {
  std::vector<uint64_t> lines(batch.inputs.size());
  for (const Entry& entry : batch.entries)
    if (entry.client_id == refused_) lines[entry.input] += entry.count;
  return lines;
}

void SimStore::apply_rows(const Batch& batch) {
  for (const Entry& entry : batch.entries) {
    if (entry.client_id == refused_) {
      state_.quarantined[refused_] += entry.count;
      continue;
    }
    StoredClient& client = state_.clients[std::string(entry.client_id)];
    client.sightings += entry.count;
    const bool newer = entry.last_seen_ms > client.last_seen_ms || bugs_.last_seen_overwritten;
    if (entry.upsert && newer) client.last_seen_ms = entry.last_seen_ms;
    const bool is_there = client.last_seen_ms >= entry.last_seen_ms ||
                          client.last_seen_ms + resolution_ms_ > entry.last_seen_ms;
    if (!entry.upsert && !is_there)
      broken_ = std::string(entry.client_id) + " was not sent, though its row is of " +
                std::to_string(client.last_seen_ms) + " and it was seen at " +
                std::to_string(entry.last_seen_ms);
  }
}

void SimStore::apply_positions(const Batch& batch, const std::vector<uint64_t>& refused) {
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    if (batch.inputs[i].held_back) continue;
    Input& input = state_.inputs[batch.inputs[i].name];
    if (traces_) {
      uint64_t sightings = 0;
      for (const Entry& entry : batch.entries)
        if (entry.input == i) sightings += entry.count;
      std::printf("  stored: batch %llu, %s, lines read: %llu, sightings: %llu\n",
                  (unsigned long long)batch.number, batch.inputs[i].name.c_str(),
                  (unsigned long long)batch.inputs[i].delta.lines_read,
                  (unsigned long long)sightings);
    }
    for (const Position& position : batch.inputs[i].positions) {
      if (traces_)
        std::printf("  stored: %s %s at %llu of %llu%s, inode %llu\n", position.stream.c_str(),
                    position.path.c_str(), (unsigned long long)position.position,
                    (unsigned long long)position.size, position.gone ? ", gone" : "",
                    (unsigned long long)position.inode);
      if (position.gone) {
        input.positions.erase(position.stream);
      } else {
        input.positions[position.stream] = position;
      }
    }
    input.totals.add(batch.inputs[i].delta);
    if (traces_)
      for (const auto& [name, value] : input.totals.to_pairs())
        std::printf("  stored: %s %s %llu\n", batch.inputs[i].name.c_str(), name.c_str(),
                    (unsigned long long)value);
    input.totals.committed -= refused[i];
    input.totals.quarantined += refused[i];
  }
}

}  // namespace lastseen::sim
