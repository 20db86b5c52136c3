#include "config/mapping.h"

#include <algorithm>
#include <utility>

#include "config/values.h"

namespace lastseen {
namespace {

std::string key_name(std::string_view key) {
  return "'" + std::string(key) + "'";
}

std::string_view kind_name(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a single value";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMapping:
      return "a mapping";
  }
  return "";
}

/// "'flush'" for `interval`, "'a' or 'b'" for a key with several homes, "" for one without.
std::string homes_of(std::string_view key, std::span<const std::string> all_keys) {
  std::vector<std::string_view> homes;
  for (std::string_view path : all_keys) {
    // Every step of a path is a key: `store.retry.max` is a home of `retry` and of `max`.
    for (size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1)) {
      const std::string_view rest = path.substr(dot + 1);
      const std::string_view home = path.substr(0, dot);
      if (rest.substr(0, rest.find('.')) != key) continue;
      if (std::find(homes.begin(), homes.end(), home) == homes.end()) homes.push_back(home);
    }
  }
  std::string result;
  for (std::string_view home : homes) result += (result.empty() ? "" : " or ") + key_name(home);
  return result;
}

std::string integer_words(int64_t value) {
  return std::to_string(value);
}

std::string number_problem(NumberError error, const std::string& text, std::string_view wanted) {
  switch (error) {
    case NumberError::kNoUnit:
      return " is " + quote(text) + " without a unit; write " + std::string(wanted);
    case NumberError::kTooLarge:
      return " is " + quote(text) + ", which is out of range";
    default:
      return " is " + quote(text) + "; it must be " + std::string(wanted);
  }
}

}  // namespace

Mapping::Mapping(ReadContext& context, YamlPointer node, std::string path)
    : context_(&context), node_(std::move(node)), path_(std::move(path)) {
  if (node_ == nullptr || node_->kind == YamlNode::Kind::kMapping) return;
  // A section whose keys are all commented out is as good as none.
  if (node_->kind != YamlNode::Kind::kNull) {
    const std::string name = path_.empty() ? "the configuration" : key_name(path_);
    context_->errors.add(node_->place, name + " must be a mapping (KEY: VALUE lines), not " +
                                           std::string(kind_name(node_->kind)));
  }
  node_ = nullptr;
}

