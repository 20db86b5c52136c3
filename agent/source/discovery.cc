#include "source/discovery.h"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/gzip.h"
#include "source/file_identity.h"

namespace lastseen {

namespace {

// The longest leading part of a pattern's directory that has no wildcards.
std::string plain_directory_of(const std::string& pattern) {
  std::string directory = directory_of(pattern);
  while (has_wildcards(directory)) directory = directory_of(directory);
  return directory;
}

// `path` could not be asked, so `asked` could not.
PathTrouble trouble_of(const Status& status, const std::string& path, const std::string& asked) {
  if (status.code() == StatusCode::kNotFound) return {asked, "missing"};
  return {asked, std::string(kUnreadable) + reason_in(status.message(), path), true};
}

// Why a pattern matches nothing.
PathTrouble explain_empty(FileSystem& files, const std::string& pattern) {
  std::string directory = plain_directory_of(pattern);
  Result<FileStat> there = files.stat(directory);
  if (there.status().code() == StatusCode::kNotFound)
    return {pattern, "missing: no directory " + directory};
  if (!there) return trouble_of(there.status(), directory, pattern);
  if (has_wildcards(pattern)) {
    // A directory that may be entered but not listed gives a glob nothing, without an error.
    Result<std::vector<std::string>> names = files.list(directory);
    if (!names) return trouble_of(names.status(), directory, pattern);
    return {pattern, "missing"};
  }
  Result<FileStat> file = files.stat(pattern);
  if (!file) return trouble_of(file.status(), pattern, pattern);
  return {pattern, file->is_directory ? "unreadable: it is a directory" : "missing"};
}

// What is renamed while a directory is listed and its files are asked may be seen under neither
// name. So many times it is begun anew.
constexpr int kListingTriesMax = 3;

// True: one of the names led nowhere.
bool ask_about(FileSystem& files, const std::string& directory,
               const std::vector<std::string>& names, Listing& listing) {
  bool vanished = false;
  const std::string prefix = directory == "/" ? directory : directory + "/";
  for (const std::string& name : names) {
    std::string path = prefix + name;
    Result<FileStat> stat = files.stat(path);
    if (stat.status().code() == StatusCode::kNotFound)
      vanished = true;
    else if (!stat)
      listing.complete = false;
    else if (stat->is_regular)
      listing.files.push_back({std::move(path), *stat});
  }
  return vanished;
}

Listing list_directory(FileSystem& files, const std::string& directory) {
  Listing listing;
  Result<std::vector<std::string>> names = files.list(directory);
  for (int tries = 1; names; ++tries) {
    listing = Listing();
    const bool vanished = ask_about(files, directory, *names, listing);
    Result<std::vector<std::string>> after = files.list(directory);
    const bool changed = !after || *after != *names;
    // A link that leads nowhere leads there the second time, too.
    if (!changed && (!vanished || tries > 1)) return listing;
    if (tries == kListingTriesMax) {
      listing.complete = false;
      return listing;
    }
    names = std::move(after);
  }
  listing.status = names.status();
  return listing;
}

// Where directories lead, each asked once: thousands of logs lie in one as easily as one.
class RealDirectories {
 public:
  RealDirectories(FileSystem& files, Discovered& out) : files_(files), out_(out) {}

  const Result<std::string>& of(const std::string& directory) {
    auto known = known_.find(directory);
    if (known != known_.end()) return known->second;
    known = known_.emplace(directory, files_.real_directory(directory)).first;
    if (!known->second)
      out_.all_links = false;
    else if (*known->second != directory)
      out_.directories.push_back({directory, *known->second});
    return known->second;
  }

  // Notes if the path itself is a link.
  Result<std::string> target_of(const std::string& path) {
    const Result<std::string>& directory = of(directory_of(path));
    if (!directory) return directory.status();
    std::string real = *directory == directory_of(path)
                           ? path
                           : (*directory == "/" ? "" : *directory) + "/" + name_in_directory(path);
    Result<std::string> target = files_.target(real);
    if (!target)
      out_.all_links = false;
    else if (*target != real)
      out_.links.push_back({path, *target});
    return target;
  }

