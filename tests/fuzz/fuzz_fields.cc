// Lines of any bytes for the formats whose fields have names, with every place of an id at once.
#include <array>
#include <cstddef>
#include <cstdint>

#include "fuzz/parser_invariants.h"

namespace lastseen {
namespace {

constexpr std::array<const char*, 6> kTypes = {"logfmt", "ltsv",  "ndjson",
                                               "json",   "regex", "log_format"};

ParserSettings settings_of(size_t choice) {
  ParserSettings settings;
  settings.type = kTypes[choice % kTypes.size()];
  if (settings.type == "regex") {
    settings.regex = R"((?s)^(?P<time>\S+) (?P<uri>\S*) (?P<body>.*?)(?: (?P<client_id>\w+))?$)";
    settings.escaped = choice / kTypes.size() % 2 == 1;
  } else if (settings.type == "log_format") {
    settings.dialect = "nginx";
    settings.format = R"($msec "$request" $status "$http_x_id" "$http_cookie" )"
                      R"("$http_authorization" "$request_body")";
  } else if (choice / kTypes.size() % 2 == 1) {
    settings.base64 = {"body_b64"};
    settings.body = "body_b64";
  }
  return settings;
}

ParserOptions every_place() {
  ParserOptions options;
  options.client_id.from = {
      {IdPlace::Kind::kBody, "client_id"},   {IdPlace::Kind::kField, "client_id"},
      {IdPlace::Kind::kQuery, "client_id"},  {IdPlace::Kind::kHeader, "X-Id"},
      {IdPlace::Kind::kCookie, "client_id"}, {IdPlace::Kind::kPath, "/clients/{id}/..."},
      {IdPlace::Kind::kJwt, "sub"}};
  return options;
}

}  // namespace
}  // namespace lastseen

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lastseen;
  if (size == 0) return 0;
  constexpr size_t kChoices = 2 * kTypes.size();
  static std::array<std::unique_ptr<Parser>, kChoices> old;
  const size_t choice = data[0] % kChoices;
  const std::string_view line(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (!old[choice]) old[choice] = *make_parser(settings_of(choice), every_place());
  const auto fresh = *make_parser(settings_of(choice), every_place());
  const FuzzAnswer answer = answer_of(*fresh, line);
  CHECK(answer == answer_of(*old[choice], line));
  CHECK(answer == answer_of(*old[choice], line));
  return 0;
}
