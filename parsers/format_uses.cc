#include "parsers/format_uses.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace lastseen {
namespace {

/// The name by which FieldNames knows all fields of a role.
std::string_view name_of_role(const FormatField& field) {
  switch (field.role) {
    case FieldRole::kBody:
      return "request_body";
    case FieldRole::kClientId:
      return "client_id";
    case FieldRole::kTarget:
      return "request_uri";
    case FieldRole::kRequestLine:
      return "request";
    case FieldRole::kQuery:
      return field.name == "field.args" || field.name == "field.query_string" ? "args" : "query";
    case FieldRole::kQueryValue:
      return "arg_client_id";
    case FieldRole::kNone:
    case FieldRole::kTime:
      break;
  }
  return {};
}

/// The name by which FieldNames knows a field that has no role: that of nginx's variable.
std::string own_name(std::string_view name) {
  constexpr std::string_view kHeader = "header.";
  constexpr std::string_view kField = "field.";
  if (name.starts_with(kHeader)) return "http_" + std::string(name.substr(kHeader.size()));
  if (name.starts_with("cookie.")) return "cookie_" + std::string(name.substr(7));
  if (!name.starts_with(kField)) return {};
  name.remove_prefix(kField.size());
  if (name == "s" || name == "st") return "status";         // Apache's %s, HAProxy's %ST
  if (name == "uri" || name == "U") return "document_uri";  // nginx's $uri, Apache's %U
  if (name == "hp" || name == "hpo") return "path";         // HAProxy's %HP, not decoded
  return std::string(name);
}

void add(const FieldUse* first, bool places_only, std::vector<FieldUse>* uses) {
  for (const FieldUse* use = first; use != nullptr; use = use->also) {
    if (places_only && use->slot < LineFields::kFirstPlace && use->slot != LineFields::kStatus) {
      continue;
    }
    const auto same = [&](const FieldUse& other) { return other.slot == use->slot; };
    if (std::any_of(uses->begin(), uses->end(), same)) continue;
    uses->push_back(*use);
    uses->back().also = nullptr;
  }
}

}  // namespace

std::vector<FieldUse> uses_of(const FormatField& field, const FieldNames& names) {
  std::vector<FieldUse> uses;
  if (field.role == FieldRole::kTime) return uses;
  const bool has_role = field.role != FieldRole::kNone;
  if (has_role) add(names.find(name_of_role(field)), false, &uses);
  add(names.find(own_name(field.name)), has_role, &uses);
  for (FieldUse& use : uses) {
    if (field.escape == FieldEscape::kHash) use.coding = FieldCoding::kHashes;
    if (use.slot != LineFields::kBody) continue;
    if (field.shape == FieldShape::kCaptures) {
      use.form = FieldForm::kCaptures;
    } else if (field.name.starts_with("capture.")) {
      use.form = FieldForm::kMaybeBody;
    }
  }
  return uses;
}

}  // namespace lastseen
