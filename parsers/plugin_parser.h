// Lines that a plugin reads (plugin.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "parsers/field_names.h"
#include "parsers/line_fields.h"
#include "parsers/parser.h"
#include "parsers/plugin.h"
#include "parsers/sighting_rules.h"

namespace lastseen {

class PluginParser : public Parser {
 public:
  /// kFatal for a file that cannot be loaded, that is no plugin or one of another version, and for
  /// an instance that cannot be made.
  static Result<std::unique_ptr<Parser>> make(const ParserSettings& settings,
                                              const ParserOptions& options);

  /// Owns the instance from now on.
  PluginParser(const lastseen_plugin& plugin, void* instance, const ParserOptions& options);
  PluginParser(const PluginParser&) = delete;
  PluginParser& operator=(const PluginParser&) = delete;
  ~PluginParser() override;
  ParseResult parse(std::string_view line) override;
  void explain(Explanation* out) override;

 private:
  void keep(const FieldUse* use, const lastseen_text& text);

  const lastseen_plugin& plugin_;
  void* const instance_;
  const FieldNames names_;
  const FieldUse* const client_id_;
  const FieldUse* const uri_;
  const FieldUse* const body_;
  const FieldUse* const status_;
  LineFields fields_;
  SightingRules rules_;
  bool good_ = false;  // the last line was one
  char status_text_[4] = {};
};

}  // namespace lastseen
