// The source that follows files: a glob, what it names, and what became of the files it named.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/file_system.h"
#include "base/gzip.h"
#include "base/log.h"
#include "config/config.h"
#include "source/directory_watches.h"
#include "source/discovery.h"
#include "source/dropped_file.h"
#include "source/file_source_options.h"
#include "source/followed_file.h"
#include "source/foreign_files.h"
#include "source/log_names.h"
#include "source/source.h"
#include "source/stored_rows.h"
#include "source/watcher.h"

namespace lastseen {

/// Follows every file that `settings.path` names. Opens files as soon as it sees them, so that
/// nothing is lost while positions are not known, and keeps them open through rename and removal
/// until they are read. Lives on the ingest thread; `files`, `watcher` and `log` outlive it.
///
/// Nothing here fails: what cannot be opened or read is logged once, shown by describe(), and
/// tried again with each poll. Bytes that are gone are counted by take_losses(), as a lower bound.
class FileSource final : public Source, private Watcher::Listener {
 public:
  FileSource(const InputSettings& settings, Start start, FileSystem& files, Watcher& watcher,
             Log& log, const FileSourceOptions& options = {});
  ~FileSource() override;

  /// Again: everything goes back to where the store stands, or to the first byte of files that it
  /// does not know; begin() need not be repeated.
  void restore(const StoredInput& stored, Now now) override;
  void begin() override;
  bool held_back() const override { return !readers_.empty(); }
  int64_t step(Now now) override;
  std::optional<Chunk> read(ReadBuffer& buffer, Now now) override;
  void consume(const Chunk& chunk, size_t bytes, bool discarding) override;
  void look_now() override { look_due_ = asked_ = true; }
  bool caught_up() const override;
  void end() override { look_due_ |= !begun_; }  // what a stop leaves unread is to be told
  void collect(std::vector<Position>& out) override;
  bool has_unstored() const override;
  bool has_row(const std::string& key) const override { return rows_.has(key); }
  std::vector<std::string> store_anew(const StoredInput& there) override;
  /// The configuration changed: another name or path, or another limit for lines. Every file that
  /// belongs to the new path stays open; what does not is let go where reading stands.
  void change(const InputSettings& settings, Start start, int64_t hot_ms, Now now);
  LedgerCounts take_losses() override;
  void describe(std::vector<FileSnapshot>& out) const override;
  std::string watching() const override;
  bool drained() const override;

 private:
  // Between the numbers of two files there is room for those that are found later.
  static constexpr int64_t kSequenceStep = 1 << 20;
  // A file's birth is stamped by a clock that ticks every few milliseconds (CONFIG_HZ=100: 10 ms).
  static constexpr int64_t kClockGrainMs = 20;
  // For so long a log that cannot be read may be one that was just made (0600 until chmod).
  static constexpr int64_t kUnreadableNewsMs = 3'600'000;
  // A directory that is missing may be a disk that is not mounted, and a path that was changed may
  // be changed back: so long a position is kept since it last moved.
  static constexpr int64_t kAbsentKeptMs = int64_t{30} * 86'400'000;
  // Looks after which a copy that cannot be looked for is given up, and what it held counted as
  // lost.
  static constexpr int kCopyTriesMax = 60;

