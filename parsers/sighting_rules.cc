#include "parsers/sighting_rules.h"

#include <utility>

#include "parsers/base64.h"
#include "parsers/scan.h"

namespace lastseen {
namespace {

std::string_view origin_of(IdPlace::Kind kind) {
  switch (kind) {
    case IdPlace::Kind::kBody:
      return "body";
    case IdPlace::Kind::kField:
      return "field";
    case IdPlace::Kind::kQuery:
      return "query";
    case IdPlace::Kind::kHeader:
      return "header";
    case IdPlace::Kind::kCookie:
      return "cookie";
    case IdPlace::Kind::kPath:
      return "path";
    case IdPlace::Kind::kJwt:
      return "jwt";
  }
  return {};
}

/// Where what a place may be taken from stands beside its own slot; that itself when nowhere.
uint8_t shared_slot_of(IdPlace::Kind kind, uint8_t own) {
  if (kind == IdPlace::Kind::kBody) return LineFields::kBody;
  const bool target = kind == IdPlace::Kind::kQuery || kind == IdPlace::Kind::kPath;
  return target ? LineFields::kTarget : own;
}

/// The first text of a JSON list, as Caddy writes the values of a header.
bool first_of_list(std::string_view list, LoggedText* text) {
  const char* p = list.data();
  const char* const end = p + list.size();
  if (p == end || *p != '[') return false;
  do {
    ++p;
  } while (p < end && (*p == ' ' || *p == '\t'));
  if (p >= end || *p != '"') return false;
  const QuotedString quoted = scan_quoted(p + 1, end);
  if (quoted.end == nullptr) return false;
  *text = {{p + 1, quoted.end}, quoted.escaped, quoted.other_escapes};
  return true;
}

IdAnswer truncated() {
  return {IdAnswer::State::kTruncated, SkipReason::kTruncated};
}

/// A status of HTTP, or 0: three digits, as all proxies write it.
int read_status(std::string_view text) {
  if (text.size() != 3) return 0;
  int status = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return 0;
    status = status * 10 + (c - '0');
  }
  return status;
}

}  // namespace

Status SightingRules::check(const ParserOptions& options) {
  if (options.client_id.pattern.empty()) return Status::ok();
  const Result<Regex> pattern = Regex::compile(options.client_id.pattern);
  if (pattern) return Status::ok();
  return Status::fatal("client_id.pattern: " + pattern.status().message());
}

SightingRules::SightingRules(const ParserOptions& options)
    : time_required_(options.time_required),
      statuses_(options.client_id.status),
      rules_(options.client_id.length_max) {
  uint8_t slot = LineFields::kFirstPlace;
  for (const IdPlace& place : options.client_id.from) {
    const bool path = place.kind == IdPlace::Kind::kPath;
    const bool json = place.kind == IdPlace::Kind::kBody || place.kind == IdPlace::Kind::kJwt;
    places_.push_back({place.kind, origin_of(place.kind), place.name, slot,
                       shared_slot_of(place.kind, slot), PathPattern(path ? place.name : ""),
                       json ? std::make_unique<BodyFinder>(place.name) : nullptr});
    ++slot;
  }
  if (options.client_id.pattern.empty()) return;
  Result<Regex> pattern = Regex::compile(options.client_id.pattern);
  if (pattern) pattern_.emplace(*std::move(pattern));
}

void SightingRules::find_time(const LineFields& fields, ParseResult* result) {
  const FieldValue* const value = fields.best(LineFields::kTime);
  if (value == nullptr) return;
  result->has_time = !value->text.escaped &&
                     times_.read_again(value->text.raw, &result->seen_at_ms, &result->local_time);
  if (!result->has_time) find_other_time(fields, result);
}

/// Apart from the above, so that what nearly always does stays small.
void SightingRules::find_other_time(const LineFields& fields, ParseResult* result) {
  for (unsigned left = fields.seen(LineFields::kTime); left != 0; left &= left - 1) {
    const FieldValue& value = fields.value(LineFields::kTime, std::countr_zero(left));
    bool local = false;
    if (const std::optional<int64_t> ms = times_.read(without_escapes(value), &local)) {
      result->has_time = true;
      result->seen_at_ms = *ms;
      result->local_time = local;
      return;
    }
  }
}

