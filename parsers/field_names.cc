#include "parsers/field_names.h"

#include <algorithm>
#include <utility>

namespace lastseen {
namespace {

Status check_path(const std::string& option, std::string_view path, FieldNames::Shape shape) {
  if (path.empty()) return Status::ok();
  if (shape == FieldNames::Shape::kFlat) {
    if (path.size() <= FieldNames::kNameBytesMax) return Status::ok();
    return Status::fatal(option + ": `" + std::string(path) + "` is longer than 64 bytes");
  }
  size_t levels = 0;
  for (std::string_view left = path;; left.remove_prefix(left.find('.') + 1)) {
    const std::string_view name = left.substr(0, left.find('.'));
    if (name.empty() || name.size() > FieldNames::kNameBytesMax ||
        ++levels > FieldNames::kLevelsMax) {
      return Status::fatal(option + ": `" + std::string(path) +
                           "` is not a path of 1 to 3 names of 1 to 64 bytes, with dots between");
    }
    if (name.size() == left.size()) return Status::ok();
  }
}

bool is_letter(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z';
}

/// `x_client_id`, as nginx names the variables of headers; with '-': `x-client-id`.
std::string in_lower_case(std::string_view header, char separator) {
  std::string out;
  for (const char c : header) {
    const bool upper = is_letter(c) && (c & 0x20) == 0;
    out.push_back(c == '-' || c == '_' ? separator : upper ? static_cast<char>(c | 0x20) : c);
  }
  return out;
}

/// `X-Client-Id`, as Go's net/http (so Caddy) spells headers.
std::string in_title_case(std::string_view header) {
  std::string out = in_lower_case(header, '-');
  bool first = true;
  for (char& c : out) {
    if (first && is_letter(c)) c = static_cast<char>(c & ~0x20);
    first = c == '-';
  }
  return out;
}

constexpr size_t kHeaderPrefixMax = 16;  // Bytes that a usual name adds before a header's

}  // namespace

Status FieldNames::check(const ParserSettings& settings, const ClientIdSettings& client_id,
                         Shape shape) {
  for (const auto& [option, path] :
       {std::pair<const char*, const std::string&>{"time", settings.time},
        {"uri", settings.uri},
        {"body", settings.body}}) {
    if (Status status = check_path(option, path, shape); !status) return status;
  }
  for (const std::string& path : settings.base64) {
    if (Status status = check_path("base64", path, shape); !status) return status;
  }
  if (client_id.from.empty() || client_id.from.size() > LineFields::kPlacesMax) {
    return Status::fatal("client_id.from: there must be 1 to 8 places");
  }
  for (const IdPlace& place : client_id.from) {
    if (place.name.empty()) return Status::fatal("client_id.from: a name is empty");
    const bool header =
        place.kind == IdPlace::Kind::kHeader || place.kind == IdPlace::Kind::kCookie;
    if (header && place.name.size() + kHeaderPrefixMax > kNameBytesMax) {
      return Status::fatal("client_id.from: `" + place.name + "` is longer than 48 bytes");
    }
    if (place.kind != IdPlace::Kind::kField) continue;
    if (Status status = check_path("client_id.from: field", place.name, shape); !status) {
      return status;
    }
  }
  return Status::ok();
}

FieldNames::FieldNames(const ParserSettings& settings, const ClientIdSettings& client_id,
                       Shape shape, Usual usual)
    : shape_(shape), base64_(settings.base64), scopes_(1) {
  add_times(settings.time);
  add_targets(settings.uri, usual);
  if (!settings.body.empty()) {
    add(LineFields::kBody, settings.body);
  } else if (usual == Usual::kProxies) {
    for (const char* name : {"request_body", "body"}) add(LineFields::kBody, name);
  }
  if (!client_id.status.empty()) {
    for (const char* name : {"status", "response_code", "status_code", "http_status"}) {
      add(LineFields::kStatus, name);
    }
  }
  uint8_t slot = LineFields::kFirstPlace;
  for (const IdPlace& place : client_id.from) add_place(place, slot++);
}

void FieldNames::add_times(const std::string& mapped) {
  if (!mapped.empty()) {
    add(LineFields::kTime, mapped);
    return;
  }
  // From the most precise to the least; nginx writes whole seconds into its `time_…` variables.
  for (const char* name : {"msec", "ts_ms", "ts", "timestamp", "@timestamp", "start_time", "time",
                           "time_iso8601", "time_local"}) {
    add(LineFields::kTime, name);
  }
}

void FieldNames::add_targets(const std::string& mapped, Usual usual) {
  constexpr uint8_t kSlot = LineFields::kTarget;
  if (!mapped.empty()) {
    add(kSlot, mapped, FieldForm::kAnyTarget);
    return;
  }
  if (usual == Usual::kFeed) return;
  // A query of its own outranks `uri` and `path`, since beside one these hold the decoded path
  // (nginx $uri, Apache %U), in which a `?` means nothing.
  add(kSlot, "request_uri", FieldForm::kTarget);
  for (const char* name : {"args", "query_string"}) add(kSlot, name, FieldForm::kArgs);
  add(kSlot, "query", FieldForm::kQuery);  // Apache's %q brings its `?` along
  for (const char* name : {"path", "uri", "url", "request.uri"}) {
    add(kSlot, name, FieldForm::kPath);
  }
  for (const char* name : {"request", "req"}) add(kSlot, name, FieldForm::kRequestLine);
  add(kSlot, "document_uri", FieldForm::kDecodedPath);
}

void FieldNames::add_place(const IdPlace& place, uint8_t slot) {
  switch (place.kind) {
    case IdPlace::Kind::kField:
      add(slot, place.name);
      return;
    case IdPlace::Kind::kHeader:
      add_header(slot, place.name, FieldForm::kWhole);
      return;
    case IdPlace::Kind::kCookie:
      // nginx's variable, and then whole Cookie headers.
      add(slot, "cookie_" + place.name);
      add_header(slot, "Cookie", FieldForm::kCookies);
      return;
    case IdPlace::Kind::kJwt:
      add_header(slot, "Authorization", FieldForm::kWhole);
      return;
    case IdPlace::Kind::kQuery:
      add(slot, "arg_" + place.name, FieldForm::kQueryValue);  // beside what is in the target
      return;
    case IdPlace::Kind::kBody:
    case IdPlace::Kind::kPath:
      return;  // They stand in the body and in the target.
  }
}

void FieldNames::add_header(uint8_t slot, std::string_view header, FieldForm form) {
  const std::string snake = in_lower_case(header, '_');
  add(slot, "http_" + snake, form);
  add(slot, snake, form);
  add(slot, header, form);
  add(slot, in_lower_case(header, '-'), form);
  add(slot, in_title_case(header), form);
  add(slot, "request.headers." + in_title_case(header), form);
}

void FieldNames::add(uint8_t slot, std::string_view path, FieldForm form) {
  Name& name = entry_of(path);
  for (const FieldUse* use = name.known.value; use != nullptr; use = use->also) {
    if (use->slot == slot) return;  // two spellings came to the same
  }
  const bool base64 = std::find(base64_.begin(), base64_.end(), path) != base64_.end();
  uses_.push_back({slot, next_rank_[slot]++, form,
                   base64 ? FieldCoding::kBase64 : FieldCoding::kNone, nullptr});
  FieldUse& use = uses_.back();
  paths_.emplace_back(path);
  if (name.last == nullptr) {
    name.known.value = &use;
  } else {
    name.last->also = &use;
  }
  name.last = &use;
}

FieldNames::Known FieldNames::find(size_t scope, std::string_view name) const {
  if (name.size() > kNameBytesMax) return {};
  for (const Name& candidate : scopes_[scope][name.size()]) {
    if (candidate.name == name) return candidate.known;
  }
  return {};
}

std::string FieldNames::name_of(uint8_t slot, uint8_t rank) const {
  for (size_t i = 0; i < uses_.size(); ++i) {
    if (uses_[i].slot == slot && uses_[i].rank == rank) return paths_[i];
  }
  return {};
}

FieldNames::Name& FieldNames::entry_of(std::string_view path) {
  size_t scope = 0;
  for (size_t dot = path.find('.'); shape_ == Shape::kNested && dot != path.npos;
       dot = path.find('.')) {
    Name& object = name_in(scope, path.substr(0, dot));
    if (object.known.object == 0) {
      object.known.object = static_cast<uint8_t>(scopes_.size());
      scopes_.emplace_back();
    }
    scope = object.known.object;
    path.remove_prefix(dot + 1);
  }
  return name_in(scope, path);
}

FieldNames::Name& FieldNames::name_in(size_t scope, std::string_view name) {
  std::vector<Name>& names = scopes_[scope][name.size()];
  for (Name& candidate : names) {
    if (candidate.name == name) return candidate;
  }
  return names.emplace_back(Name{std::string(name), {}, nullptr});
}

}  // namespace lastseen
