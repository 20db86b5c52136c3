#include "base/json_value.h"

#include <rapidjson/document.h>

namespace lastseen {

namespace {

const rapidjson::Value* as_value(const void* value) {
  return static_cast<const rapidjson::Value*>(value);
}

}  // namespace

struct JsonDocument::Tree {
  rapidjson::Document document;
};

// Iterative: depth of nesting costs no stack.
JsonDocument::JsonDocument(std::string_view json) : tree_(std::make_unique<Tree>()) {
  tree_->document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
}

JsonDocument::~JsonDocument() = default;

bool JsonDocument::is_valid() const {
  return !tree_->document.HasParseError();
}

JsonValue JsonDocument::root() const {
  return JsonValue(is_valid() ? &static_cast<const rapidjson::Value&>(tree_->document) : nullptr);
}

JsonValue JsonValue::operator[](std::string_view key) const {
  const auto* value = as_value(value_);
  if (value == nullptr || !value->IsObject()) return JsonValue(nullptr);
  const auto found = value->FindMember(
      rapidjson::StringRef(key.data(), static_cast<rapidjson::SizeType>(key.size())));
  return JsonValue(found == value->MemberEnd() ? nullptr : &found->value);
}

bool JsonValue::is_null() const {
  return value_ == nullptr || as_value(value_)->IsNull();
}

std::string JsonValue::text() const {
  if (value_ == nullptr || !as_value(value_)->IsString()) return {};
  return {as_value(value_)->GetString(), as_value(value_)->GetStringLength()};
}

uint64_t JsonValue::count() const {
  return value_ != nullptr && as_value(value_)->IsUint64() ? as_value(value_)->GetUint64() : 0;
}

double JsonValue::number() const {
  return value_ != nullptr && as_value(value_)->IsNumber() ? as_value(value_)->GetDouble() : 0;
}

std::vector<JsonValue> JsonValue::items() const {
  std::vector<JsonValue> items;
  if (value_ == nullptr || !as_value(value_)->IsArray()) return items;
  for (const auto& item : as_value(value_)->GetArray()) items.push_back(JsonValue(&item));
  return items;
}

std::vector<std::pair<std::string, JsonValue>> JsonValue::members() const {
  std::vector<std::pair<std::string, JsonValue>> members;
  if (value_ == nullptr || !as_value(value_)->IsObject()) return members;
  for (const auto& member : as_value(value_)->GetObject())
    members.emplace_back(std::string(member.name.GetString(), member.name.GetStringLength()),
                         JsonValue(&member.value));
  return members;
}

}  // namespace lastseen