std::string_view SightingRules::without_escapes(const FieldValue& value) {
  if (!value.text.escaped) return value.text.raw;
  unescape_backslashes(value.text.raw, &text_);
  return text_;
}

/// The first place that decides; what is cut off there leaves it to the next.
void SightingRules::find_id(const LineFields& fields, ParseResult* result) {
  IdAnswer answer;
  const Place* decider = nullptr;
  bool cut = fields.cut();
  for (const Place& place : places_) {
    const unsigned seen = fields.seen(place.slot) | fields.seen(place.shared_slot);
    if (seen == 0) continue;  // of most places nothing stands in the line
    answer = ask(place, fields);
    if (answer.decides()) {
      decider = &place;
      break;
    }
    cut |= answer.state == IdAnswer::State::kTruncated;
  }
  if (decider == nullptr) {
    result->skip = cut ? SkipReason::kTruncated : SkipReason::kNoClientId;
  } else if (answer.state != IdAnswer::State::kGood) {
    result->skip = answer.skip;
  } else if ((pattern_ && !pattern_->matches_whole(answer.id())) ||
             (!statuses_.empty() && !allows_status(fields))) {
    result->skip = SkipReason::kNotAllowed;
  } else if (time_required_ && !result->has_time) {
    result->skip = SkipReason::kNoTime;
  } else {
    result->sighted = true;
    result->client_id = answer.id();
    result->origin = decider->origin;
  }
}

IdAnswer SightingRules::ask(const Place& place, const LineFields& fields) {
  switch (place.kind) {
    case IdPlace::Kind::kBody: {
      const FieldValue* const body = fields.best(LineFields::kBody);
      if (body == nullptr) return {};
      const bool simple = body->form == FieldForm::kWhole && body->coding == FieldCoding::kNone;
      if (!simple || body->cut) return ask_bodies(place, fields);
      // Many requests have no body, or `-` stands for it. No object with a member is so short.
      if (body->text.raw.size() <= 1) return {};
      return rules_.from_body(body->text, place.finder.get());
    }
    case IdPlace::Kind::kQuery:
      return ask_query(place, fields);
    case IdPlace::Kind::kPath:
      return ask_path(place, fields);
    case IdPlace::Kind::kField:
    case IdPlace::Kind::kHeader:
    case IdPlace::Kind::kCookie:
    case IdPlace::Kind::kJwt:
      break;
  }
  const FieldValue* const value = fields.best(place.slot);
  return value == nullptr ? IdAnswer{} : ask_field(place, *value);
}

/// The most preferred body; of values that are only perhaps bodies the first that decides.
IdAnswer SightingRules::ask_bodies(const Place& place, const LineFields& fields) {
  IdAnswer result;
  for (unsigned left = fields.seen(LineFields::kBody); left != 0; left &= left - 1) {
    const FieldValue& body = fields.value(LineFields::kBody, std::countr_zero(left));
    const bool captures = body.form == FieldForm::kCaptures;
    const IdAnswer answer =
        captures ? ask_captures(place, body.text.raw, body.cut) : ask_body(place, body);
    if (answer.decides() || body.form == FieldForm::kWhole) return answer;
    if (answer.state == IdAnswer::State::kTruncated) result = answer;
  }
  return result;
}

IdAnswer SightingRules::ask_body(const Place& place, const FieldValue& body) {
  const LoggedText* const text = text_of(body);
  if (text == nullptr) return {};
  const IdAnswer answer = rules_.from_body(*text, place.finder.get());
  if (!body.cut || !answer.decides()) return answer;
  // Behind a `}` at the end a line break may have stood, and more records after it: the id may be
  // that of the first record only.
  const size_t last = text->raw.find_last_not_of(" \t\r");
  return last != text->raw.npos && text->raw[last] == '}' ? truncated() : answer;
}

IdAnswer SightingRules::ask_captures(const Place& place, std::string_view captures, bool cut) {
  IdAnswer result;
  for (;;) {
    const size_t bar = captures.find('|');
    const bool last = bar == captures.npos;
    FieldValue capture;
    capture.coding = FieldCoding::kHashes;
    capture.cut = cut && last;
    capture.text = {captures.substr(0, bar)};
    const IdAnswer answer = ask_body(place, capture);
    if (answer.decides()) return answer;
    if (answer.state == IdAnswer::State::kTruncated) result = answer;
    if (last) return result;
    captures.remove_prefix(bar + 1);
  }
}