  /// One file and what became of it.
  struct Stream {
    Stream(FollowedFile opened) : file(std::move(opened)) {}
    std::string key;   // Position::stream
    std::string path;  // where it was last seen; changed by note_path() alone
    std::string home;  // by which name it was first seen, perhaps by a link: its successor is there
    FollowedFile file;
    bool named = true;          // a path leads to it
    bool existed = false;       // at the first discovery, so `start` applies to it
    bool began = false;         // it has been placed once, so a rewind knows where to
    bool sibling = false;       // held open until positions tell whether it is to be read
    bool waiting = false;       // closed, and to be opened when a descriptor is free
    bool undecided = false;     // whether a stored position is its own could not be found out
    std::string copy_of;        // key of the stream whose bytes it holds; it is not read then
    bool copy_by_name = false;  // gzip is at it, by its name: its contents are not known yet
    int64_t copy_size = 0;      // bytes: of it, when it was found to be one
    int copy_tries = 0;         // looks for the copy of what was truncated
    bool hot = false;           // when the watches were last set
    bool event = false;         // the kernel hinted at it
    bool located = false;       // in the look under way: its path still leads to it
    std::string candidate;      // in the look under way: another path that leads to it
    bool dirty = false;         // collect() has news of it
    uint64_t first_size = 0;    // bytes, at the first discovery
    std::optional<Position> first = {};  // what it was then, if it was truncated since
    int64_t met_wall_ms = 0;
    int64_t sequence = 0;    // older files have smaller ones
    int64_t changed_ms = 0;  // when it last grew
    int64_t opened_ms = 0;
    uint64_t looked_step = 0;
    uint64_t asked_to = 0;       // bytes: what stood there when look_now() was asked for
    int64_t intact_wall_ms = 0;  // when its contents were last seen to go on; 0: never
    int64_t unnamed_ms = 0;      // when it was first seen to have no path
    bool has_new_key = false;    // since the store went back
    int64_t superseded_ms = -1;  // when its successor was first seen with data; -1: not yet
    std::string said;            // trouble that was logged
    std::string reader;          // the agent that has read it before we could begin
  };
  /// A stored position whose file is not found yet.
  struct Waiting {
    Position position;
    LossReason loss;       // if the file is gone
    int64_t sequence = 0;  // if it was rotated
    int incomplete_tries = 0;
    int copy_tries = 0;
    bool said = false;
    bool undecided = false;  // the file may be where nothing could be looked at
    bool crowded = false;    // it may be one that waits for a descriptor
    bool unstored = false;   // the store went back: stored positions may be of the same file
    bool settled = false;
    bool of_path = true;           // false: it may be of another path than the input has now
    int64_t absent_since_ms = -1;  // when its directory was first found missing
  };

  /// A file that left its home: what was born after it and has left since is found behind it.
  struct Chain {
    std::string home;
    std::string log;          // where that led to: what rotation made of it is there
    std::string path;         // where the file is now
    int64_t birth_ns = 0;     // 0: unknown
    int64_t modified_ns = 0;  // if it is gone: when it was last looked at; 0: unknown
    int64_t sequence = 0;
    int tries = 0;
    int looks = 0;
    int64_t looked_ns = 0;     // what was written before was here then; 0: unknown
    bool of_new_logs = false;  // `log` is the pattern; known logs have chains of their own
    bool followed = false;     // all that there is is found
    std::string key = {};      // of the file, if it is followed
    std::string anchor = {};   // key of the row that leads to it after a kill; empty: none yet
    std::optional<Waiting> vanished = {};  // counted as lost unless what is found begins like it
  };

  /// What was in the file at `path`, which has that key, before it was truncated or removed.
  struct CopySearch {
    std::string path;
    std::string log;  // copies are beside it
    std::string key;
    Position before;
    int64_t since_ns = 0;   // what was copied from it was written then or later
    uint64_t size_min = 0;  // bytes: more than was counted, if more was seen
    bool unstored = false;  // stored positions come first
    bool last_try = false;
    bool undecided = false;  // something could not be looked at
  };
  enum class Evidence {
    kNone,
    kBeginning,  // it ends before the position, and is alike up to there
    kPosition,   // its first bytes and those before the position are alike
  };
  struct MaybeCopy {
    FoundFile found;
    Stream* stream = nullptr;                // null: nobody follows it
    std::optional<FollowedFile> probe = {};  // then
    bool reopened = false;                   // it waits for a descriptor
    bool unknown = false;                    // it cannot be opened now

    FollowedFile& file() { return stream ? stream->file : *probe; }
  };

  static InputSettings with_usual_path(InputSettings settings);

  void directory_changed(const std::string& directory, const std::string& name) override;
  void events_dropped() override;

  // file_source_look.cc: what the disk says.
  void look_at_all(Now now);
  void look_at_hot(Now now);
  void look_at_events(Now now);
  void look_at(Stream& stream, bool thorough, Now now);
  void meet(const FoundFile& found, Now now);
  bool check_closed(Stream& stream, const FoundFile& found, Now now);
  bool reopen(Stream& stream, const std::string& path, Now now);
  void locate(Stream& stream, Now now);
  Stream& welcome(const std::string& path, std::unique_ptr<File> file, const FileStat& stat,
                  Now now);
  void note_place(Stream& stream, const std::string& path);
  void note_names(const Discovered& discovered);
  bool came_back(const FoundFile& found, Now now);
  void note_successors(Now now);
  void let_go(Stream& stream, Now now);
  void update_watches(Now now);

