#include "config/config_json.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "base/json_value.h"
#include "unit/config/config_fixture.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string example() {
  std::ifstream in(std::string(LASTSEEN_SOURCE_DIR) + "/config/lastseen.yaml");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// "inputs[].parser.type": the first item stands for all.
bool has(JsonValue value, std::string path) {
  while (!path.empty()) {
    std::string key = path.substr(0, path.find('.'));
    path.erase(0, key.size() + 1);
    const bool list = key.ends_with("[]");
    if (list) key.resize(key.size() - 2);
    value = value[key];
    if (value.is_null()) return false;
    if (list && value.items().empty()) return false;
    if (list) value = value.items().front();
  }
  return true;
}

class ConfigJson : public ConfigTest {};

TEST_F(ConfigJson, EveryKeyThereIsStandsInIt) {
  const JsonDocument document(config_json(good_whole(example())));
  ASSERT_TRUE(document.is_valid());
  size_t keys = 0;
  for (const std::string& key : known_keys()) {
    EXPECT_TRUE(has(document.root(), key)) << key;
    ++keys;
  }
  EXPECT_LT(60u, keys);
  EXPECT_FALSE(has(document.root(), "inputs[].parser.nonsense"));
}

TEST_F(ConfigJson, ValuesStandAsInTheFile) {
  const std::string json = config_json(
      good_whole("agent_id: web-1\n"
                 "client_id: {new_per_second_max: 20, insert: false, status: '200-299, 304',\n"
                 "  from: [header.X-Client-Id, 'path./clients/{id}']}\n"
                 "inputs:\n"
                 "- {name: a, type: unix_datagram, path: /a.sock, mode: '0600', parser: json}\n"
                 "- {name: b, path: /b.log, start: begin, line_bytes_max: 64KiB,\n"
                 "   parser: {type: json, base64: [body_b64]}, client_id: {insert: true}}\n"
                 "flush: {interval: 1500ms}\nhold: {bytes: 10GiB, age: 24h}\n"
                 "control: {tap: true}\nlog: {level: warn, format: json}\n"));
  for (const char* part :
       {R"("agent_id":"web-1")", R"("mode":"0600")", R"("start":"begin")",
        R"("line_bytes_max":"64KiB")", R"("base64":["body_b64"])", R"("interval":"1500ms")",
        R"("bytes":"10GiB","age":"1d")", R"("tap":true)", R"("level":"warn","format":"json")",
        R"("from":["header.X-Client-Id","path./clients/{id}"])",
        R"("status":"200-299, 304","new_per_second_max":20,"insert":false)",
        R"("new_per_second_max":20,"insert":true)"})
    EXPECT_THAT(json, HasSubstr(part));
}

TEST_F(ConfigJson, PasswordsAreMaskedHoweverTheyCame) {
  variables_["PG_PASSWORD"] = "hunter2'\\ @/x";
  variables_["PG_HOST"] = "db";
  for (const char* store :
       {"{type: postgres}", "{type: postgres, url: 'postgresql://me@h:5432/app'}",
        "{type: postgres, url: 'host=h user=me'}"}) {
    const std::string json = config_json(good("store: " + std::string(store) + "\n"));
    EXPECT_THAT(json, Not(HasSubstr("hunter2"))) << store;
    EXPECT_THAT(json, HasSubstr("***")) << store;
  }
}

TEST(MaskedConnection, ShowsWhatIsHarmlessAndNothingElse) {
  EXPECT_EQ("postgresql://me:***@h:5432/app?sslmode=require",
            masked_connection("postgresql://me:secret@h:5432/app?sslmode=require"));
  EXPECT_EQ("postgres://h/app?user=me&password=***&sslpassword=***",
            masked_connection("postgres://h/app?user=me&password=secret&sslpassword=secret"));
  EXPECT_EQ("postgres://h/app?pass%77ord=***",
            masked_connection("postgres://h/app?pass%77ord=secret"));
  EXPECT_EQ("postgresql://me:***@h/d", masked_connection("postgresql://me:a@secret@h/d"));
  EXPECT_EQ("postgresql://h1:1,h2:2/app", masked_connection("postgresql://h1:1,h2:2/app"));
  EXPECT_EQ("host=h password=*** user=me",
            masked_connection("host=h password = 'sec\\'ret secret' user=me"));
  EXPECT_EQ("host=h password=***", masked_connection("host=h password=sec\\ ret"));
  EXPECT_EQ("dbname=***", masked_connection("dbname='postgres://u:secret@h/d'"));
  EXPECT_EQ("new_secret_keyword=***", masked_connection("new_secret_keyword=x"));
  EXPECT_EQ("***", masked_connection("secret without a keyword"));
  EXPECT_EQ("", masked_connection(""));
}

}  // namespace
}  // namespace lastseen
