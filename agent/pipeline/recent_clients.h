// What this agent itself has committed lately, so that nothing is sent that changes nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "base/batch.h"
#include "base/client_view.h"
#include "pipeline/client_table.h"

namespace lastseen {

/// A refused upsert still costs the database 58 bytes of WAL and a dirty page, so an entry that is
/// not newer than what this agent committed is not sent. With a `resolution`, an entry that moves
/// last_seen by less is withheld until its client has been idle that long.
///
/// Bounded: two generations of at most `clients_max / 2` with a resolution, or `clients_max / 8`
/// without; what the older one withheld is sent before it is forgotten. Flush thread only.
class RecentClients {
 public:
  RecentClients(uint64_t clients_max, int64_t resolution_ms, uint64_t seed);

  /// What is withheld longer than the new resolution is sent with the next batch.
  void change(uint64_t clients_max, int64_t resolution_ms);

  /// Sets Entry::upsert of each entry, and appends withheld values that are due (with count 0).
  /// `all`: everything withheld is due. Call once for each batch, before it is sorted.
  void screen(Batch& batch, int64_t now_mono_ms, bool all);

  /// The batch that was screened last is committed. `trusted` false: the store changed some of
  /// its values (a clamped time, a quarantined row), so nothing is remembered of it. `left_out`:
  /// ascending indices of entries that it did not take.
  void committed(const Batch& batch, bool trusted, const std::vector<size_t>& left_out = {});

  /// What was committed may be gone: everything is sent again when it is seen, and what is withheld
  /// with the next batch.
  void distrust();

  /// The store went back, and the batch that was screened last is void: its lines are read again,
  /// but those behind what it withheld may not be.
  void went_back(const Batch& dropped);

  /// Adds what was committed last and what is withheld.
  void look_up(std::string_view client_id, ClientView& view);

  /// Its row was deleted: the next sighting is to be sent, whatever it says. What is withheld from
  /// up to `until_ms` goes with the row, later values with the next batch.
  void forget_client(std::string_view client_id, int64_t until_ms);

  uint64_t withheld() const { return withheld_; }

 private:
  struct Known {
    std::string_view client_id;
    int64_t committed_ms = 0;
    int64_t withheld_ms = 0;       // newest value not sent; meaningful when withheld
    int64_t withheld_mono_ms = 0;  // when it last moved
    uint32_t input = 0;
    bool withheld = false;
  };
  struct Generation {
    explicit Generation(uint64_t seed) : table(seed) {}
    Known* find(std::string_view client_id, uint64_t hash);
    Known& add(std::string_view client_id, uint64_t hash);
    void prefetch_known(uint64_t hash) const;
    void clear();
    void distrust();

    ClientTable table;
    std::vector<Known> known;
    IdArena ids;
  };

  Known* find(std::string_view client_id, uint64_t hash);
  Known* find(std::string_view client_id) { return find(client_id, young_.table.hash(client_id)); }
  template <typename Visit>
  void visit(const std::vector<Entry>& entries, Visit&& visit_entry);
  void screen_entry(Entry& entry, Known& known, int64_t now_mono_ms);
  void append_due(Generation& generation, Batch& batch, int64_t now_mono_ms, bool all);
  void append_withheld(Known& known, Batch& batch);
  void withhold(Known& known, const Entry& entry, int64_t now_mono_ms);
  void turn_generation(Batch& batch);

  uint64_t generation_max_;
  int64_t resolution_ms_;
  Generation young_;
  Generation old_;
  uint64_t withheld_ = 0;
  std::vector<uint64_t> hashes_;  // of the entries that are visited
};

}  // namespace lastseen
