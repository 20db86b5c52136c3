#include "source/stored_rows.h"

#include <utility>

namespace lastseen {

bool StoredRows::is_anchor(const Position& row) {
  return row.stream.starts_with(kAnchorKey);
}

bool StoredRows::is_path(const Position& row) {
  return row.stream == kPathKey;
}

bool StoredRows::is_of_input(const Position& row) {
  return row.stream == kAnchorKey || is_path(row);
}

bool StoredRows::is_left(const Position& row) {
  return row.stream.starts_with(kLeftKey);
}

Position StoredRows::left_of(Position position) {
  position.stream.insert(0, kLeftKey);
  return position;
}

Position StoredRows::of_left(Position row) {
  row.stream.erase(0, std::string(kLeftKey).size());
  return row;
}

void StoredRows::note(const std::vector<Position>& stored, const std::string& path) {
  *this = StoredRows();
  const LogNames names(path);
  for (const Position& row : stored) {
    note(row, names);
    if (row.stream == kAnchorKey) anchor_ = row.path;
    if (is_path(row)) path_ = row.path;
  }
}

// Links may lead elsewhere when the row is read, so they do not count.
void StoredRows::note(const Position& row, const LogNames& names) {
  if (is_of_input(row) || is_left(row)) return;
  odd_.erase(row.stream);
  if (row.gone) {
    files_.erase(row.stream);
    return;
  }
  if (!is_anchor(row)) files_.insert(row.stream);
  if (!names.is_pattern(row.path) && names.home_of(row.path).empty()) odd_.insert(row.stream);
}

void StoredRows::complete(std::vector<Position>& out, const std::string& path, bool of_path,
                          int64_t looked_ms) {
  const LogNames names(path);
  for (const Position& row : out) note(row, names);
  add_anchor(out, path, looked_ms);
  if (of_path) add_path(out, path);
}

void StoredRows::add_anchor(std::vector<Position>& out, const std::string& path,
                            int64_t looked_ms) {
  const std::string wanted = files_.empty() ? path : "";
  if (wanted == anchor_) return;
  anchor_ = wanted;
  Position& anchor = out.emplace_back();
  anchor.stream = kAnchorKey;
  anchor.path = path;
  anchor.updated_ms = looked_ms;
  anchor.birth_ns = looked_ms * 1'000'000;
  anchor.gone = wanted.empty();
}

void StoredRows::add_path(std::vector<Position>& out, const std::string& path) {
  const std::string wanted = odd_.empty() ? "" : path;
  if (wanted == path_) return;
  path_ = wanted;
  Position& row = out.emplace_back();
  row.stream = kPathKey;
  row.path = path;
  row.gone = wanted.empty();
}

bool StoredRows::has(const std::string& key) const {
  if (key == kAnchorKey) return !anchor_.empty();
  if (key == kPathKey) return !path_.empty();
  return files_.count(key) > 0;
}

std::vector<std::string> StoredRows::keys() const {
  std::vector<std::string> keys(files_.begin(), files_.end());
  if (!anchor_.empty()) keys.emplace_back(kAnchorKey);
  if (!path_.empty()) keys.emplace_back(kPathKey);
  return keys;
}

}  // namespace lastseen