  // file_source_trouble.cc: what cannot be found, listed or opened.
  void cannot_open(const FoundFile& found, std::string state);
  void note_early_trouble(Stream& stream);
  void note_troubles(std::vector<PathTrouble> troubles, Now now);
  bool may_hide_news(Now now) const;

  // file_source_restore.cc: where reading begins.
  void keep_unfound(std::vector<Waiting> unfound);
  void settle(Now now);
  void settle_waiting(Now now);
  bool may_be_stored(const Waiting& unstored);
  bool find_file(Waiting& waiting, Now now);
  bool find_copy_or_give_up(Waiting& waiting, Now now);
  std::string likely_path_of(const Position& stored);
  std::string home_or_former_of(const std::string& path);
  void count_vanished(const Waiting& waiting);
  Stream* find_held(const Position& stored, bool& undecided);
  bool has_left(const std::string& home, const std::string& path);
  Stream* find_sibling(Waiting& waiting, Now now);
  Stream* find_on_other_device(const Position& stored, bool& undecided);
  void forget_unstored(const Stream& stream);
  bool adopt(Stream& stream, const Waiting& waiting, Now now);
  uint64_t bytes_before_start(Stream& stream);
  void place(Stream& stream, Now now);
  void return_closed(Now now);
  void store_closed(Now now);
  bool is_given_up(const Waiting& waiting, Now now) const;

  // file_source_foreign.cc: files that another agent has read.
  void note_foreign(const StoredInput& stored);
  void look_for_readers();
  void say_readers();

  // file_source_siblings.cc: rotated files that no glob names.
  void hold_siblings(Now now);
  void drop_siblings(Now now);
  bool waits_for_chain(const Stream& stream) const;
  void follow_chains(Now now);
  void add_packed_logs(const std::string& log, Listing& listing);
  void add_left_log(const Chain& chain, Listing& listing);
  bool follow_chain(Chain& chain, Now now);
  void finish_chains();
  bool is_newer(const FoundFile& found, const Chain& chain) const;
  Result<bool> is_found_rotated(const Position& vanished, const std::string& log);
  Result<bool> only_begins_like(Stream& n, Stream& other);
  bool follow_link(const FoundFile& found, const Chain& chain, int64_t sequence, Now now);

  // file_source_chains.cc: where chains of them begin.
  void start_chain(const Stream& stream, int64_t seen_wall_ms = INT64_MAX);
  std::string log_of(const std::string& home, const std::string& path);
  void start_chain_before(const std::string& home, const Stream* appeared);
  void start_chain_from_nothing(const std::string& home, const std::string& log, int64_t sequence,
                                int64_t looked_wall_ms);
  void start_chains_without_log(int64_t looked_wall_ms);
  bool has_log(const std::string& path);
  Stream* newest_of(const std::string& path,
                    const std::function<bool(const Stream&)>& fits = nullptr);
  void start_chains_at_swap(const std::string& home);
  void look_behind(const Waiting& waiting);
  bool exists(const std::string& directory);
  void start_chain_since(Stream& stream);
  bool has_news(const std::string& directory, int64_t since_ns);
  void start_chain_behind_link(const std::string& home, const std::string& log,
                               const Waiting& waiting);
  void start_chain_since(const std::string& home, const std::string& log, int64_t birth_ns,
                         int64_t since_ns, int64_t sequence);
  void expect_copy_of(const Stream& stream, Position before);

  // file_source_copies.cc: what copytruncate and gzip make of a file.
  enum class Search { kFound, kNone, kUndecided };
  Result<Evidence> find_evidence(FollowedFile& file, const Position& before) const;
  Result<bool> holds_copy(FollowedFile& file, const Position& before) const;
  Search take_copy(Stream& n, Stream& s, const Position& before, Now now);
  Search find_copy(Stream& s, const Position& before, uint64_t& lost, Now now);
  Stream* find_copy_of(CopySearch& search, Now now);
  std::vector<MaybeCopy> list_maybe_copies(CopySearch& search);
  bool is_of_another(const FoundFile& found, const CopySearch& search);
  Stream* find_copy_among(std::vector<MaybeCopy> family, CopySearch& search, Now now);
  MaybeCopy* find_longest_copy(std::vector<MaybeCopy>& family, MaybeCopy* copy,
                               const CopySearch& search, bool& blocked, Now now);
  bool open_maybe_copy(MaybeCopy& maybe, Now now);
  void close_maybe_copy(MaybeCopy& maybe);
  Result<bool> is_likelier_of_another(FollowedFile& file, const CopySearch& search);
  bool is_held_copy(Stream& n, Now now);
  Result<bool> is_copy_of(Stream& n, Stream& s);
  Result<bool> is_old_copy_of(Stream& n, Stream& s);
  Result<bool> begins_as(Stream& n, Stream& s);
  void hand_over(Stream& s, Now now);
  bool go_on_as_packed(Stream& s);
  bool waits_for_copy(Stream& s, Position before, uint64_t& lost, Now now);

