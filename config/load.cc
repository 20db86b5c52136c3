#include "config/load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "config/error_list.h"
#include "config/settings.h"
#include "config/yaml_tree.h"

namespace lastseen {
namespace {

/// A thousand times a long configuration; more is another file, given by mistake.
constexpr size_t kFileBytesMax = size_t{1} << 20;
/// Aliases can stack mappings far deeper than the text is nested; ours are five deep.
constexpr int kHeightMax = 50;

Place to_place(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {mark.line + 1, mark.column + 1};  // The library counts from 0, columns in bytes.
}

/// Builds the tree from the library's events, and reports what YAML allows but a configuration
/// must not have: duplicate keys (the library keeps the first and says nothing), keys that are
/// no scalars, tags, quotes that are never closed (the library closes them at the end of the file).
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, ErrorList& errors) : text_(text), errors_(errors) {}

  YamlPointer root() const { return root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    attach(make(YamlNode::Kind::kNull, mark, "?"), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found != anchors_.end()) {
      attach(found->second, YAML::NullAnchor);
      return;
    }
    errors_.add(to_place(mark), "an alias can not stand inside what it names");
    attach(make(YamlNode::Kind::kNull, mark, "?"), YAML::NullAnchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = make(YamlNode::Kind::kScalar, mark, tag);
    node->text = value;
    if (tag == "!") check_closing_quote(mark);
    attach(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open_.push_back({make(YamlNode::Kind::kSequence, mark, tag), anchor, nullptr, {}});
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open_.push_back({make(YamlNode::Kind::kMapping, mark, tag), anchor, nullptr, {}});
  }
  void OnMapEnd() override { close(); }

 private:
  /// A sequence or mapping whose end has not come yet.
  struct Open {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor;
    YamlPointer key;  ///< Waits for its value.
    std::unordered_map<std::string, int> key_lines;
  };

  std::shared_ptr<YamlNode> make(YamlNode::Kind kind, const YAML::Mark& mark,
                                 const std::string& tag) {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->place = to_place(mark);
    // "?" and "!" are the library's own marks for bare and quoted scalars.
    if (!tag.empty() && tag != "?" && tag != "!") {
      errors_.add(node->place, "tags such as " + quote(tag) + " have no meaning here; remove it");
    }
    return node;
  }

  void close() {
    Open last = std::move(open_.back());
    open_.pop_back();
    attach(std::move(last.node), last.anchor);
  }

  void attach(YamlPointer node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (node->height + 1 > kHeightMax) {
      errors_.add(parent.node->place, "nested too deeply");
      auto nothing = std::make_shared<YamlNode>();
      nothing->place = node->place;
      node = std::move(nothing);
    }
    parent.node->height = std::max(parent.node->height, node->height + 1);
    if (parent.node->kind == YamlNode::Kind::kSequence) {
      parent.node->items.push_back(std::move(node));
    } else if (parent.key == nullptr) {
      parent.key = std::move(node);
    } else {
      add_member(parent, std::exchange(parent.key, nullptr), std::move(node));
    }
  }

  void add_member(Open& parent, const YamlPointer& key, YamlPointer value) {
    if (key->kind != YamlNode::Kind::kScalar) {
      errors_.add(key->place, "a key must be a plain word");
      return;
    }
    const auto [first, is_new] = parent.key_lines.emplace(key->text, key->place.line);
    if (is_new) {
      parent.node->members.push_back({key->text, key->place, std::move(value)});
    } else {
      errors_.add(key->place, "duplicate key " + quote(key->text) + "; it is already on line " +
                                  std::to_string(first->second));
    }
  }

  void check_closing_quote(const YAML::Mark& mark) {
    const auto begin = static_cast<size_t>(mark.pos);
    if (begin >= text_.size()) return;
    const char quote = text_[begin];
    if (quote != '"' && quote != '\'') return;
    for (size_t i = begin + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 >= text_.size() || text_[i + 1] != quote) return;
        ++i;
      }
    }
    errors_.add(to_place(mark), "the quote that opens here is never closed");
  }

  std::string_view text_;
  ErrorList& errors_;
  YamlPointer root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlPointer> anchors_;
};

/// The place of byte `index`.
Place place_at(std::string_view text, size_t index) {
  const std::string_view before = text.substr(0, index);
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0.
  return {static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
          static_cast<int>(index - line_start) + 1};
}

/// Reports the first byte that no text file has.
bool is_plain_text(std::string_view text, ErrorList& errors) {
  const size_t valid = valid_utf8_prefix(text);
  const auto control = std::find_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7F;
  });
  const auto first_control = static_cast<size_t>(control - text.begin());
  if (valid == text.size() && first_control == text.size()) return true;
  const size_t first = std::min(valid, first_control);
  char byte[5];
  std::snprintf(byte, sizeof byte, "0x%02X", static_cast<unsigned char>(text[first]));
  errors.add(place_at(text, first),
             std::string("the byte ") + byte +
                 (first == first_control ? " has no place in a text file; is this the right file?"
                                         : " is not UTF-8; save the file as UTF-8 text"));
  return false;
}

