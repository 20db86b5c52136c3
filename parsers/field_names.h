// Which names of fields are good for what: the usual names of each proxy, or those that the
// configuration maps. The same for every format whose fields have names.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/config.h"
#include "parsers/line_fields.h"

namespace lastseen {

/// The names to look for. Not to be copied: what find() gives points into it.
///
/// A format string's variables go by the names that nginx gives them, whatever the proxy:
/// `request`, `request_uri`, `args`, `request_body`, `status`, `msec`, `time_iso8601`,
/// `time_local`, `http_x_client_id` for the header X-Client-Id, `cookie_sid` for the cookie sid.
class FieldNames {
 public:
  static constexpr size_t kLevelsMax = 3;  ///< Names of a dotted path; no object lies deeper.
  static constexpr size_t kNameBytesMax = 64;

  /// What fields there are.
  enum class Shape {
    kFlat,    ///< A dot is a part of a name.
    kNested,  ///< A dot leads into an object.
  };
  /// Which names are known without being mapped.
  enum class Usual {
    kProxies,  ///< Those that proxies are commonly told to write.
    kFeed,     ///< Those of an application's own feed: a time, and what `client_id.from` names.
  };

  /// Not ok for a mapped name that cannot be looked for.
  static Status check(const ParserSettings& settings, const ClientIdSettings& client_id,
                      Shape shape);

  /// The settings must have passed check().
  FieldNames(const ParserSettings& settings, const ClientIdSettings& client_id, Shape shape,
             Usual usual = Usual::kProxies);
  FieldNames(const FieldNames&) = delete;
  FieldNames& operator=(const FieldNames&) = delete;

  /// What a name means in a scope; scope 0 is the line's own object. One name may be known both
  /// ways (`request`: an object of Caddy's, a text of nginx's).
  struct Known {
    const FieldUse* value = nullptr;  ///< Null: its value is good for nothing.
    uint8_t object = 0;               ///< The scope of its members; 0: it is no known object.
  };
  Known find(size_t scope, std::string_view name) const;
  const FieldUse* find(std::string_view name) const { return find(0, name).value; }

  /// The name, with dots, that has this slot and rank; empty: none has.
  std::string name_of(uint8_t slot, uint8_t rank) const;

 private:
  struct Name {
    std::string name;
    Known known;
    FieldUse* last = nullptr;  // of the chain that begins at known.value
  };
  using Scope = std::array<std::vector<Name>, kNameBytesMax + 1>;  // by length

  void add_times(const std::string& mapped);
  void add_targets(const std::string& mapped, Usual usual);
  void add_place(const IdPlace& place, uint8_t slot);
  void add_header(uint8_t slot, std::string_view header, FieldForm form);
  void add(uint8_t slot, std::string_view path, FieldForm form = FieldForm::kWhole);
  Name& entry_of(std::string_view path);
  Name& name_in(size_t scope, std::string_view name);

  const Shape shape_;
  const std::vector<std::string> base64_;
  std::deque<Scope> scopes_;
  std::deque<FieldUse> uses_;
  std::vector<std::string> paths_;  // of the uses, one by one
  std::array<uint8_t, LineFields::kSlots> next_rank_{};
};

}  // namespace lastseen
