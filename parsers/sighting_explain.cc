#include <bit>
#include <utility>

#include "parsers/sighting_rules.h"
#include "parsers/timestamp.h"

namespace lastseen {
namespace {

std::string_view kind_name(IdPlace::Kind kind) {
  switch (kind) {
    case IdPlace::Kind::kBody:
      return "body.";
    case IdPlace::Kind::kField:
      return "field.";
    case IdPlace::Kind::kQuery:
      return "query.";
    case IdPlace::Kind::kHeader:
      return "header.";
    case IdPlace::Kind::kCookie:
      return "cookie.";
    case IdPlace::Kind::kPath:
      return "path.";
    case IdPlace::Kind::kJwt:
      return "jwt.";
  }
  return {};
}

std::string_view nothing_there(IdPlace::Kind kind) {
  switch (kind) {
    case IdPlace::Kind::kBody:
      return "the body has no such id";
    case IdPlace::Kind::kQuery:
      return "the query has no such parameter";
    case IdPlace::Kind::kPath:
      return "the path does not match";
    case IdPlace::Kind::kCookie:
      return "there is no such cookie";
    case IdPlace::Kind::kJwt:
      return "there is no such claim";
    case IdPlace::Kind::kField:
    case IdPlace::Kind::kHeader:
      break;
  }
  return "it is not set";
}

std::string_view refused(SkipReason reason) {
  return reason == SkipReason::kTooLong ? "the id is too long" : "the id is not UTF-8";
}

}  // namespace

/// Where a place looked first.
uint8_t SightingRules::slot_of(const Place& place, const LineFields& fields) const {
  const bool is_field =  // the parser found it as one of its own
      place.kind == IdPlace::Kind::kQuery && fields.best(place.shared_slot) == nullptr;
  return is_field ? place.slot : place.shared_slot;
}

void SightingRules::explain(const LineFields& fields, bool good, const FieldNamer& name_of,
                            Explanation* out) {
  for (unsigned left = fields.seen(LineFields::kTime); left != 0; left &= left - 1) {
    const auto rank = static_cast<uint8_t>(std::countr_zero(left));
    const FieldValue& value = fields.value(LineFields::kTime, rank);
    bool local = false;
    const bool readable = parse_timestamp(without_escapes(value), &local).has_value();
    out->asked.push_back({"time", readable ? "gives the time" : "it is no time",
                          name_of(LineFields::kTime, rank), value.text.raw});
    if (readable) break;
  }
  if (!good) return;
  for (const Place& place : places_) {
    Explanation::Asked asked;
    asked.question = std::string(kind_name(place.kind)) + place.name;
    const uint8_t slot = slot_of(place, fields);
    const FieldValue* const value = fields.best(slot);
    if (value != nullptr) {
      asked.field = name_of(slot, static_cast<uint8_t>(std::countr_zero(fields.seen(slot))));
      asked.value = value->text.raw;
    }
    const IdAnswer answer = ask(place, fields);
    switch (answer.state) {
      case IdAnswer::State::kAbsent:
        asked.answer = value == nullptr          ? "the line has no such field"
                       : value->text.raw.empty() ? "it is empty"
                                                 : nothing_there(place.kind);
        break;
      case IdAnswer::State::kTruncated:
        asked.answer = "the value is cut off";
        break;
      case IdAnswer::State::kBad:
        asked.answer = refused(answer.skip);
        break;
      case IdAnswer::State::kGood:
        asked.answer = "gives the id";
        out->id = answer.id();
        break;
    }
    out->asked.push_back(std::move(asked));
    if (!answer.decides()) continue;
    if (answer.state != IdAnswer::State::kGood) return;
    if (pattern_ && !pattern_->matches_whole(answer.id())) {
      out->note = "the id does not match client_id.pattern";
    } else if (!statuses_.empty() && !allows_status(fields)) {
      const FieldValue* const status = fields.best(LineFields::kStatus);
      out->note = "client_id.status does not name the response's status, ";
      out->note += status == nullptr ? "which the line does not hold" : status->text.raw;
    }
    return;
  }
}

}  // namespace lastseen
