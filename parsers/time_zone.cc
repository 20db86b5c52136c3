#include "parsers/time_zone.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "parsers/timestamp.h"

namespace lastseen {

namespace {

constexpr const char* kZoneDirectory = "/usr/share/zoneinfo";
constexpr const char* kLocalZone = "/etc/localtime";
// The largest zone file of 2026 has 3.6 kB.
constexpr size_t kFileBytesMax = 64 * 1024;
// The rule at a file's end is written out until this year; logs are of today.
constexpr int kLastYear = 2100;
constexpr int64_t kDay = 86'400;

// Big-endian numbers, one after the other; `ok` turns false at the first that is not there.
struct Reader {
  std::string_view left;
  bool ok = true;

  std::string_view bytes(size_t count) {
    if (count > left.size()) ok = false;
    const std::string_view result = left.substr(0, ok ? count : 0);
    left.remove_prefix(result.size());
    return result;
  }
  int64_t number(size_t size) {
    uint64_t value = 0;
    const std::string_view text = bytes(size);
    if (text.size() != size) return 0;
    for (const char c : text) value = value << 8 | static_cast<unsigned char>(c);
    const uint64_t sign = uint64_t{1} << (size * 8 - 1);
    return static_cast<int64_t>((value ^ sign) - sign);
  }
};

struct Header {
  char version = 0;
  size_t ut = 0, standard = 0, leaps = 0, changes = 0, types = 0, letters = 0;