 private:
  FileSystem& files_;
  Discovered& out_;
  std::map<std::string, Result<std::string>> known_;
};

}  // namespace

// One that names a single file is asked about it, and says why it is not there.
Result<std::vector<std::string>> paths_of(FileSystem& files, const std::string& pattern) {
  if (has_wildcards(pattern) || pattern.find('\\') != std::string::npos) return files.glob(pattern);
  return std::vector<std::string>{pattern};
}

Discovered discover(FileSystem& files, const std::string& pattern) {
  Discovered discovered;
  RealDirectories real(files, discovered);
  // Also those in which there is nothing now: between rename and create there is not.
  const Result<std::vector<std::string>> directories = paths_of(files, directory_of(pattern));
  const Result<std::vector<std::string>> paths = paths_of(files, pattern);
  for (const auto* failed : {&directories, &paths})
    if (!*failed) {
      discovered.troubles.push_back(trouble_of(failed->status(), pattern, pattern));
      discovered.all_links = false;
      return discovered;
    }
  for (const std::string& directory : *directories) real.of(directory);
  for (const std::string& found : *paths) {
    const Result<std::string> target = real.target_of(found);
    const std::string& path = target ? *target : found;
    const Result<FileStat> stat = target ? files.stat(path) : Result<FileStat>(target.status());
    if (!stat) {
      if (stat.status().code() != StatusCode::kNotFound)  // else it vanished just now
        discovered.troubles.push_back(trouble_of(stat.status(), path, path));
    } else if (stat->is_regular) {
      discovered.files.push_back({path, *stat});
    } else if (!stat->is_directory) {
      discovered.troubles.push_back({path, "unreadable: not a regular file"});
    }
  }
  if (discovered.files.empty() && discovered.troubles.empty())
    discovered.troubles.push_back(explain_empty(files, pattern));
  return discovered;
}

Listings::Directory& Listings::directory(const std::string& path) {
  auto [found, fresh] = directories_.try_emplace(path);
  Directory& directory = found->second;
  if (!fresh) return directory;
  directory.listing = list_directory(files_, path);
  for (size_t i = 0; i < directory.listing.files.size(); ++i)
    directory.families.emplace(log_family(pattern_, directory.listing.files[i].path), i);
  return directory;
}

const Listing& Listings::of(const std::string& directory_path) {
  return directory(directory_path).listing;
}

void Listings::add_family(const Directory& from, const std::string& base, Listing& out) const {
  std::vector<size_t> places;
  auto [begin, end] = from.families.equal_range(base);
  for (auto i = begin; i != end; ++i) places.push_back(i->second);
  std::sort(places.begin(), places.end());  // by name, as they were listed
  for (size_t place : places) out.files.push_back(from.listing.files[place]);
}

Listing Listings::family_of(const std::string& path) {
  const Directory& from = directory(directory_of(path));
  Listing family{from.listing.status, from.listing.complete, {}};
  add_family(from, log_family(pattern_, path), family);
  return family;
}

Listing Listings::rotations_of(const std::string& log) {
  const Directory& from = directory(directory_of(log));
  Listing rotations{from.listing.status, from.listing.complete, {}};
  add_family(from, log_family(pattern_, log), rotations);
  std::erase_if(rotations.files,
                [&](const FoundFile& file) { return !is_rotation_of(log, file.path); });
  drop_packed_twice(rotations.files);
  return rotations;
}

Listing Listings::rotations_of_any(const std::string& pattern) {
  Listing rotations = of(directory_of(pattern));
  std::erase_if(rotations.files,
                [&](const FoundFile& file) { return !is_rotation_of_any(pattern, file.path); });
  drop_packed_twice(rotations.files);
  return rotations;
}

bool is_rotation_of(const std::string& log, const std::string& path) {
  return is_rotated_name(log, without_gzip_suffix(path));
}

bool is_rotation_of_any(const std::string& pattern, const std::string& path) {
  if (!has_wildcards(pattern)) return is_rotation_of(pattern, path);
  const std::string plain = without_gzip_suffix(path);
  const std::string base = rotation_base(path);
  return (base != plain && matches_glob(pattern, base)) ||
         (path != plain && matches_glob(pattern, plain));
}

void drop_packed_twice(std::vector<FoundFile>& files) {
  std::map<std::string, FileStat> plain;
  for (const FoundFile& file : files)
    if (!is_gzip_name(file.path)) plain.emplace(file.path, file.stat);
  std::erase_if(files, [&](const FoundFile& file) {
    const auto from =
        is_gzip_name(file.path) ? plain.find(without_gzip_suffix(file.path)) : plain.end();
    return from != plain.end() && may_be_packed_of(file.stat, from->second);
  });
}

bool matches_glob(const std::string& pattern, const std::string& path) {
  return fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
}

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool ends_with_year(std::string_view text) {
  constexpr size_t kYearDigits = 4;
  if (text.ends_with('-')) text.remove_suffix(1);
  if (text.size() < kYearDigits) return false;
  text.remove_prefix(text.size() - kYearDigits);
  return (text.starts_with("19") || text.starts_with("20")) &&
         std::all_of(text.begin(), text.end(), is_digit);
}

// Of what rotation adds to names: numbers, dates and times, and the week of a year (2026-W48).
bool is_mark_char(std::string_view text, size_t at) {
  if (std::string_view("0123456789.-_:T").find(text[at]) != std::string_view::npos) return true;
  return (text[at] == 'w' || text[at] == 'W') && at + 1 < text.size() && is_digit(text[at + 1]) &&
         ends_with_year(text.substr(0, at));
}

// Where the characters of marks begin that `text` ends with.
size_t begin_of_mark_chars(std::string_view text) {
  size_t begin = text.size();
  while (begin > 0 && is_mark_char(text, begin - 1)) --begin;
  return begin;
}

// Without what may stand behind a date: its zone or, of Caddy since 2.11, why it was rotated.
std::string_view without_word(std::string_view text) {
  constexpr ptrdiff_t kDateDigits = 8;
  for (const std::string_view word : {"Z", "-size", "-time"}) {
    if (!text.ends_with(word)) continue;
    const std::string_view before = text.substr(0, text.size() - word.size());
    const std::string_view mark = before.substr(begin_of_mark_chars(before));
    if (std::count_if(mark.begin(), mark.end(), is_digit) >= kDateDigits) return before;
  }
  return text;
}

// What rotation added to the name of `home`: ".1", "-20261122"; empty if `path` is no such name.
std::string rotation_mark(const std::string& home, const std::string& path) {
  if (directory_of(home) != directory_of(path)) return "";
  const std::string name = name_in_directory(path);
  const std::string base = name_in_directory(home);
  auto between = [&](std::string_view before, std::string_view after) -> std::string {
    if (name.size() < before.size() + after.size() + 2) return "";
    if (!name.starts_with(before) || !name.ends_with(after)) return "";
    std::string_view mark = std::string_view(name).substr(before.size());
    mark.remove_suffix(after.size());
    const bool marks = std::string_view(".-_").find(mark[0]) != std::string_view::npos &&
                       mark.find_first_of("0123456789") != std::string_view::npos &&
                       begin_of_mark_chars(without_word(mark)) == 0;
    return std::string(marks ? mark : "");
  };
  std::string behind = between(base, "");
  const size_t dot = base.rfind('.');
  if (!behind.empty() || dot == std::string::npos || dot == 0) return behind;
  return between(base.substr(0, dot), base.substr(dot));
}

// N of ".N", which logrotate counts up with each rotation; null: the mark is not of that form.
std::optional<int> number_of(const std::string& mark) {
  constexpr size_t kDigitsMax = 5;  // more are a date
  if (mark.size() < 2 || mark.size() > 1 + kDigitsMax || mark[0] != '.') return std::nullopt;
  if (mark.find_first_not_of("0123456789", 1) != std::string::npos) return std::nullopt;
  return std::stoi(mark.substr(1));
}

// The digits of a mark that begins with year and month, so that later ones are greater.
std::string date_of(std::string mark) {
  constexpr size_t kDayDigits = 8;
  std::erase_if(mark, [](char c) { return c < '0' || c > '9'; });
  if (mark.size() < kDayDigits) return "";
  const std::string month = mark.substr(4, 2);
  return mark >= "1970" && month >= "01" && month <= "12" ? mark : "";
}

// Whether it is the number of a worker or a port rather than of a rotation, which would be dated
// or, where the log that is rotated is `known`, counted behind a dot from 0 or 1.
bool numbers_a_log(const std::string& mark, bool known) {
  constexpr size_t kDigitsMax = 5;
  constexpr int kRotationsMax = 999;
  if (const auto number = number_of(mark)) return !known || *number > kRotationsMax;
  return mark.size() <= 1 + kDigitsMax;
}

}  // namespace