const YamlMember* Mapping::find(std::string_view key) const {
  if (node_ == nullptr) return nullptr;
  for (const YamlMember& member : node_->members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

const YamlMember* Mapping::ask(std::string_view key) {
  asked_.emplace_back(key);
  return find(key);
}

std::string Mapping::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

Place Mapping::place_of(const YamlMember& member) const {
  // An empty value has no place of its own: the library gives that of the next token.
  const bool empty = member.value->kind == YamlNode::Kind::kNull;
  return empty ? member.place : member.value->place;
}

bool Mapping::require(std::string_view key, std::string_view what) {
  if (has(key)) return true;
  if (node_ != nullptr) {
    context_->errors.add(node_->place, "missing key " + key_name(key) + ": " + std::string(what));
  }
  return false;
}

void Mapping::error(std::string_view key, std::string message, Excerpt excerpt) {
  const YamlMember* member = find(key);
  const Place place = member != nullptr  ? place_of(*member)
                      : node_ != nullptr ? node_->place
                                         : Place{};
  context_->errors.add(place, std::move(message), excerpt);
}

void Mapping::error(Place place, std::string message) {
  context_->errors.add(place, std::move(message));
}

void Mapping::note_known(std::string_view key) {
  const std::string path = path_of(key);
  auto& known = context_->known_keys;
  if (std::find(known.begin(), known.end(), path) == known.end()) known.push_back(path);
}

std::vector<PlacedText> Mapping::texts(std::string_view key) {
  const YamlMember* member = ask(key);
  note_known(key);
  if (member == nullptr) return {};
  const YamlPointer& value = member->value;
  const bool list = value->kind == YamlNode::Kind::kSequence;
  std::vector<PlacedText> result;
  for (const YamlPointer& item : list ? value->items : std::vector<YamlPointer>{value}) {
    if (item->kind != YamlNode::Kind::kScalar) {
      error(key, key_name(key) + " must be a list of texts, [a, b]");
      return {};
    }
    Expansion expansion = expand_variables(item->text, context_->environment);
    if (!expansion.error.empty()) {
      error(item->place, expansion.error);
      return {};
    }
    result.push_back({std::move(expansion.text), item->place});
  }
  return result;
}

std::optional<std::string> Mapping::scalar(std::string_view key, std::string_view wanted,
                                           Variables variables, const Fit& fit) {
  const YamlMember* member = ask(key);
  note_known(key);
  if (member == nullptr) return std::nullopt;
  const YamlNode& value = *member->value;
  if (value.kind != YamlNode::Kind::kScalar) {
    const bool empty = value.kind == YamlNode::Kind::kNull;
    error(key, key_name(key) + (empty ? " has no value; it must be " : " must be ") +
                   std::string(wanted) +
                   (empty ? "" : ", not " + std::string(kind_name(value.kind))));
    return std::nullopt;
  }
  if (variables == Variables::kAsWritten) return value.text;
  FitVariable fit_here;
  if (fit)
    fit_here = [&](size_t at, std::string text) { return fit(value.text, at, std::move(text)); };
  Expansion expansion = expand_variables(value.text, context_->environment, fit_here);
  if (!expansion.error.empty()) {
    error(key, expansion.error);
    return std::nullopt;
  }
  return std::move(expansion.text);
}

bool Mapping::take_text(std::string_view key, std::optional<std::string> value, std::string& out) {
  if (!value) return false;
  if (value->find('\0') != value->npos) {
    error(key, key_name(key) + " holds a NUL character");
    return false;
  }
  out = std::move(*value);
  return true;
}

bool Mapping::text(std::string_view key, std::string& out) {
  return take_text(key, scalar(key, "text (\"\" for none)"), out);
}

bool Mapping::text(std::string_view key, std::string& out, const Fit& fit) {
  return take_text(key, scalar(key, "text (\"\" for none)", Variables::kReplaced, fit), out);
}

bool Mapping::text_as_written(std::string_view key, std::string& out) {
  return take_text(key, scalar(key, "text", Variables::kAsWritten), out);
}

bool Mapping::number(std::string_view key, Range range, int64_t& out, std::string_view wanted,
                     Number (*read)(std::string_view), std::string (*words)(int64_t)) {
  const std::optional<std::string> value = scalar(key, wanted);
  if (!value) return false;
  const Number number = read(*value);
  const bool in_range = number.value >= range.min && number.value <= range.max;
  if (number.error == NumberError::kNone && in_range) {
    out = number.value;
    return true;
  }
  std::string problem = number.error == NumberError::kNone
                            ? " is " + quote(*value)
                            : number_problem(number.error, *value, wanted);
  if (number.error == NumberError::kNone || number.error == NumberError::kTooLarge) {
    problem += "; it must be between " + words(range.min) + " and " + words(range.max);
  }
  error(key, key_name(key) + problem);
  return false;
}

bool Mapping::integer(std::string_view key, Range range, int64_t& out) {
  return number(key, range, out, "a whole number (decimal, no leading zeros)", read_integer,
                integer_words);
}

bool Mapping::duration(std::string_view key, Range range, int64_t& out) {
  return number(key, range, out, "a duration such as 200ms 1s 5m 24h 7d", read_duration,
                duration_words);
}

bool Mapping::size(std::string_view key, Range range, int64_t& out) {
  return number(key, range, out, "a size such as 4096 64KiB 1MiB 10GiB", read_size, size_words);
}

bool Mapping::mode(std::string_view key, int& out) {
  constexpr std::string_view kWanted = "an octal file mode such as \"0660\", at most 0777";
  const std::optional<std::string> value = scalar(key, kWanted);
  if (!value) return false;
  const std::optional<int> mode = read_mode(*value);
  if (mode) {
    out = *mode;
  } else {
    error(key, key_name(key) + " is " + quote(*value) + "; it must be " + std::string(kWanted));
  }
  return mode.has_value();
}

Chosen Mapping::choose(std::string_view key, std::span<const std::string_view> names,
                       std::span<const std::string_view> later) {
  const std::string wanted = names.size() > 1 ? "one of " + joined(names) : key_name(names[0]);
  const std::optional<std::string> value = scalar(key, wanted);
  if (!value) return {has(key) ? Chosen::Outcome::kUnknown : Chosen::Outcome::kAbsent, 0};
  auto index_of = [](auto list, std::string_view word) {
    return static_cast<size_t>(std::find(list.begin(), list.end(), word) - list.begin());
  };
  const size_t index = index_of(names, *value);
  if (index < names.size()) return {Chosen::Outcome::kKnown, index};
  if (index_of(later, *value) < later.size()) {
    error(key,
          std::string(key) + " " + quote(*value) + " is not supported yet; it must be " + wanted);
    return {Chosen::Outcome::kLater, 0};
  }
  error(key, key_name(key) + " is " + quote(*value) + "; it must be " + wanted +
                 suggestion(*value, names));
  const size_t near = index_of(names, nearest(*value, names));
  if (near < names.size()) return {Chosen::Outcome::kMisspelt, near};
  return {Chosen::Outcome::kUnknown, 0};
}

YamlPointer Mapping::with_type(const YamlPointer& node) const {
  if (node->kind != YamlNode::Kind::kScalar) return node;
  auto mapping = std::make_shared<YamlNode>();
  mapping->kind = YamlNode::Kind::kMapping;
  mapping->place = node->place;
  mapping->members.push_back({"type", node->place, node});
  return mapping;
}

Mapping Mapping::section(std::string_view key) {
  const YamlMember* member = ask(key);
  return Mapping(*context_, member == nullptr ? nullptr : member->value, path_of(key));
}

Mapping Mapping::typed_section(std::string_view key) {
  const YamlMember* member = ask(key);
  return Mapping(*context_, member == nullptr ? nullptr : with_type(member->value), path_of(key));
}

std::vector<Mapping> Mapping::typed_list(std::string_view key) {
  const YamlMember* member = ask(key);
  if (member == nullptr) return {};
  const YamlNode& list = *member->value;
  if (list.kind != YamlNode::Kind::kSequence) {
    error(key, key_name(key) + " must be a list (each item begins with '- '), not " +
                   std::string(kind_name(list.kind)));
    return {};
  }
  if (list.items.empty()) error(key, key_name(key) + " is empty; it needs at least one item");
  std::vector<Mapping> result;
  for (size_t i = 0; i < list.items.size() && !context_->errors.full(); ++i) {
    const YamlPointer& item = list.items[i];
    if (item->kind == YamlNode::Kind::kNull) {
      context_->errors.add(list.place,
                           "item " + std::to_string(i + 1) + " of " + key_name(key) + " is empty");
    }
    result.emplace_back(*context_, with_type(item), path_of(key) + "[]");
  }
  return result;
}

void Mapping::finish() {
  if (node_ == nullptr) return;
  for (const YamlMember& member : node_->members) {
    if (context_->errors.full()) return;
    if (std::find(asked_.begin(), asked_.end(), member.key) != asked_.end()) continue;
    if (take_later_key(member)) continue;
    context_->errors.add(member.place,
                         "unknown key " + quote(member.key) + unknown_key_hint(member.key));
  }
}

std::string Mapping::unknown_key_hint(const std::string& key) const {
  const std::vector<std::string_view> asked(asked_.begin(), asked_.end());
  std::vector<std::string_view> valid = asked;
  const std::string prefix = path_of("");
  for (const LaterKey& later : context_->later_keys) {
    if (!later.path.starts_with(prefix)) continue;
    const std::string_view rest = later.path.substr(prefix.size());
    const std::string_view name = rest.substr(0, rest.find('.'));
    if (name.find('[') == name.npos) valid.push_back(name);
  }
  // A key that exists elsewhere is rather at the wrong indentation than misspelt.
  const std::string homes = homes_of(key, context_->all_keys);
  if (!homes.empty()) return "; it belongs under " + homes;
  std::string near = suggestion(key, valid);
  if (!near.empty()) return near;
  return "; valid here: " + joined(asked.empty() ? valid : asked);
}

std::optional<std::string> Mapping::flat_text(const YamlMember& member) {
  const YamlNode& value = *member.value;
  if (value.kind == YamlNode::Kind::kScalar) {
    return expand_variables(value.text, context_->environment).text;
  }
  if (value.kind != YamlNode::Kind::kSequence) return std::nullopt;
  std::string result;
  for (const YamlPointer& item : value.items) {
    if (item->kind != YamlNode::Kind::kScalar) return std::nullopt;
    result += (result.empty() ? "" : ", ") + item->text;
  }
  return "[" + result + "]";
}

bool Mapping::take_later_key(const YamlMember& member) {
  const std::string path = path_of(member.key);
  for (const LaterKey& later : context_->later_keys) {
    if (later.path.starts_with(path + ".")) {
      Mapping(*context_, member.value, path).finish();
      return true;
    }
    if (later.path != path) continue;
    const std::optional<std::string> text = flat_text(member);
    if (text && *text == later.default_value) return true;
    std::string only;
    if (later.default_value != "-") {
      only = "; leave it out, or at its default: " +
             std::string(later.default_value.empty() ? "\"\"" : later.default_value);
    }
    context_->errors.add(place_of(member), quote(member.key) + " is not supported yet" + only);
    return true;
  }
  return false;
}

}  // namespace lastseen
