// Decides when the spill is written and removed, and under which numbers its parts stand.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/spill.h"

namespace lastseen {

/// What is to be done to the spill file, before anything else that the same step asks for.
struct SpillOrder {
  std::optional<std::string> bytes;  ///< The file from now on; nullopt: there is to be none.
  /// A batch goes out whose content the old file holds under another number: if it cannot be
  /// replaced it has to go, or a crash could count its lines twice.
  bool supersedes = false;
};

enum class SpillResult {
  kDone,
  kFailed,   ///< The file is as it was.
  kRemoved,  ///< Not replaced, but gone.
};

/// The file is a copy of what feeds brought and no batch has committed. While commits come in time
/// there is none; a commit that is late, positions that are not known yet, and a stop make one.
/// Each part names the batch that holds it, or the one that will, so that the fence tells after a
/// crash which parts have been committed. Ingest thread only; does no I/O.
class SpillKeeper {
 public:
  /// The file is rewritten at most once in `interval_ms`.
  SpillKeeper(SpillOwner owner, int64_t interval_ms, Now now)
      : owner_(std::move(owner)),
        interval_ms_(interval_ms),
        next_write_mono_ms_(now.mono_ms + interval_ms) {}

  /// An earlier run left a file, and these are its parts.
  void found(std::vector<SpillPart> parts);
  /// Lines in them, until positions are known.
  uint64_t found_lines() const { return found_lines_; }

  /// The fence stands at `batch`. What has to be taken in again: of the file that was found, or,
  /// when the store went back, of the batch that is void now.
  std::vector<SpillPart> positions_known(uint64_t batch);
  /// What was found of an earlier run belongs to no batch of the store that is loaded next.
  void other_store();
  /// That is the one whose fence is asked from now on.
  void set_store(const std::string& store) { owner_.store = store; }
  /// The fence of another store stands at `batch`; what was out is pending again.
  void moved(uint64_t batch);
  void set_interval(int64_t interval_ms) { interval_ms_ = interval_ms; }
  /// A batch goes out; `inputs`: what it holds of feeds.
  void sealed(const std::vector<SpilledInput>& inputs, Now now);
  void committed();

  /// From now on the file is to be up to date, whether commits are late or not.
  void save() { saving_ = true; }
  /// Everything that feeds brought is committed or in the file. `brought`: as for order().
  bool saved(bool pending, uint64_t brought) const;
  /// Sightings in the file that belong to what is pending. It may be older than that.
  uint64_t saved_sightings() const;
  /// There is a file, whether all of it is committed or not.
  bool on_disk() const { return on_disk_; }

  /// What has to be done now. `sealing`: in this step a batch goes out. `pending`: feeds brought
  /// something since the last batch, and `encode` tells what. `brought`: grows with everything that
  /// feeds bring.
  std::optional<SpillOrder> order(Now now, bool sealing, bool pending, uint64_t brought,
                                  const std::function<std::vector<SpilledInput>()>& encode);
  void done(SpillResult result, Now now);
  int64_t next_mono_ms(bool pending, uint64_t brought) const;

 private:
  bool anything(bool pending) const {
    return pending || !in_flight_.bytes.empty() || !found_.empty();
  }
  struct SavedPart {
    uint64_t batch = 0;
    uint64_t sightings = 0;
  };

  bool changed(uint64_t brought) const { return !on_disk_ || brought != on_disk_brought_; }
  SpillOrder write(bool pending, uint64_t brought,
                   const std::function<std::vector<SpilledInput>()>& encode);

  SpillOwner owner_;
  int64_t interval_ms_;
  std::vector<SpillPart> found_;  // whether they were committed is not known yet
  uint64_t found_lines_ = 0;
  std::optional<uint64_t> batch_;             // where the fence stands, once that is known
  std::optional<int64_t> out_since_mono_ms_;  // a batch is out
  SpillPart in_flight_;                       // what it holds of feeds; no bytes: nothing
  uint64_t in_flight_sightings_ = 0;
  int64_t next_write_mono_ms_;
  int64_t next_remove_mono_ms_ = INT64_MIN;  // later once it failed
  bool saving_ = false;
  // The file as it is, and as the last order will make it.
  bool on_disk_ = false;
  uint64_t on_disk_brought_ = 0;
  uint64_t on_disk_up_to_ = 0;            // once this batch is committed, all of the file is
  bool numbers_are_old_ = false;          // the store has moved since the file was written
  std::vector<SavedPart> on_disk_parts_;  // those that were found come first
  struct Ordered {
    bool remove = false;
    uint64_t brought = 0;
    uint64_t up_to = 0;
    std::vector<SavedPart> parts = {};
  } ordered_;
};

}  // namespace lastseen