  size_t bytes_after(size_t time_bytes) const {
    return changes * (time_bytes + 1) + types * 6 + letters + leaps * (time_bytes + 4) + standard +
           ut;
  }
};

bool read_header(Reader& in, Header* header) {
  if (in.bytes(4) != "TZif") return false;
  const std::string_view version = in.bytes(1);
  if (!in.ok) return false;
  header->version = version[0];
  in.bytes(15);
  for (size_t* count : {&header->ut, &header->standard, &header->leaps, &header->changes,
                        &header->types, &header->letters})
    *count = static_cast<size_t>(in.number(4) & 0xFFFF'FFFF);
  return in.ok && header->bytes_after(8) <= kFileBytesMax;
}

// ---- the rule at the end of a file: STD4DST3,M9.1.6/24,M4.1.6/24 (POSIX, environment variable TZ)

struct RuleReader {
  std::string_view left;
  bool ok = true;

  bool accept(char c) {
    if (left.empty() || left[0] != c) return false;
    left.remove_prefix(1);
    return true;
  }
  int64_t number() {
    int64_t value = 0;
    size_t digits = 0;
    while (digits < left.size() && left[digits] >= '0' && left[digits] <= '9' && digits < 4)
      value = value * 10 + (left[digits++] - '0');
    if (digits == 0) ok = false;
    left.remove_prefix(digits);
    return value;
  }
  void name() {
    if (accept('<')) {
      const size_t end = left.find('>');
      if (end == left.npos) {
        ok = false;
      } else {
        left.remove_prefix(end + 1);
      }
      return;
    }
    size_t size = 0;
    while (size < left.size() &&
           ((left[size] >= 'A' && left[size] <= 'Z') || (left[size] >= 'a' && left[size] <= 'z')))
      ++size;
    if (size < 3) ok = false;
    left.remove_prefix(size);
  }
  // [+-]h[h][:mm[:ss]] in seconds
  int64_t clock() {
    const bool negative = accept('-');
    if (!negative) accept('+');
    int64_t seconds = number() * 3600;
    if (accept(':')) seconds += number() * 60;
    if (accept(':')) seconds += number();
    return negative ? -seconds : seconds;
  }
};

struct RuleDay {
  char kind = 'M';  // M month.week.weekday; J 1 … 365 without 29 February; 0 0 … 365
  int64_t month = 0, week = 0, day = 0;
  int64_t clock_s = 2 * 3600;
};

RuleDay read_day(RuleReader& in) {
  RuleDay day;
  if (in.accept('M')) {
    day.month = in.number();
    in.ok = in.ok && in.accept('.');
    day.week = in.number();
    in.ok = in.ok && in.accept('.');
    day.day = in.number();
    in.ok = in.ok && day.month >= 1 && day.month <= 12 && day.week >= 1 && day.week <= 5 &&
            day.day <= 6;
  } else {
    day.kind = in.accept('J') ? 'J' : '0';
    day.day = in.number();
    in.ok = in.ok && day.day <= 365;
  }
  if (in.accept('/')) day.clock_s = in.clock();
  return day;
}

int64_t days_until(int year, int month, int day) {
  return *civil_to_ms({.year = year, .month = month, .day = day}, 0) / 1000 / kDay;
}

bool is_leap_year(int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

// Local seconds since 1970 at which the day of the rule begins to count.
int64_t local_s(const RuleDay& rule, int year) {
  int64_t day = 0;
  if (rule.kind == 'M') {
    const int month = static_cast<int>(rule.month);
    const int64_t first = days_until(year, month, 1);
    const int64_t next = month == 12 ? days_until(year + 1, 1, 1) : days_until(year, month + 1, 1);
    const int64_t weekday = (first + 4) % 7;  // 1970-01-01 was a Thursday
    day = first + (rule.day - weekday + 7) % 7 + (rule.week - 1) * 7;
    while (day >= next) day -= 7;
  } else {
    day = days_until(year, 1, 1) + rule.day;
    const bool before_march = rule.day < 60;
    if (rule.kind == 'J') day -= before_march || !is_leap_year(year) ? 1 : 0;
  }
  return day * kDay + rule.clock_s;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status::not_found(path);
  std::string bytes(kFileBytesMax + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  return bytes;
}

bool is_zone_name(std::string_view name) {
  return !name.empty() && name[0] != '/' && name.find("..") == name.npos &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '/' || c == '_' || c == '-' || c == '+';
         });
}

std::string path_of_local() {
  const char* variable = std::getenv("TZ");
  if (variable == nullptr || *variable == '\0') return kLocalZone;
  const std::string name = variable[0] == ':' ? variable + 1 : variable;
  return name[0] == '/' ? name : std::string(kZoneDirectory) + "/" + name;
}

}  // namespace

Result<TimeZone> TimeZone::load(const std::string& name) {
  if (name == "UTC") return TimeZone();
  const bool local = name == "local";
  if (!local && !is_zone_name(name))
    return Status::not_found("'" + name + "' is no time zone; write UTC, local or Area/City");
  const std::string path = local ? path_of_local() : std::string(kZoneDirectory) + "/" + name;
  const Result<std::string> file = read_file(path);
  // A machine that was never told where it is runs in UTC.
  if (!file && path == kLocalZone) return TimeZone();
  if (!file)
    return Status::not_found("there is no time zone '" + name + "' (" + path +
                             "); correct the name, or install the package tzdata");
  std::optional<TimeZone> zone = read(*file);
  if (!zone) return Status::fatal(path + " is not a time zone file");
  return std::move(*zone);
}

std::optional<TimeZone> TimeZone::read(std::string_view file) {
  if (file.size() > kFileBytesMax) return std::nullopt;
  Reader in{file};
  Header header;
  size_t time_bytes = 4;
  if (!read_header(in, &header)) return std::nullopt;
  if (header.version >= '2') {  // the same once more, with 64-bit times
    in.bytes(header.bytes_after(4));
    time_bytes = 8;
    if (!read_header(in, &header)) return std::nullopt;
  }
  if (header.types == 0) return std::nullopt;
  TimeZone zone;
  std::vector<int64_t> times;
  for (size_t i = 0; i < header.changes && in.ok; ++i) times.push_back(in.number(time_bytes));
  const std::string_view type_of = in.bytes(header.changes);
  std::vector<int64_t> offsets;
  for (size_t i = 0; i < header.types && in.ok; ++i) {
    offsets.push_back(in.number(4));
    in.bytes(2);
  }
  in.bytes(header.letters + header.leaps * (time_bytes + 4) + header.standard + header.ut);
  if (!in.ok || !std::is_sorted(times.begin(), times.end())) return std::nullopt;
  zone.first_offset_s_ = offsets[0];
  for (size_t i = 0; i < times.size(); ++i) {
    const auto type = static_cast<unsigned char>(type_of[i]);
    if (type >= offsets.size()) return std::nullopt;
    zone.changes_.push_back({times[i], offsets[type]});
  }
  if (time_bytes == 8 && in.left.size() > 2 && in.left[0] == '\n') {
    const std::string_view rule = in.left.substr(1, in.left.find('\n', 1) - 1);
    if (!zone.extend(rule)) return std::nullopt;
  }
  return zone;
}

// Appends the changes that the rule makes after the last one in the file.
bool TimeZone::extend(std::string_view rule) {
  RuleReader in{rule};
  in.name();
  const int64_t standard_s = -in.clock();  // POSIX counts west of Greenwich
  if (!in.ok) return false;
  if (in.left.empty()) {
    if (changes_.empty()) first_offset_s_ = standard_s;
    return true;
  }
  in.name();
  int64_t summer_s = standard_s + 3600;
  if (!in.left.empty() && in.left[0] != ',') summer_s = -in.clock();
  if (!in.accept(',')) return false;
  const RuleDay begins = read_day(in);
  if (!in.accept(',')) return false;
  const RuleDay ends = read_day(in);
  if (!in.ok || !in.left.empty()) return false;
  const int64_t after_s = changes_.empty() ? INT64_MIN : changes_.back().at_s;
  std::vector<Change> more;
  for (int year = 1970; year <= kLastYear; ++year) {
    more.push_back({local_s(begins, year) - standard_s, summer_s});
    more.push_back({local_s(ends, year) - summer_s, standard_s});
  }
  std::sort(more.begin(), more.end(),
            [](const Change& a, const Change& b) { return a.at_s < b.at_s; });
  std::copy_if(more.begin(), more.end(), std::back_inserter(changes_),
               [&](const Change& change) { return change.at_s > after_s; });
  return true;
}

int64_t TimeZone::offset_at(int64_t utc_s) const {
  const auto next =
      std::upper_bound(changes_.begin(), changes_.end(), utc_s,
                       [](int64_t time, const Change& change) { return time < change.at_s; });
  return next == changes_.begin() ? first_offset_s_ : std::prev(next)->offset_s;
}

// No place changes its clock twice in two days.
TimeZone::Utc TimeZone::to_utc(int64_t local_ms) const {
  if (changes_.empty()) return {local_ms - first_offset_s_ * 1000, 0};
  const int64_t local_s = local_ms / 1000;
  const int64_t before_s = offset_at(local_s - kDay);
  const int64_t after_s = offset_at(local_s + kDay);
  const bool with_before = offset_at(local_s - before_s) == before_s;
  const bool with_after = offset_at(local_s - after_s) == after_s;
  if (!with_after) return {local_ms - before_s * 1000, 0};  // before the change, or skipped by it
  const int64_t fold_s = with_before ? before_s - after_s : 0;
  return {local_ms - after_s * 1000, fold_s * 1000};
}

}  // namespace lastseen