bool is_rotated_name(const std::string& home, const std::string& path) {
  return !rotation_mark(home, path).empty();
}

int compare_rotations(const std::string& home, const std::string& a, const std::string& b) {
  const std::string mark_a = rotation_mark(home, without_gzip_suffix(a));
  const std::string mark_b = rotation_mark(home, without_gzip_suffix(b));
  const auto number_a = number_of(mark_a);
  const auto number_b = number_of(mark_b);
  if (number_a && number_b) return *number_b - *number_a;
  const std::string date_a = date_of(mark_a);
  const std::string date_b = date_of(mark_b);
  return date_a.size() == date_b.size() ? date_a.compare(date_b) : 0;
}

namespace {

// Where what rotation added behind `text` begins, such as ".1" or "-2026-11-22"; npos: there is
// none.
size_t begin_of_marks(const std::string& text) {
  size_t begin = text.find_first_of(".-_", begin_of_mark_chars(without_word(text)));
  if (begin == 0 || (begin != std::string::npos && text[begin - 1] == '/'))
    begin = text.find_first_of(".-_", begin + 1);  // a name is left
  if (begin == std::string::npos) return begin;
  return text.find_first_of("0123456789", begin) == std::string::npos ? std::string::npos : begin;
}

// Whether the mark there begins with the week of a year.
bool has_week_at(const std::string& text, size_t at) {
  const size_t week = text.find_first_of("wW", at);
  return week != std::string::npos && (week - at == 5 || week - at == 6) &&
         is_mark_char(text, week);
}

// Of more than one mark the last: a date, or a number.
size_t begin_of_last_mark(const std::string& text) {
  const size_t first = begin_of_marks(text);
  if (first == std::string::npos) return first;
  for (size_t at = first; at != std::string::npos; at = text.find_first_of(".-_", at + 1))
    if (!date_of(text.substr(at)).empty() || has_week_at(text, at)) return at;
  return text.find_last_of(".-_", text.find_last_of("0123456789"));
}

// Without what `begin` finds behind the name, or before its extension.
template <typename Begin>
std::string without_mark(const std::string& plain, Begin begin) {
  if (const size_t at = begin(plain); at != std::string::npos) return plain.substr(0, at);
  const size_t dot = plain.rfind('.');
  if (dot == std::string::npos || dot < plain.size() - name_in_directory(plain).size())
    return plain;
  const std::string stem = plain.substr(0, dot);
  const size_t at = begin(stem);
  return at == std::string::npos ? plain : stem.substr(0, at) + plain.substr(dot);
}

}  // namespace

