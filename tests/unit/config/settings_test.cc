// Each key: what it takes, what it refuses, and where it ends up.
#include <gmock/gmock.h>
#include <unistd.h>

#include "unit/config/config_fixture.h"

namespace lastseen {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ConfigSettings : public ConfigTest {};

TEST_F(ConfigSettings, AbsentKeysKeepTheirDefaults) {
  Config expected;
  expected.inputs.resize(1);
  expected.inputs[0].name = "nginx";
  expected.inputs[0].path = "access.log";
  expected.inputs[0].parser.type = "json";
  char host[256] = {};
  ASSERT_EQ(0, ::gethostname(host, sizeof host - 1));
  expected.agent_id = host;
  EXPECT_EQ(expected, good(""));
}

TEST_F(ConfigSettings, EmptySectionsAreAsGoodAsNone) {
  EXPECT_EQ(good(""), good("flush:\nlog: ~\ncontrol: {}\nshutdown:\n  # timeout: 1s\nstore:\n"));
}

TEST_F(ConfigSettings, EveryKeyReachesItsMember) {
  Config want;
  want.agent_id = "web-1/a:b_c.d";
  want.inputs = {
      {"a", "file", "/var/log/*.log", Start::kBegin, {"json", "t", "u", "b"}, "local", 2048}};
  want.client_id.length_max = 36;
  want.inputs[0].client_id = want.client_id;
  want.buffer.clients_max = 5000;
  want.flush = {250, 5000};
  want.last_seen = {60'000, 3'600'000, SightingClock::kArrival};
  want.state_dir = "/s";
  want.store.type = "sqlite";
  want.store.path = "/s/x.db";
  want.store.table = "app.clients";
  want.store.columns = {"uid", "seen", ""};
  want.store.retry_initial = 100;
  want.store.retry_max = 200;
  want.store.timeout_connect = 1000;
  want.store.timeout_statement = 2000;
  want.store.timeout_lock = 3000;
  want.control = {"/c.sock", 0600, "[::1]:9464"};
  want.shutdown_timeout = 0;
  want.log = {LogLevelSetting::kTrace, true, "/l"};
  EXPECT_EQ(want, good_whole(R"(
agent_id: web-1/a:b_c.d
inputs:
  - name: a
    type: file
    path: /var/log/*.log
    start: begin
    parser: {type: json, time: t, uri: u, body: b}
    time_zone: local
    line_bytes_max: 2KiB
client_id: {length_max: 36}
buffer: {clients_max: 5000}
flush: {interval: 250ms, clients: 5000}
last_seen: {resolution: 1m, future_max: 1h, clock: arrival}
state_dir: /s
store:
  type: sqlite
  path: /s/x.db
  table: app.clients
  columns: {id: uid, last_seen: seen, created_at: ""}
  retry: {initial: 100ms, max: 200ms}
  timeout: {connect: 1s, statement: 2s, lock: 3s}
control: {socket: /c.sock, mode: 0600, http: "[::1]:9464"}
shutdown: {timeout: 0}
log: {level: trace, format: json, file: /l}
)"));
}

// ---- the documented example, and limits

TEST_F(ConfigSettings, DocumentedExampleLoadsOnceItsSocketInputIsGone) {
  const Config config = good_whole(R"(
agent_id: web-1
inputs:
  - name: nginx
    type: file
    path: /var/log/nginx/*.json.log
    start: end
    parser: json
    time_zone: UTC
    line_bytes_max: 1MiB
client_id:
  from: [body.client_id, field.client_id, query.client_id]
  length_max: 50
  pattern: ""
  status: ""
  new_per_second_max: 0
  insert: true
buffer: {clients_max: 100000}
flush: {interval: 1s, clients: 0}
last_seen: {resolution: 0s, future_max: 60s, clock: log}
ingest: {threads: 1}
hold: {bytes: 10GiB, age: 24h}
state_dir: /var/lib/lastseen
store:
  type: sqlite
  path: /var/lib/lastseen/lastseen.db
  retry: {initial: 200ms, max: 5s}
  timeout: {connect: 5s, statement: 30s, lock: 5s}
control: {socket: /run/lastseen/control.sock, mode: "0660", http: "", tap: false}
shutdown: {timeout: 10s}
log: {level: info, format: text, file: ""}
)");
  EXPECT_EQ("web-1", config.agent_id);
}

TEST_F(ConfigSettings, IngestHasAtLeastOneThread) {
  EXPECT_EQ(1, good("").ingest.threads);
  EXPECT_EQ(8, good("ingest: {threads: 8}\n").ingest.threads);
  EXPECT_THAT(bad("ingest: {threads: 0}\n"), HasSubstr("it must be between 1 and 64"));
  EXPECT_THAT(bad("ingest: {threads: 65}\n"), HasSubstr("it must be between 1 and 64"));
}

TEST_F(ConfigSettings, TapIsOnOrOff) {
  EXPECT_TRUE(good("control: {tap: true}\n").control.tap);
  EXPECT_THAT(bad("control: {tap: maybe}\n"), HasSubstr("'tap'"));
  EXPECT_THAT(bad("hold: {agee: 24h}\n"), HasSubstr("did you mean 'age'?"));
  EXPECT_THAT(bad("hold: 5\n"), HasSubstr("'hold' must be a mapping"));
}

TEST_F(ConfigSettings, LimitsOnNewClientsAreGeneralAndPerInput) {
  const Config config = good_whole(
      "client_id: {new_per_second_max: 20, insert: false}\n"
      "inputs:\n- {name: a, path: /a.log, parser: json}\n"
      "- {name: b, path: /b.log, parser: json, client_id: {insert: true}}\n"
      "- {name: c, path: /c.log, parser: json, client_id: {new_per_second_max: 0}}\n");
  EXPECT_EQ(20, config.client_id.new_per_second_max);
  EXPECT_FALSE(config.inputs[0].client_id.insert);
  EXPECT_TRUE(config.inputs[1].client_id.insert);
  EXPECT_EQ(20, config.inputs[1].client_id.new_per_second_max);
  EXPECT_EQ(0, config.inputs[2].client_id.new_per_second_max);
  EXPECT_THAT(bad("client_id: {insert: maybe}\n"), HasSubstr("'insert'"));
  EXPECT_THAT(bad("client_id: {new_per_second_max: -1}\n"), HasSubstr("'new_per_second_max'"));
  EXPECT_THAT(bad("client_id: {new_per_second_max: 1000001}\n"), HasSubstr("'new_per_second_max'"));
}

TEST_F(ConfigSettings, HoldHasABudgetOfBytesAndAge) {
  const Config config = good("hold: {bytes: 1MiB, age: 10m}\n");
  EXPECT_EQ(1 << 20, config.hold.bytes);
  EXPECT_EQ(600'000, config.hold.age);
  EXPECT_EQ(0, good("hold: {bytes: 0}\n").hold.bytes);
  EXPECT_THAT(bad("hold: {age: 366d}\n"), HasSubstr("'age'"));
}

// ---- numbers

TEST_F(ConfigSettings, IntegersAreStrictlyDecimal) {
  EXPECT_EQ(1000, good("client_id: {length_max: 1000}\n").client_id.length_max);
  EXPECT_EQ(36, good("client_id: {length_max: \"36\"}\n").client_id.length_max);
  for (const char* text : {"010", "0x10", "1e3", "1_000", "+5", "5 0", "5.0", "ten", "''", "yes"}) {
    EXPECT_THAT(bad(std::string("client_id: {length_max: ") + text + "}\n"),
                HasSubstr("f.yaml:3:25: 'length_max' is '"))
        << text;
  }
  for (const char* text : {"0", "-1", "1001", "99999999999999999999"}) {
    EXPECT_THAT(bad(std::string("client_id: {length_max: ") + text + "}\n"),
                HasSubstr("it must be between 1 and 1000"))
        << text;
  }
  EXPECT_THAT(bad("client_id: {length_max: [5]}\n"), HasSubstr("not a list"));
  EXPECT_THAT(bad("client_id: {length_max: {}}\n"), HasSubstr("not a mapping"));
}

TEST_F(ConfigSettings, FlushClientsFitIntoTheBuffer) {
  EXPECT_EQ(200, good("buffer: {clients_max: 200}\nflush: {clients: 200}\n").flush.clients);
  EXPECT_THAT(bad("buffer: {clients_max: 200}\nflush: {clients: 201}\n"),
              HasSubstr("f.yaml:4:18: 'clients' must not be above buffer.clients_max (200)"));
}

TEST_F(ConfigSettings, RetryInitialIsNotAboveMax) {
  EXPECT_THAT(bad("store: {retry: {initial: 6s}}\n"),
              HasSubstr("f.yaml:3:26: 'initial' (6s) must not be above 'max' (5s)"));
  EXPECT_THAT(bad("store: {retry: {max: 100ms}}\n"), HasSubstr("f.yaml:3:22: 'initial' (200ms)"));
}

TEST_F(ConfigSettings, TimeoutsHaveALowerLimit) {
  EXPECT_THAT(bad("store: {timeout: {lock: 0}}\n"), HasSubstr("must be between 100ms and 1h"));
}

// ---- store

TEST_F(ConfigSettings, ScalarStoreIsItsType) {
  EXPECT_EQ("discard", good("store: discard\n").store.type);
  EXPECT_EQ("postgres", good("store: postgres\n").store.type);
  EXPECT_THAT(bad("store: discrad\n"), HasSubstr("f.yaml:3:8: 'type' is 'discrad'"));
}

TEST_F(ConfigSettings, KeysOfAnotherStoreAreRefused) {
  EXPECT_THAT(bad("store: {url: \"host=h\"}\n"),
              HasSubstr("'url' is for type 'postgres', and this store's type is 'sqlite'; remove"));
  EXPECT_THAT(bad("store: {type: postgres, path: x}\n"), HasSubstr("'path' is for type 'sqlite'"));
  EXPECT_THAT(bad("store: {type: discard, path: x}\n"), HasSubstr("'path' is for type 'sqlite'"));
  EXPECT_THAT(bad("store: {path: \"\"}\n"), HasSubstr("'path' must not be empty"));
  EXPECT_THAT(bad("store: {password_file: /x}\n"),
              HasSubstr("'password_file' is for type 'postgres'"));
}

TEST_F(ConfigSettings, PasswordFileIsRememberedAndNotOpened) {
  EXPECT_EQ("/no/password",
            good("store: {type: postgres, password_file: /no/password}\n").store.password_file);
  EXPECT_THAT(bad("store: {type: postgres, password_file: \"\"}\n"),
              HasSubstr("'password_file' must not be empty"));
  EXPECT_THAT(bad("store: {type: postgres, url: \"postgresql://u:hunter2@h/d\",\n"
                  "        password_file: /x}\n"),
              AllOf(HasSubstr("remove it from 'url'"), Not(HasSubstr("hunter2"))));
}

TEST_F(ConfigSettings, TableAndColumnsAreNames) {
  EXPECT_EQ("app.t_1$", good("store: {table: app.t_1$}\n").store.table);
  for (const char* table : {"\"\"", "a.b.c", ".a", "a.", "\"a;b\"", "a b", "'a\"b'", "\"a'b\""}) {
    EXPECT_THAT(bad(std::string("store: {table: ") + table + "}\n"),
                HasSubstr("must be TABLE or SCHEMA.TABLE"))
        << table;
  }
  EXPECT_THAT(bad("store: {columns: {id: \"\"}}\n"), HasSubstr("'id' is ''; it must be the name"));
  EXPECT_THAT(bad("store: {columns: {id: a.b}}\n"), HasSubstr("'id' is 'a.b'"));
  EXPECT_THAT(bad("store: {columns: {id: last_seen}}\n"), HasSubstr("name the same column"));
  EXPECT_THAT(bad("store: {columns: {created_at: client_id}}\n"),
              HasSubstr("'created_at' names the same column as another key"));
}

// ---- control, log, agent_id

TEST_F(ConfigSettings, ModeIsOctalText) {
  EXPECT_EQ(0660, good("control: {mode: \"0660\"}\n").control.mode);
  EXPECT_EQ(0600, good("control: {mode: 0600}\n").control.mode);
  EXPECT_EQ(0600, good("control: {mode: 600}\n").control.mode);
  for (const char* mode : {"0680", "6", "1777", "06600", "rw-rw----", "0o660"}) {
    EXPECT_THAT(bad(std::string("control: {mode: ") + mode + "}\n"),
                HasSubstr("must be an octal file mode"))
        << mode;
  }
}

TEST_F(ConfigSettings, HttpIsHostAndPort) {
  for (const char* http : {"127.0.0.1:9464", "localhost:1", "[::1]:65535", "my-host.example:80"}) {
    EXPECT_EQ(http, good(std::string("control: {http: \"") + http + "\"}\n").control.http);
  }
  for (const char* http : {"9464", ":9464", "h:0", "h:65536", "h:", "::1:80", "[]:80", "h:080",
                           "http://h:80", "h/x:80", "[::1]80"}) {
    EXPECT_THAT(bad(std::string("control: {http: \"") + http + "\"}\n"), HasSubstr("HOST:PORT"))
        << http;
  }
}

TEST_F(ConfigSettings, SocketPathFitsIntoASocketAddress) {
  EXPECT_EQ("", good("control: {socket: \"\"}\n").control.socket);
  EXPECT_EQ(107u, good("control: {socket: " + std::string(107, 'a') + "}\n").control.socket.size());
  EXPECT_THAT(bad("control: {socket: " + std::string(108, 'a') + "}\n"),
              HasSubstr("'socket' is 108 bytes long"));
}

TEST_F(ConfigSettings, EnumsListTheirValues) {
  EXPECT_THAT(bad("log: {level: warning}\n"),
              HasSubstr("'level' is 'warning'; it must be one of trace, debug, info, warn, error"));
  EXPECT_THAT(bad("log: {format: jason}\n"), HasSubstr("did you mean 'json'?"));
  EXPECT_THAT(bad_input("path: x, parser: json, start: start"), HasSubstr("one of begin, end"));
  EXPECT_THAT(bad("last_seen: {clock: wall}\n"), HasSubstr("one of log, arrival"));
}

TEST_F(ConfigSettings, AgentIdIsCheckedAndMayLookLikeANumber) {
  EXPECT_EQ("007", good("agent_id: 007\n").agent_id);
  EXPECT_THAT(bad("agent_id: \"\"\n"), HasSubstr("f.yaml:3:11: 'agent_id' is ''"));
  EXPECT_THAT(bad("agent_id: a b\n"), HasSubstr("'agent_id' is 'a b'"));
  EXPECT_THAT(bad("agent_id: [a]\n"), HasSubstr("'agent_id' must be text"));
}

// ---- variables

TEST_F(ConfigSettings, VariablesAreReplacedAfterYaml) {
  variables_ = {{"DIR", "/var: {log}"}, {"N", "200"}, {"EMPTY", ""}, {"DOLLAR", "${N}"}};
  EXPECT_EQ("/var: {log}/x", good("log: {file: \"${DIR}/x\"}\n").log.file);
  EXPECT_EQ(200, good("buffer:\n  clients_max: ${N}\n").buffer.clients_max);
  EXPECT_EQ("", good("log: {file: \"${EMPTY}\"}\n").log.file);
  EXPECT_EQ("d:-x", good("log: {file: \"${EMPTY:-d:-x}\"}\n").log.file);
  EXPECT_EQ("", good("log: {file: \"${NONE:-}\"}\n").log.file);
  EXPECT_EQ("200", good("log: {file: \"${N:-300}\"}\n").log.file);
  EXPECT_EQ("${N}", good("log: {file: \"${DOLLAR}\"}\n").log.file);
  EXPECT_EQ("${N}$N$", good("log: {file: \"$${N}$N$\"}\n").log.file);
}

TEST_F(ConfigSettings, BadVariablesAreErrorsWithTheirPlace) {
  EXPECT_EQ(
      "f.yaml:4:9: environment variable 'NONE' is not set; set it, or give a default: "
      "${NONE:-default}\n"
      "  file: /x/${NONE}\n"
      "        ^\n",
      bad("log:\n  file: /x/${NONE}\n"));
  EXPECT_THAT(bad("log:\n  file: /x/${NONE\n"), HasSubstr("'${' without '}'"));
  for (const char* bad_name : {"${}", "${A-B}", "${1}", "${A:+x}", "${ A}"}) {
    EXPECT_THAT(bad(std::string("log:\n  file: x") + bad_name + "\n"),
                HasSubstr("names no environment variable"))
        << bad_name;
  }
}

TEST_F(ConfigSettings, ProcessEnvironmentTellsUnsetFromEmpty) {
  ASSERT_EQ(0, ::setenv("LASTSEEN_TEST_EMPTY", "", 1));
  EXPECT_EQ("", process_environment()("LASTSEEN_TEST_EMPTY"));
  EXPECT_EQ(std::nullopt, process_environment()("LASTSEEN_TEST_NOT_SET"));
}

}  // namespace
}  // namespace lastseen
