#include "store_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace lastseen {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class StorePlaceTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE", "PGOPTIONS"})
      unsetenv(name);
  }
  void TearDown() override {
    unsetenv("PGDATABASE");
    unsetenv("PGSERVICEFILE");
  }
  static StoreSettings postgres(const std::string& url) {
    StoreSettings store;
    store.type = "postgres";
    store.url = url;
    return store;
  }
  static std::string place(const std::string& url) { return store_place(postgres(url)); }
};

TEST_F(StorePlaceTest, WhatTheUrlLeavesOutComesFromTheEnvironment) {
  setenv("PGDATABASE", "one", 1);
  const std::string one = place("host=h user=u");
  EXPECT_EQ(one, place("postgresql://u:secret@h:5432/one"));
  EXPECT_THAT(one, Not(HasSubstr("secret")));
  setenv("PGDATABASE", "two", 1);
  EXPECT_NE(one, place("host=h user=u"));
  EXPECT_EQ(one, place("host=h user=u dbname=one"));
  EXPECT_NE("", place(""));
}

TEST_F(StorePlaceTest, AServiceIsWhatItsFileSays) {
  const std::string file = testing::TempDir() + "lastseen_services";
  setenv("PGSERVICEFILE", file.c_str(), 1);
  std::ofstream(file) << "[x]\nhost=h\nuser=u\ndbname=one\npassword=secret\n";
  EXPECT_EQ(place("postgresql://u@h/one"), place("service=x"));
  std::ofstream(file) << "[x]\nhost=h\nuser=u\ndbname=two\n";
  EXPECT_EQ(place("postgresql://u@h/two"), place("service=x"));
  EXPECT_THAT(place("service=unknown"), HasSubstr("unresolved service='unknown'"));
  EXPECT_NE(store_place_by_url(postgres("service=unknown")), place("service=unknown"));
}

TEST_F(StorePlaceTest, OlderVersionsNamedItByTheUrlAlone) {
  setenv("PGDATABASE", "one", 1);
  EXPECT_EQ("postgres user='u' host='h' ", store_place_by_url(postgres("user=u host=h")));
  StoreSettings store;
  EXPECT_EQ(store_place(store), store_place_by_url(store));
}

}  // namespace
}  // namespace lastseen