/// The library's message in our words where its own would mislead.
void add_syntax_error(const YAML::ParserException& exception, std::string_view text,
                      ErrorList& errors) {
  const Place place = to_place(exception.mark);
  std::string message = "invalid YAML: " + exception.msg;
  if (dynamic_cast<const YAML::DeepRecursion*>(&exception) != nullptr) {
    message = "nested too deeply";
  }
  // The place may be the line after the tab.
  const auto tab = text.find("\n\t");
  if (tab != text.npos && place_at(text, tab + 1).line <= place.line) {
    message += " (indent with spaces: YAML does not take tabs)";
  }
  errors.add(place, std::move(message));
}

/// The one document of the text; null when it has none or is no YAML.
YamlPointer parse_yaml(std::string_view text, ErrorList& errors) {
  TreeBuilder builder(text, errors);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return nullptr;
    YamlPointer root = builder.root();
    /// Stops at the start of a second document, where it says so.
    struct Second : TreeBuilder {
      using TreeBuilder::TreeBuilder;
      void OnDocumentStart(const YAML::Mark& mark) override { place = to_place(mark); }
      Place place;
    };
    ErrorList ignored("", "");
    Second second("", ignored);
    if (parser.HandleNextDocument(second)) {
      errors.add(second.place, "the configuration ended before this; it must be one document");
    }
    return root;
  } catch (const YAML::ParserException& exception) {
    add_syntax_error(exception, text, errors);
  } catch (const std::exception& exception) {
    errors.add(std::string("could not be read as YAML: ") + exception.what());
  }
  return nullptr;
}

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Reads until the end or a byte more than is allowed. Returns errno.
int read_file(const std::string& path, std::string& text) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  struct stat status {};
  int error = ::fstat(descriptor, &status) != 0 ? errno : S_ISDIR(status.st_mode) ? EISDIR : 0;
  char buffer[1 << 16];
  while (error == 0 && text.size() <= kFileBytesMax) {
    const ssize_t count = ::read(descriptor, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) error = errno;
    if (count <= 0) break;
    text.append(buffer, static_cast<size_t>(count));
  }
  ::close(descriptor);
  return error;
}

std::string file_problem(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return "there is no such file; name the configuration with -c FILE";
    case EACCES:
      return "permission denied; run as a user who may read it, or change its owner or mode";
    case EISDIR:
      return "is a directory; name the file in it, such as lastseen.yaml";
    default:
      return std::string("can not be read: ") + std::strerror(error);
  }
}

}  // namespace

LoadResult parse_config(std::string_view yaml, const std::string& file,
                        const Environment& environment, const Checks& checks) {
  if (yaml.starts_with(kByteOrderMark)) yaml.remove_prefix(kByteOrderMark.size());
  ErrorList errors(file, yaml);
  if (yaml.size() > kFileBytesMax) {
    errors.add("is larger than 1 MiB, which no configuration is; was another file meant?");
    return {std::nullopt, errors.take()};
  }
  if (!is_plain_text(yaml, errors)) return {std::nullopt, errors.take()};
  const YamlPointer root = parse_yaml(yaml, errors);
  if (root == nullptr || root->kind == YamlNode::Kind::kNull) {
    if (errors.empty()) {
      errors.add(
          "is empty; it needs at least 'inputs': what to read (config/lastseen.yaml is an "
          "annotated example)");
    }
    return {std::nullopt, errors.take()};
  }
  const std::vector<std::string> all_keys = known_keys();
  ReadContext context{errors, environment, later_keys(), all_keys};
  context.checks = &checks;
  Config config = read_settings(context, root);
  if (!errors.empty()) return {std::nullopt, errors.take()};
  return {std::move(config), {}};
}

LoadResult load_config(const std::string& path, const Environment& environment,
                       const Checks& checks) {
  std::string text;
  const int error = read_file(path, text);
  if (error == 0) return parse_config(text, path, environment, checks);
  ErrorList errors(path, "");
  errors.add(file_problem(error));
  return {std::nullopt, errors.take()};
}

std::vector<std::string> known_keys() {
  // The reader asks for every key of an input, so one input of any kind shows them all.
  constexpr std::string_view kExample = "inputs: [{name: a, path: a, parser: json}]";
  const Environment nothing = [](const std::string&) { return std::nullopt; };
  ErrorList errors("", kExample);
  ReadContext context{errors, nothing, later_keys(), {}};
  read_settings(context, parse_yaml(kExample, errors));
  return std::move(context.known_keys);
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

}  // namespace lastseen