std::string rotation_base(const std::string& path) {
  return without_mark(without_gzip_suffix(path), begin_of_marks);
}

std::string without_last_mark(const std::string& path) {
  return without_mark(without_gzip_suffix(path), begin_of_last_mark);
}

std::string log_family(const std::string& pattern, const std::string& path) {
  std::string plain = without_gzip_suffix(path);
  const std::string name = name_in_directory(pattern);
  if (!has_wildcards(name)) {
    std::string log = plain.substr(0, plain.size() - name_in_directory(plain).size()) + name;
    if (plain == log || is_rotated_name(log, plain)) return log;
    for (std::string base = rotation_base(plain); base != plain; base = rotation_base(plain))
      plain = std::move(base);
    return plain;
  }
  const auto named = [&](const std::string& log) {
    return matches_glob(name, name_in_directory(log));
  };
  while (true) {
    std::string base = without_last_mark(plain);
    if (base == plain) return plain;
    if (named(plain) && numbers_a_log(rotation_mark(base, plain), named(base))) return plain;
    plain = std::move(base);
  }
}

std::string with_single_slashes(std::string path) {
  const auto doubled = [](char a, char b) { return a == '/' && b == '/'; };
  path.erase(std::unique(path.begin(), path.end(), doubled), path.end());
  return path;
}

bool has_wildcards(const std::string& text) {
  return text.find_first_of("*?[") != std::string::npos;
}

std::string directory_of(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_in_directory(const std::string& path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string reason_in(const std::string& message, const std::string& path) {
  size_t place = message.find(path + ": ");
  return place == std::string::npos ? message : message.substr(place + path.size() + 2);
}

}  // namespace lastseen
