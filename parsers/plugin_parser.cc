#include "parsers/plugin_parser.h"

#include <array>
#include <cstddef>
#include <cstdio>

#include "base/shared_object.h"

namespace lastseen {
namespace {

constexpr int64_t kTimeMaxMs = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z
constexpr size_t kErrorBytes = 512;

ParserSettings plugin_names() {
  ParserSettings settings;
  settings.uri = "uri";
  settings.body = "body";
  return settings;
}

/// The table, if it is one that this agent can use.
Result<const lastseen_plugin*> find_table(const SharedObject& object, const std::string& path) {
  void* const symbol = object.find(LASTSEEN_PLUGIN_SYMBOL);
  if (symbol == nullptr) {
    return Status::fatal("plugin: " + path +
                         " has no function `" LASTSEEN_PLUGIN_SYMBOL
                         "`: it is no plugin of lastseen");
  }
  const auto table_of = reinterpret_cast<lastseen_plugin_table_function>(symbol);
  const lastseen_plugin* const table = table_of();
  if (table == nullptr) return Status::fatal("plugin: " + path + " gives no table");
  if (table->abi != LASTSEEN_PLUGIN_ABI) {
    return Status::fatal("plugin: " + path + " is of version " + std::to_string(table->abi) +
                         " of the interface; this agent takes " +
                         std::to_string(LASTSEEN_PLUGIN_ABI) + ": build it with the plugin.h of " +
                         "this agent");
  }
  constexpr size_t kSizeMin = offsetof(lastseen_plugin, destroy) + sizeof(table->destroy);
  if (table->size < kSizeMin || table->create == nullptr || table->parse == nullptr ||
      table->destroy == nullptr) {
    return Status::fatal("plugin: " + path + " misses functions: its table has " +
                         std::to_string(table->size) +
                         " bytes, and all of create, parse and "
                         "destroy must be set");
  }
  return table;
}

}  // namespace

Result<std::unique_ptr<Parser>> PluginParser::make(const ParserSettings& settings,
                                                   const ParserOptions& options) {
  if (settings.path.empty()) return Status::fatal("plugin: the option `path` is missing");
  const Result<SharedObject> object = SharedObject::open(settings.path);
  if (!object) return Status::fatal("plugin: " + object.status().message());
  const Result<const lastseen_plugin*> table = find_table(*object, settings.path);
  if (!table) return table.status();

  std::array<char, kErrorBytes> error{};
  void* const instance = (*table)->create(settings.options.c_str(), error.data(), error.size());
  if (instance == nullptr) {
    error.back() = '\0';
    const std::string message = error.data();
    return Status::fatal("plugin: " + settings.path + ": " +
                         (message.empty() ? "it can not start, and does not say why" : message));
  }
  return std::unique_ptr<Parser>(std::make_unique<PluginParser>(**table, instance, options));
}

PluginParser::PluginParser(const lastseen_plugin& plugin, void* instance,
                           const ParserOptions& options)
    : plugin_(plugin),
      instance_(instance),
      names_(plugin_names(), options.client_id, FieldNames::Shape::kFlat),
      client_id_(names_.find("client_id")),
      uri_(names_.find("uri")),
      body_(names_.find("body")),
      status_(names_.find("status")),
      rules_(options) {}

PluginParser::~PluginParser() {
  plugin_.destroy(instance_);
}

ParseResult PluginParser::parse(std::string_view line) {
  fields_.clear();
  ParseResult result;
  lastseen_fields read{};
  read.size = sizeof read;
  // A line may be empty, and a C function is not to be given null for it.
  const char* const data = line.empty() ? "" : line.data();
  good_ = plugin_.parse(instance_, data, line.size(), &read) != 0;
  if (!good_) return result;
  if (read.has_time != 0 && read.time_ms >= 0 && read.time_ms <= kTimeMaxMs) {
    result.has_time = true;
    result.seen_at_ms = read.time_ms;
  }
  keep(client_id_, read.client_id);
  keep(uri_, read.uri);
  keep(body_, read.body);
  if (read.status >= 100 && read.status <= 999) {
    std::snprintf(status_text_, sizeof status_text_, "%d", static_cast<int>(read.status));
    keep(status_, {status_text_, 3});
  }
  rules_.find_id(fields_, &result);
  return result;
}

void PluginParser::explain(Explanation* out) {
  out->parser = "plugin";
  out->note = good_ ? "the time is the plugin's own affair"
                    : "the plugin says that it is no line of its format";
  rules_.explain(
      fields_, good_, [this](uint8_t slot, uint8_t rank) { return names_.name_of(slot, rank); },
      out);
}

void PluginParser::keep(const FieldUse* use, const lastseen_text& text) {
  if (use == nullptr || text.data == nullptr) return;
  fields_.set(*use, FieldValue::Kind::kText, {{text.data, text.size}});
}

}  // namespace lastseen
