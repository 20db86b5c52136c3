// Reading one mapping of the tree: each key is asked for once, and what nobody asked for is an
// error. So the code that reads the settings is the one table of keys there is.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/error_list.h"
#include "config/load.h"
#include "config/yaml_tree.h"

namespace lastseen {

struct Number;

/// A documented key that nothing here reads yet. It may stand in a file with its default value.
struct LaterKey {
  std::string_view path;           ///< As in known_keys(): "inputs[].time_zone".
  std::string_view default_value;  ///< As text; a list as "[a, b]"; "-": no value is accepted.
};

/// What every Mapping of one file shares.
struct ReadContext {
  ErrorList& errors;
  const Environment& environment;
  std::span<const LaterKey> later_keys;
  /// What known_keys() gives; tells where a misplaced key belongs.
  std::span<const std::string> all_keys;
  std::vector<std::string> known_keys = {};  ///< Every key asked for so far, once.
  const Checks* checks = nullptr;
};

struct Range {
  int64_t min;
  int64_t max;
};

/// What became of a word that should be one of a list. A misspelt word is an error and counts as
/// the nearest one all the same, so that the rest is checked with it.
struct Chosen {
  enum class Outcome { kAbsent, kKnown, kMisspelt, kLater, kUnknown };
  Outcome outcome = Outcome::kAbsent;
  size_t index = 0;  ///< Meaningful for kKnown and kMisspelt.

  bool has_index() const { return outcome == Outcome::kKnown || outcome == Outcome::kMisspelt; }
};

template <typename T>
struct Choice {
  std::string_view name;
  T value;
};

/// An item of a list.
struct PlacedText {
  std::string text;
  Place place;
};

/// The readers leave `out` alone and return false when the key is absent or its value is wrong;
/// only the latter is an error. Every text has its `${NAME}` replaced.
class Mapping {
 public:
  /// `node` null: an absent mapping, which asks for keys all the same. `path` names it in
  /// known_keys(); "" is the root. A node that is no mapping is reported here.
  Mapping(ReadContext& context, YamlPointer node, std::string path);

  bool has(std::string_view key) const { return find(key) != nullptr; }
  /// Reports at the mapping's place if the key is missing; `what` says what it is for.
  bool require(std::string_view key, std::string_view what);
  /// An error at the key's value; at the mapping if there is none.
  void error(std::string_view key, std::string message, Excerpt excerpt = Excerpt::kLine);

  bool text(std::string_view key, std::string& out);
  /// Text in which `fit` has a say in what each variable becomes.
  using Fit = std::function<std::string(std::string_view written, size_t at, std::string value)>;
  bool text(std::string_view key, std::string& out, const Fit& fit);
  /// The items of a list of texts; a single text is a list of one. Empty when absent or wrong.
  std::vector<PlacedText> texts(std::string_view key);
  /// An error at a place that texts() gave.
  void error(Place place, std::string message);
  /// Text in which `${NAME}` stays: an nginx format has its own.
  bool text_as_written(std::string_view key, std::string& out);
  bool integer(std::string_view key, Range range, int64_t& out);
  bool duration(std::string_view key, Range range, int64_t& out);
  bool size(std::string_view key, Range range, int64_t& out);
  bool mode(std::string_view key, int& out);
  template <typename T>
  bool choice(std::string_view key, std::initializer_list<Choice<T>> choices, T& out) {
    std::vector<std::string_view> names;
    for (const Choice<T>& choice : choices) names.push_back(choice.name);
    const Chosen chosen = choose(key, names, {});
    if (chosen.has_index()) out = choices.begin()[chosen.index].value;
    return chosen.outcome == Chosen::Outcome::kKnown;
  }
  /// The index of the value among `names`. A value among `later` is "not supported yet".
  Chosen choose(std::string_view key, std::span<const std::string_view> names,
                std::span<const std::string_view> later);

  Mapping section(std::string_view key);
  /// A section in which a scalar is short for {type: SCALAR}.
  Mapping typed_section(std::string_view key);
  /// The items of a list of such sections. Empty when absent or wrong.
  std::vector<Mapping> typed_list(std::string_view key);

  /// Reports every key that was not asked for. Called once, after the last question.
  void finish();

 private:
  const YamlMember* find(std::string_view key) const;
  const YamlMember* ask(std::string_view key);
  std::string path_of(std::string_view key) const;
  Place place_of(const YamlMember& member) const;
  enum class Variables { kReplaced, kAsWritten };
  std::optional<std::string> scalar(std::string_view key, std::string_view wanted,
                                    Variables variables = Variables::kReplaced,
                                    const Fit& fit = {});
  bool take_text(std::string_view key, std::optional<std::string> value, std::string& out);
  bool number(std::string_view key, Range range, int64_t& out, std::string_view wanted,
              Number (*read)(std::string_view), std::string (*words)(int64_t));
  void note_known(std::string_view key);
  YamlPointer with_type(const YamlPointer& node) const;
  std::string unknown_key_hint(const std::string& key) const;
  bool take_later_key(const YamlMember& member);
  std::optional<std::string> flat_text(const YamlMember& member);

  ReadContext* context_;
  YamlPointer node_;  ///< A mapping, or null.
  std::string path_;
  std::vector<std::string> asked_;
};

}  // namespace lastseen
