#include "config/id_settings.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/regex.h"
#include "config/values.h"

namespace lastseen {
namespace {

constexpr Range kIdLength{1, 1000};
constexpr Range kNewPerSecond{0, 1'000'000};  // More than any store here takes.
constexpr Range kStatus{0, 999};      // 0: what Caddy and nginx log of a request without a response
constexpr size_t kPlacesMax = 8;      // As many as a line keeps values for.
constexpr size_t kNameBytesMax = 48;  // Of a header or cookie, so that its usual names fit into 64.
constexpr size_t kPathBytesMax = 256;

/// In the order of IdPlace::Kind.
constexpr std::array<std::string_view, 7> kKinds = {"body",   "field", "query", "header",
                                                    "cookie", "path",  "jwt"};

/// What is wrong with a path's pattern, or "".
std::string path_problem(std::string_view pattern) {
  constexpr std::string_view kId = "{id}";
  if (!pattern.starts_with('/')) return "a path begins with '/', as path./clients/{id}";
  int ids = 0;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const std::string_view segment = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(segment.size());
    const bool rest = segment == "\u2026" || segment == "...";
    if (segment == kId) {
      ++ids;
    } else if (segment.find_first_of("{}?#") != segment.npos) {
      return "between slashes stands {id}, *, or text";
    } else if (rest && !pattern.empty()) {
      return "only its end may be '" + std::string(segment) + "'";
    } else if (segment.empty()) {
      return "nothing stands between two slashes";
    }
  }
  return ids == 1 ? "" : "{id} must stand in it once";
}

/// KIND.NAME; reports what is wrong.
std::optional<IdPlace> read_place(Mapping& map, const PlacedText& item) {
  const auto problem = [&](const std::string& what) {
    map.error(item.place, "'from': " + quote(item.text) + ": " + what);
    return std::nullopt;
  };
  const size_t dot = std::min(item.text.find('.'), item.text.size());
  const std::string_view kind = std::string_view(item.text).substr(0, dot);
  const auto found = std::find(kKinds.begin(), kKinds.end(), kind);
  if (found == kKinds.end()) {
    return problem("it must be KIND.NAME with KIND one of " + joined(kKinds) +
                   suggestion(kind, kKinds));
  }
  IdPlace place;
  place.kind = static_cast<IdPlace::Kind>(found - kKinds.begin());
  place.name = item.text.substr(std::min(dot + 1, item.text.size()));
  if (place.name.empty()) {
    return problem("a name is missing, as in " + std::string(kind) +
                   (place.kind == IdPlace::Kind::kPath ? "./clients/{id}" : ".client_id"));
  }
  const bool path = place.kind == IdPlace::Kind::kPath;
  const size_t bytes_max = path ? kPathBytesMax : kNameBytesMax;
  if (place.name.size() > bytes_max) {
    return problem("the name is longer than " + std::to_string(bytes_max) + " bytes");
  }
  if (!path) return place;
  if (const std::string what = path_problem(place.name); !what.empty()) return problem(what);
  return place;
}

void read_from(Mapping& map, std::vector<IdPlace>& from) {
  const std::vector<PlacedText> items = map.texts("from");
  if (items.empty()) {
    if (map.has("from")) map.error("from", "'from' must name a place, such as query.client_id");
    return;
  }
  std::vector<IdPlace> places;
  for (const PlacedText& item : items) {
    const std::optional<IdPlace> place = read_place(map, item);
    if (!place) continue;
    if (std::find(places.begin(), places.end(), *place) != places.end()) {
      map.error(item.place, "'from' names " + quote(item.text) + " twice");
    }
    places.push_back(*place);
  }
  if (items.size() > kPlacesMax) {
    map.error("from", "'from' names " + std::to_string(items.size()) + " places; at most " +
                          std::to_string(kPlacesMax) + " are asked");
  }
  from = std::move(places);
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// `200`, `200-399`.
std::optional<StatusRange> read_range(std::string_view text) {
  const size_t dash = text.find('-');
  const Number first = read_integer(trim(text.substr(0, dash)));
  const Number last = dash == text.npos ? first : read_integer(trim(text.substr(dash + 1)));
  for (const Number& number : {first, last}) {
    if (number.error != NumberError::kNone) return std::nullopt;
    if (number.value < kStatus.min || number.value > kStatus.max) return std::nullopt;
  }
  if (first.value > last.value) return std::nullopt;
  return StatusRange{static_cast<int>(first.value), static_cast<int>(last.value)};
}

void read_status(Mapping& map, std::vector<StatusRange>& status) {
  std::string text;
  if (!map.text("status", text)) return;
  std::vector<StatusRange> ranges;
  for (std::string_view left = text; !trim(left).empty();) {
    const size_t comma = std::min(left.find(','), left.size());
    const std::optional<StatusRange> range = read_range(trim(left.substr(0, comma)));
    left.remove_prefix(std::min(comma + 1, left.size()));
    if (!range) {
      map.error("status", "'status' is " + quote(text) +
                              "; it must be statuses of responses, such as 200-399 or 200-299, "
                              "304; \"\" for all");
      return;
    }
    ranges.push_back(*range);
  }
  status = std::move(ranges);
}

void read_pattern(Mapping& map, std::string& pattern) {
  std::string text;
  if (!map.text("pattern", text)) return;
  if (const Result<Regex> regex = Regex::compile(text); !regex) {
    map.error("pattern", "'pattern' is no regular expression (RE2): " + regex.status().message());
    return;
  }
  pattern = std::move(text);
}

}  // namespace

std::string place_words(const IdPlace& place) {
  return std::string(kKinds.at(static_cast<size_t>(place.kind))) + "." + place.name;
}

void read_client_id(Mapping map, ClientIdSettings& client_id) {
  read_from(map, client_id.from);
  int64_t length_max = client_id.length_max;
  map.integer("length_max", kIdLength, length_max);
  client_id.length_max = static_cast<int>(length_max);
  read_pattern(map, client_id.pattern);
  read_status(map, client_id.status);
  map.integer("new_per_second_max", kNewPerSecond, client_id.new_per_second_max);
  map.choice<bool>("insert", {{"true", true}, {"false", false}}, client_id.insert);
  map.finish();
}

}  // namespace lastseen
