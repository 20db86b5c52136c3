#include "sim/proxy.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "fakes/gzip_bytes.h"
#include "source/file_identity.h"

namespace lastseen::sim {

namespace {

constexpr int kClients = 12;
constexpr int kFirstDay = 20261100;

void see(std::map<std::string, StoredClient>& clients, const Line& line) {
  StoredClient& client = clients[line.client];
  ++client.sightings;
  client.last_seen_ms = std::max(client.last_seen_ms, line.seen_at_ms);
}

}  // namespace

Proxy::Proxy(FakeFileSystem& disk, SimStore& store, Random& random, std::string input,
             const std::string& directory, bool header)
    : disk_(disk),
      store_(store),
      random_(random),
      input_(std::move(input)),
      stem_(directory + "/access"),
      log_(stem_ + ".log"),
      copies_(random.below(3) == 0),
      header_(header),
      names_by_(static_cast<Names>(random.below(4))) {
  disk_.make_directory(directory);
  open();
}

Proxy::File Proxy::begin_file(const std::string& path) {
  auto file = std::make_shared<Contents>();
  file->held = disk_.handle(path);
  file->inode = disk_.inode(path);
  file->birth_ns = disk_.birth_ns(path);
  file->positions_tell = disk_.has_birth_times || !disk_.reuse_inodes;
  return names_[path] = file;
}

void Proxy::open() {
  finish_line();
  reopen_due_ = false;
  if (!disk_.exists(log_)) {
    disk_.create(log_);
    begin_file(log_);
  }
  writer_ = disk_.writer(log_);
  writing_ = names_.at(log_);
  size_ = disk_.bytes(log_).size();
  sweep();
}

void Proxy::next_line() {
  clock_ms_ += static_cast<int64_t>(random_.below(50));
  // Some lines carry an older time: a slow request ends after a quick one that began later.
  line_ = Line();
  if (header_ && size_ == 0) {
    unwritten_ = "#Fields: " + std::string(200, 'x') + "\n";
    line_.bytes = unwritten_.size();
    ++headers_;
    header_bytes_ += line_.bytes;
    return;
  }
  line_.seen_at_ms = clock_ms_;
  if (random_.below(4) == 0) line_.seen_at_ms -= static_cast<int64_t>(random_.below(5000));
  const uint64_t kind = random_.below(20);
  if (kind == 2)
    line_.client = kRefusedClient;
  else if (kind > 2)
    line_.client = "client-" + std::to_string(random_.below(kClients));
  char seconds[40];
  std::snprintf(seconds, sizeof seconds, "%lld.%03lld", (long long)(line_.seen_at_ms / 1000),
                (long long)(line_.seen_at_ms % 1000));
  unwritten_ = std::string("{\"msec\":") + seconds + ",\"request_uri\":\"/items" +
               (line_.client.empty() ? "" : "?client_id=" + line_.client) + "\",\"ua\":\"" +
               std::string(random_.below(200), 'x') + "\",\"request_body\":\"\"}\n";
  line_.bytes = unwritten_.size();
}

void Proxy::write_piece() {
  for (uint64_t pieces = 1 + random_.below(6); pieces > 0; --pieces) {
    if (unwritten_.empty()) next_line();
    const size_t length =
        random_.below(3) == 0 ? 1 + random_.below(unwritten_.size()) : unwritten_.size();
    writer_->append(std::string_view(unwritten_).substr(0, length));
    unwritten_.erase(0, length);
    size_ += length;
    if (!unwritten_.empty()) continue;
    line_.end = size_;
    writing_->lines.push_back(line_);
    ++lines_;
    bytes_ += line_.bytes;
  }
}

void Proxy::finish_line() {
  while (!unwritten_.empty()) write_piece();
}

void Proxy::rename(const std::string& from, const std::string& to) {
  if (!disk_.exists(from)) return;
  if (disk_.exists(to)) unlink(to);
  disk_.rename(from, to);
  names_[to] = names_.at(from);
  names_.erase(from);
}

void Proxy::unlink(const std::string& path) {
  disk_.remove(path);
  unlinked_.push_back(names_.at(path));
  names_.erase(path);
  sweep();
}

std::string Proxy::rotated_name(int number) const {
  if (names_by_ == Names::kNumberedStem) return stem_ + "." + std::to_string(number) + ".log";
  return log_ + "." + std::to_string(number);
}

std::string Proxy::newest_rotated_name() const {
  if (names_by_ != Names::kDay) return rotated_name(1);
  return log_ + "-" + std::to_string(kFirstDay + rotations_);
}

// Makes room for a new first rotated file.
void Proxy::shift_chain() {
  ++rotations_;
  if (names_by_ == Names::kDay) return;
  for (int number = rotations_; number >= 1; --number)
    for (const char* packed : {"", ".gz"})
      rename(rotated_name(number) + packed, rotated_name(number + 1) + packed);
}

void Proxy::rename_rotate(bool create) {
  if (reopen_due_ || !disk_.exists(log_)) return;
  shift_chain();
  rename(log_, newest_rotated_name());
  reopen_due_ = true;
  if (!create) return;
  disk_.create(log_);
  begin_file(log_);
}

void Proxy::copy_truncate(bool lines_between) {
  if (reopen_due_ || !disk_.exists(log_)) return;
  finish_line();
  shift_chain();
  const std::string copy = newest_rotated_name();
  disk_.copy(log_, copy);
  File copied = begin_file(copy);
  copied->lines = writing_->lines;
  copied->saved = writing_->saved;
  copied->saved_at_mark = writing_->saved_at_mark;
  writing_->lines.clear();
  if (lines_between) {
    write_piece();
    finish_line();
  }
  truncate();
}

void Proxy::truncate() {
  if (reopen_due_ || !disk_.exists(log_)) return;
  finish_line();
  auto before = std::make_shared<Contents>();
  before->lines = std::move(writing_->lines);
  before->saved = writing_->saved;
  before->saved_at_mark = writing_->saved_at_mark;
  destroy(*before);
  destroyed_.push_back(std::move(before));
  disk_.truncate(log_);
  writing_->lines.clear();
  writing_->saved = writing_->saved_at_mark = 0;
  writing_->positions_tell = false;
  size_ = 0;
}

void Proxy::move_to(const std::string& directory, const std::string& link) {
  if (reopen_due_ || !disk_.exists(log_)) return;
  disk_.make_directory(directory);
  stem_ = directory + "/access";
  log_ = stem_ + ".log";
  disk_.symlink(link.ends_with(".log") ? log_ : directory, link);
  reopen_due_ = true;
}

bool Proxy::directory_is_known() const {
  return std::any_of(names_.begin(), names_.end(), [&](const auto& entry) {
    const auto& [path, file] = entry;
    return path.starts_with(stem_) && store_.knows_file(input_, file->inode, file->birth_ns);
  });
}

void Proxy::remove() {
  if (reopen_due_ || !disk_.exists(log_)) return;
  unlink(log_);
  reopen_due_ = true;
}

void Proxy::compress(bool known) {
  for (const auto& [path, file] : names_) {
    if (path == log_ || path.ends_with(".gz") || file == writing_) continue;
    if (known && !store_.knows_contents(input_, file->inode, file->birth_ns)) continue;
    const File packed = file;
    const std::string name = path;
    disk_.compress(name, gzip_bytes(disk_.bytes(name)));
    File now = begin_file(name + ".gz");
    now->lines = packed->lines;
    now->saved = packed->saved;
    now->saved_at_mark = packed->saved_at_mark;
    if (packed->positions_tell) now->was = {packed->inode, packed->birth_ns};
    names_.erase(name);
    return;
  }
}

size_t Proxy::rotated() const {
  return names_.size() - names_.count(log_);
}

void Proxy::drop_oldest() {
  const auto older = [&](const std::string& a, const std::string& b) {
    if (names_by_ == Names::kDay) return a < b;
    const size_t mark = (names_by_ == Names::kNumberedStem ? stem_ : log_).size() + 1;
    const auto number = [&](const std::string& path) { return std::stoi(path.substr(mark)); };
    return number(a) > number(b);
  };
  std::string oldest;
  for (const auto& [path, file] : names_) {
    if (path == log_ || file == writing_) continue;
    if (!path.starts_with(stem_)) return unlink(std::string(path));  // of an earlier directory
    if (oldest.empty() || older(path, oldest)) oldest = path;
  }
  if (!oldest.empty()) unlink(oldest);
}

bool Proxy::is_saved(const Contents& contents) const {
  return contents.lines.empty() || contents.lines.back().end <= contents.saved;
}

bool Proxy::log_is_saved() const {
  return unwritten_.empty() && is_saved(*writing_);
}

bool Proxy::rotated_are_saved() const {
  return std::all_of(names_.begin(), names_.end(), [&](const auto& entry) {
    return entry.first == log_ || is_saved(*entry.second);
  });
}

void Proxy::destroy(Contents& contents) {
  for (Line& line : contents.lines)
    if (line.end > contents.saved) line.at_risk = true;
}

void Proxy::sweep() {
  std::erase_if(unlinked_, [&](const File& file) {
    if (!file->held.expired()) return false;
    destroy(*file);
    destroyed_.push_back(file);
    return true;
  });
}

void Proxy::note_commit() {
  const auto note = [&](Contents& contents) {
    if (!contents.positions_tell) return;
    contents.saved =
        std::max(contents.saved, store_.position_of(input_, contents.inode, contents.birth_ns));
    if (contents.was.first != 0)
      contents.saved = std::max(
          contents.saved, store_.position_of(input_, contents.was.first, contents.was.second));
  };
  for (const auto& [path, file] : names_) note(*file);
  for (const File& file : unlinked_) note(*file);
}

void Proxy::mark() {
  for (const auto& [path, file] : names_) file->saved_at_mark = file->saved;
  for (const File& file : unlinked_) file->saved_at_mark = file->saved;
  for (const File& file : destroyed_) file->saved_at_mark = file->saved;
}

void Proxy::store_went_back() {
  went_back_ = true;
  sweep();
  for (const auto& [path, file] : names_) file->saved = file->saved_at_mark;
  for (const File& file : unlinked_) file->saved = file->saved_at_mark;
  for (const File& file : destroyed_) {
    file->saved = file->saved_at_mark;
    destroy(*file);
  }
}

uint64_t Proxy::lines_at_risk() const {
  uint64_t count = 0;
  for (const File& file : destroyed_)
    count += static_cast<uint64_t>(std::count_if(file->lines.begin(), file->lines.end(),
                                                 [](const Line& line) { return line.at_risk; }));
  return count;
}

uint64_t Proxy::bytes_at_risk() const {
  uint64_t bytes = 0;
  for (const File& file : destroyed_)
    for (const Line& line : file->lines) bytes += line.at_risk ? line.bytes : 0;
  return bytes;
}

void Proxy::print() const {
  const auto tell = [&](const std::string& path, const Contents& contents) {
    const auto at_risk = std::count_if(contents.lines.begin(), contents.lines.end(),
                                       [](const Line& line) { return line.at_risk; });
    std::printf("  %s %s: inode %llu, %zu lines to %llu, stored to %llu, %lld may be lost\n",
                input_.c_str(), path.c_str(), (unsigned long long)contents.inode,
                contents.lines.size(),
                (unsigned long long)(contents.lines.empty() ? 0 : contents.lines.back().end),
                (unsigned long long)contents.saved, (long long)at_risk);
  };
  for (const auto& [path, file] : names_) tell(path, *file);
  for (const File& file : unlinked_) tell("(held open)", *file);
  for (const File& file : destroyed_) tell("(destroyed)", *file);
}

void Proxy::add_truth(std::map<std::string, StoredClient>& sure,
                      std::map<std::string, StoredClient>& all) const {
  const auto add = [&](const Contents& contents) {
    for (const Line& line : contents.lines) {
      if (line.client.empty()) continue;
      see(all, line);
      if (!line.at_risk) see(sure, line);
    }
  };
  for (const auto& [path, file] : names_) add(*file);
  for (const File& file : unlinked_) add(*file);
  for (const File& file : destroyed_) add(*file);
}

}  // namespace lastseen::sim