IdAnswer SightingRules::ask_query(const Place& place, const LineFields& fields) {
  const FieldValue* const target = fields.best(LineFields::kTarget);
  const IdAnswer answer = target == nullptr ? IdAnswer{} : ask_target(place, *target);
  const FieldValue* const value = fields.best(place.slot);
  if (value == nullptr || answer.decides()) return answer;
  if (value->cut) return truncated();
  const LoggedText* const text = text_of(*value);
  return text != nullptr ? rules_.from_query_value(*text) : answer;
}

IdAnswer SightingRules::ask_target(const Place& place, const FieldValue& target) {
  const LoggedText* const text =
      target.kind == FieldValue::Kind::kNested ? nullptr : text_of(target);
  if (text == nullptr) return {};
  switch (target.form) {
    case FieldForm::kQuery:
      return rules_.from_query(*text, place.name, target.cut);
    case FieldForm::kArgs:
      return rules_.from_args(*text, place.name);
    case FieldForm::kRequestLine:
      return rules_.from_request_line(*text, place.name);  // which sees for itself that it is cut
    case FieldForm::kAnyTarget:
      return rules_.from_unknown(*text, place.name);
    case FieldForm::kDecodedPath:
      return {};
    default:
      return rules_.from_target(*text, place.name, target.cut);
  }
}

/// The most preferred value that has a path.
IdAnswer SightingRules::ask_path(const Place& place, const LineFields& fields) {
  bool has_query = false;
  for (unsigned left = fields.seen(LineFields::kTarget); left != 0; left &= left - 1) {
    const FieldValue& target = fields.value(LineFields::kTarget, std::countr_zero(left));
    if (target.form == FieldForm::kQuery || target.form == FieldForm::kArgs) {
      has_query = true;
      continue;
    }
    if (target.kind == FieldValue::Kind::kNested) continue;
    const LoggedText* const text = text_of(target);
    if (text == nullptr) continue;
    const bool decoded =
        target.form == FieldForm::kDecodedPath || (has_query && target.form == FieldForm::kPath);
    return decoded ? rules_.from_decoded_path(*text, place.path)
                   : rules_.from_path(*text, place.path, target.cut);
  }
  return {};
}

IdAnswer SightingRules::ask_field(const Place& place, const FieldValue& value) {
  if (value.cut) return truncated();
  LoggedText first;
  const LoggedText* text = &first;
  if (value.kind == FieldValue::Kind::kNested) {
    const bool header = place.kind != IdPlace::Kind::kField;
    if (!header || !first_of_list(value.text.raw, &first)) return {};
  } else if (value.kind == FieldValue::Kind::kBare) {
    return rules_.from_bare_field(value.text.raw);
  } else {
    text = text_of(value);
    if (text == nullptr) return {};
  }
  if (place.kind == IdPlace::Kind::kJwt) return rules_.from_token(*text, place.finder.get());
  if (value.form == FieldForm::kCookies) return rules_.from_cookies(*text, place.name);
  return rules_.from_field(*text);
}

const LoggedText* SightingRules::decode(const FieldValue& value) {
  const std::string_view raw = value.text.raw;
  switch (value.coding) {
    case FieldCoding::kNone:
      return &value.text;
    case FieldCoding::kHashes:
      if (raw.find('#') == raw.npos) return &value.text;
      unescape_hashes(raw, &decoded_);
      break;
    case FieldCoding::kBase64:
      if (!decode_base64(without_escapes(value), &decoded_)) return nullptr;
      break;
  }
  decoded_text_ = {decoded_};
  return &decoded_text_;
}

/// A line without a status that can be read is not allowed where statuses matter.
bool SightingRules::allows_status(const LineFields& fields) {
  const FieldValue* const value = fields.best(LineFields::kStatus);
  if (value == nullptr) return false;
  const int status = read_status(value->text.raw);
  for (const StatusRange& range : statuses_) {
    if (status >= range.first && status <= range.last) return true;
  }
  return false;
}

}  // namespace lastseen