  Stream& add(const std::string& path, std::unique_ptr<File> file, const FileStat& stat, Now now);
  // file_source_hold.cc: what is kept though no name leads to it.
  void keep_to_budget(Now now);
  void drop_held(Stream& s, std::string_view why, Now now);
  void note_if_dropped(Waiting& waiting);
  void note_dropped_behind(const Chain& chain);
  void forget_dropped_copy(const Position& counted);
  bool may_be_copy(const DroppedFile& dropped);
  void count_dropped();
  void count_dropped_siblings();

  // file_source_descriptors.cc: more files than descriptors.
  Result<std::unique_ptr<File>> open(const std::string& path);
  Result<std::unique_ptr<File>> open_to_look(const std::string& path);
  Result<FollowedFile> look_into(const std::string& path);
  Result<FollowedFile*> look_into(Stream& s, std::optional<FollowedFile>& closed);
  void wait_for_turn(Stream& s);
  void place_crowded(Now now);
  bool has_descriptor(const std::string& path);
  void make_room(Now now);
  bool may_close(const Stream& s) const;
  bool may_drop(const Stream& s) const;
  Position position_after_going_back(const Stream& s) const;
  // Of a file without a position. A store that knows the input but not the file has none of its
  // lines.
  bool reads_from_first_byte() const { return known_ || start_ == Start::kBegin; }
  void look_for_closed(Stream& stream, Now now);

  // file_source_left.cc: what the path named before it was changed.
  bool part_with_other_paths(Now now);
  bool is_of_path(const Position& stored);
  void leave(Position position, Now now);
  void say_left(const Position& position);
  bool take_left_back();
  void prune_left(Now now);
  void tell(Position position);

  // file_source_rows.cc: which rows the store keeps of this input.
  void anchor_chains(std::vector<Position>& out);
  void forget_anchor(const Chain& chain);
  void note_stored_chains();
  void prune_rotated(Now now);
  bool has_older_row(const Stream& stream);

  /// `gone`: its file is no more, so the store forgets it too.
  void forget(Stream& stream, bool gone, Now now);
  Position position_of(const Stream& stream) const;
  Waiting* waiting_of(const std::string& key);
  Stream* stream_of(const FileStat& stat);
  std::vector<Stream*> streams_of_inode(uint64_t inode);
  std::vector<Stream*> family_of(const std::string& path);
  std::string family_name_of(const std::string& path) const {
    return log_family(settings_.path, path);
  }
  bool same_family(const std::string& a, const std::string& b) const {
    return family_name_of(a) == family_name_of(b);
  }
  void note_path(Stream& stream, const std::string& path);
  void note_packed(Stream& stream, const FoundFile& packed);
  void say_trouble(Stream& stream);
  void lose(LossReason reason, uint64_t bytes, const std::string& path, std::string_view why);
  std::string mint_key(const std::string& path, const FileStat& stat, Now now);
  std::string home_of(const std::string& path) const { return names_.home_of(path); }
  bool in_glob(const Stream& s) const { return names_.names(s.path); }
  bool is_packed_log(const std::string& path) const {
    return is_gzip_name(path) && names_.names(without_gzip_suffix(path));
  }
  // Whether rotation made `path` of `log`, which may be the pattern.
  bool is_rotation(const std::string& path, const std::string& log) const {
    return names_.is_pattern(log) ? is_rotation_of_any(log, path) : is_rotation_of(log, path);
  }
  bool is_in_any_directory(const std::string& log) const {
    return names_.is_pattern(log) && has_wildcards(directory_of(log));
  }
  bool is_at_home(const Stream& s) const { return names_.leads_to(s.home, s.path) && in_glob(s); }
  // Whether the proxy writes to it, also where a link has led before.
  bool is_log(const Stream& s) { return log_of(s.home, s.path) == s.path; }
  bool is_rotated(const Stream& s) const { return !s.named || !is_at_home(s); }
  void note_what_stands();
  int64_t poll_every_ms() const;
  bool is_hot(const Stream& s, Now now) const;
  size_t count_hot(Now now) const;
  bool came_after(const Stream& newer, const Stream& older) const;
  bool waits_for_older(const Stream& stream) const;
  std::string state_of(const Stream& stream) const;
  uint64_t unsettled_bytes(const Stream& stream) const;

