#include "config/conninfo.h"

#include <gtest/gtest.h>

#include <map>

#include "unit/config/config_fixture.h"

namespace lastseen {
namespace {

class ConnectionStrings : public ::testing::Test {
 protected:
  std::map<std::string, std::string> variables_;

  std::string from(const std::string& url, bool password_file = false) {
    const auto variable = [this](const std::string& name) {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    };
    const ConnectionString result = connection_string(url, variable, password_file);
    return result.error.empty() ? result.text : "error: " + result.error;
  }
  void set_all() {
    variables_ = {{"PG_HOST", "db"},
                  {"PG_PORT", "5433"},
                  {"PG_DATABASE", "app"},
                  {"PG_USER", "me"},
                  {"PG_PASSWORD", "p w'\\"}};
  }
};

TEST_F(ConnectionStrings, NothingGivenIsLeftToLibpq) {
  EXPECT_EQ("", from(""));
}

TEST_F(ConnectionStrings, VariablesAloneMakeAQuotedKeywordString) {
  set_all();
  EXPECT_EQ("host='db' port='5433' dbname='app' user='me' password='p w\\'\\\\'", from(""));
}

TEST_F(ConnectionStrings, PasswordFileGoesBeforeTheVariableAndNotBesideAPasswordInTheUrl) {
  set_all();
  EXPECT_EQ("host='db' port='5433' dbname='app' user='me'", from("", true));
  EXPECT_EQ("postgresql://u@h:1/d", from("postgresql://u@h:1/d", true));
  for (const char* url : {"postgresql://u:hunter2@h/d", "postgresql://h/d?password=hunter2",
                          "host=h password=hunter2"})
    EXPECT_EQ("error: the password stands in 'url' and in 'password_file'; remove it from 'url'",
              from(url, true));
}

TEST_F(ConnectionStrings, EmptyVariablesCountAsUnset) {
  variables_ = {{"PG_HOST", ""}, {"PG_USER", "me"}};
  EXPECT_EQ("user='me'", from(""));
}

TEST_F(ConnectionStrings, UrlWithoutVariablesStaysAsItIs) {
  for (const char* url : {"postgresql://u:p@h:1/d?sslmode=require", "postgres://", "host=h",
                          "postgresql:///d?host=/run/pg", "dbname = 'a b' user=x"}) {
    EXPECT_EQ(url, from(url));
  }
}

TEST_F(ConnectionStrings, UriKeepsWhatItNamesAndTakesTheRest) {
  set_all();
  EXPECT_EQ("postgresql://u:p@h:1/d", from("postgresql://u:p@h:1/d"));
  EXPECT_EQ("postgresql://u@h/d?port=5433&password=p%20w%27%5C", from("postgresql://u@h/d"));
  EXPECT_EQ("postgresql://h1:1,h2/?dbname=app&user=me&password=p%20w%27%5C",
            from("postgresql://h1:1,h2/"));
  EXPECT_EQ("postgresql:///d?host=/run&port=5433&user=me&password=p%20w%27%5C",
            from("postgresql:///d?host=/run"));
  EXPECT_EQ("postgresql://[::1]/d?user=u&password=p&port=5433",
            from("postgresql://[::1]/d?user=u&password=p"));
  EXPECT_EQ("postgres://?host=db&port=5433&dbname=app&user=me&password=p%20w%27%5C",
            from("postgres://"));
}

TEST_F(ConnectionStrings, KeywordStringKeepsWhatItNamesAndTakesTheRest) {
  set_all();
  EXPECT_EQ("host=h user='u' password = 'a\\'b c' port='5433' dbname='app'",
            from("host=h user='u' password = 'a\\'b c'"));
  EXPECT_EQ("hostaddr=::1 dbname=d user=u password='' port=1",
            from("hostaddr=::1 dbname=d user=u password='' port=1"));
}

TEST_F(ConnectionStrings, EmptyValueAtTheEndDoesNotSwallowWhatIsAppended) {
  variables_ = {{"PG_USER", "me"}};
  EXPECT_EQ("host=h password='' user='me'", from("host=h password="));
  EXPECT_EQ("host=h password= '' user='me'", from("host=h password= "));
}

TEST_F(ConnectionStrings, WhatIsNoConnectionStringIsAnErrorThatDoesNotQuoteIt) {
  for (const char* url :
       {"hunter2", "host=h hunter2", "password='hunter2", "=hunter2", "password=hunter2\\",
        "mysql://u:hunter2@h/d", "postgresql://h/d?hunter2"}) {
    const std::string result = from(url);
    EXPECT_TRUE(result.starts_with("error: ")) << url;
    EXPECT_EQ(std::string::npos, result.find("hunter2")) << result;
  }
}

TEST_F(ConnectionStrings, PortVariableIsChecked) {
  for (const char* port : {"x", "0", "65536", "5432,", "5432;"}) {
    variables_ = {{"PG_PORT", port}};
    EXPECT_EQ("error: environment variable 'PG_PORT' must be a port number, 1 to 65535", from(""));
  }
  variables_ = {{"PG_PORT", "5432,5433"}};
  EXPECT_EQ("port='5432,5433'", from(""));
}

class ConnectionConfig : public ConfigTest {};

TEST_F(ConnectionConfig, VariablesApplyToPostgresAlone) {
  variables_ = {{"PG_HOST", "db"}, {"PG_PORT", "bad"}};
  EXPECT_EQ("", good("").store.url);
  variables_["PG_PORT"] = "1";
  EXPECT_EQ("host='db' port='1'", good("store: postgres\n").store.url);
}

TEST_F(ConnectionConfig, PasswordFromAVariableReachesTheUrl) {
  variables_ = {{"PW", "a$${b}"}};
  EXPECT_EQ("postgresql://u:a%24%24%7Bb%7D@h/d",
            good("store: {type: postgres, url: \"postgresql://u:${PW}@h/d\"}\n").store.url);
}

TEST_F(ConnectionConfig, AnyPasswordOfAVariableFitsItsPlaceInTheUrl) {
  const auto url_of = [&](const std::string& written, const std::string& password) {
    variables_ = {{"PW", password}};
    return good("store: {type: postgres, url: \"" + written + "\"}\n").store.url;
  };
  EXPECT_EQ("postgresql://u:p%40s%2Fs%3Fw%23%25zz@h/d",
            url_of("postgresql://u:${PW}@h/d", "p@s/s?w#%zz"));
  EXPECT_EQ("postgresql://u:already%40encoded@h/d",
            url_of("postgresql://u:${PW}@h/d", "already%40encoded"));
  EXPECT_EQ("postgresql://u:x@h/d", url_of("${PW}/d", "postgresql://u:x@h"));
  EXPECT_EQ("postgresql://u@h/d", url_of("postgresql://u@${PW}/d", "h"));
  EXPECT_EQ("host=h password='p w\\'\\\\' user=u",
            url_of("host=h password=${PW} user=u", "p w'\\"));
}

TEST_F(ConnectionStrings, PartsOfAPasswordNeverBecomeAHostOrADatabase) {
  for (const char* url :
       {"postgresql://u:hun@ter2@h/d", "postgresql://u:hun/ter2@h/d", "postgresql://u:hun%zz@h/d",
        "postgresql://u:hun%2@h/d", "postgresql://u:hun%00@h/d", "postgresql://u:hun@h:ter2/d",
        "postgresql://u:/@h/d"}) {
    const std::string result = from(url);
    EXPECT_NE(std::string::npos, result.find("percent-encode it")) << url << " gave " << result;
    EXPECT_EQ(std::string::npos, result.find("hun")) << result;
  }
  EXPECT_EQ("postgresql://h/d?user=me@corp", from("postgresql://h/d?user=me@corp"));
}

TEST_F(ConnectionConfig, BadUrlIsReportedAtItsPlace) {
  EXPECT_EQ(
      "f.yaml:3:30: 'url' is not a connection string; write postgresql://USER@HOST:PORT/DATABASE "
      "or \"host=HOST port=PORT dbname=DATABASE user=USER\"\n"
      "store: {type: postgres, url: localhost}\n"
      "                             ^\n",
      bad("store: {type: postgres, url: localhost}\n"));
}

TEST(UnknownKeyword, IsNamedByTheNearestAndNotRepeated) {
  const std::vector<std::string> known = {"dbname", "host", "password", "sslmode"};
  const std::string what = "'url' holds a keyword that libpq does not know";
  EXPECT_EQ(what + "; did you mean 'host'?", unknown_keyword("hoost=db dbname=app", known));
  EXPECT_EQ(what + "; did you mean 'sslmode'?",
            unknown_keyword("postgresql://db/app?sslmod=require", known));
  EXPECT_EQ(what + "; a value with blanks goes into single quotes",
            unknown_keyword("host=db password=my hunter2=x", known));
  for (const char* url : {"", "host=db dbname=app", "postgresql://db/app?sslmode=require&ssl=true",
                          "postgresql://db/app?ss%6Cmode=require"})
    EXPECT_EQ("", unknown_keyword(url, known)) << url;
  EXPECT_EQ("", unknown_keyword("hoost=db", {}));
}

}  // namespace
}  // namespace lastseen