  InputSettings settings_;
  Start start_;
  FileSourceOptions options_;
  FileSystem& files_;
  Log& log_;
  DirectoryWatches watches_;
  std::shared_ptr<DescriptorBudget::Share> share_;    // null: without a limit
  std::unordered_map<std::string, uint64_t> waits_;   // paths refused since the look began
  std::unordered_map<std::string, uint64_t> waited_;  // in the look before, with their tickets
  uint64_t tickets_ = 0;
  uint64_t served_to_ = UINT64_MAX;  // who waited and has a later ticket goes on waiting

  // By Chunk::stream; a place is used again when its stream is forgotten.
  std::vector<std::unique_ptr<Stream>> streams_;
  // A descriptor pins its inode, so the number of a stream never changes; its device may.
  std::multimap<uint64_t, Stream*> by_inode_;
  std::multimap<std::string, Stream*> by_family_;  // by the family of its path
  Listings listings_;                              // of the look under way
  LogNames names_;
  LogNames former_names_;         // before the look under way
  std::vector<Stream*> rotated_;  // open ones that may still hold data to be read first
  std::vector<Waiting> waiting_;
  std::vector<Chain> chains_;
  ForeignFiles foreign_;           // none once the input is known
  std::set<std::string> readers_;  // agents that have read files of the input
  std::set<std::string> said_readers_;
  std::vector<DroppedFile> dropped_;
  std::set<std::string> stored_families_;  // of the positions, until reading begins
  StoredRows rows_;
  uint64_t held_bytes_ = 0;     // our part of the hold budget
  std::vector<Position> gone_;  // for collect(); also what waits for its file, to be stored anew
  std::vector<Position> left_;  // of files that the path does not name any more
  int64_t left_wall_ms_ = 0;    // when the last of them was left, or restored
  LedgerCounts losses_;
  std::vector<PathTrouble> troubles_;
  std::set<std::string> said_troubles_;
  std::map<std::string, int64_t> unreadable_since_;  // mono_ms, by path
  // Paths in trouble at the first discovery: they count as files that existed. Inode 0: unknown.
  std::map<std::string, FileStat> early_troubles_;
  std::vector<PathTrouble> look_troubles_;  // of the look under way
  std::vector<FoundFile> crowded_;          // in the look under way: found, without a descriptor

  bool discovered_ = false;  // the first look is done
  bool restored_ = false;
  bool known_ = false;        // the input has stored positions
  bool links_known_ = false;  // which of its paths are links
  bool begun_ = false;
  bool paths_due_ = false;             // what is of the path has to be found out again
  int64_t complete_look_wall_ms_ = 0;  // what was there then has a position
  bool went_back_ = false;  // restored more than once: what is missing now, the store lost
  bool look_due_ = true;
  bool event_ = false;   // something changed that is not a known file
  bool events_ = false;  // some stream has `event`
  bool asked_ = false;   // by look_now(); the look is still to come
  int64_t next_poll_ms_ = 0;
  int64_t next_hot_ms_ = kNever;
  int64_t last_look_ms_ = 0;
  int64_t looked_wall_ms_ = 0;  // everything older is followed, or not ours
  int64_t looked_before_wall_ms_ = 0;
  int64_t names_wall_ms_ = 0;  // when it was last known where all names lead
  int64_t newest_sequence_ = 0;
  int64_t oldest_sequence_ = 0;
  uint64_t minted_ = 0;
  uint64_t steps_ = 0;
  size_t hot_watched_ = 0;  // hot streams when the watches were last set
  size_t turn_ = 0;         // which stream reads next
};

}  // namespace lastseen
