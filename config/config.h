// Everything that can be configured, as plain structs. Each member: meaning, unit, default, range.
// load.h reads them from YAML; config/lastseen.yaml is the same list for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lastseen {

/// A number of milliseconds; written `200ms 1s 5m 24h 7d`.
using Milliseconds = int64_t;
/// A number of bytes; written `512 64KiB 1MiB 10GiB`.
using Bytes = int64_t;

/// Where reading begins in files that exist when an input has no stored positions at all.
enum class Start { kBegin, kEnd };

/// Whose time a sighting carries.
enum class SightingClock {
  kLog,      ///< The line's own time.
  kArrival,  ///< When the agent read the line.
};

struct ParserSettings {
  /// json | combined | common | vhost_combined | log_format | logfmt | ltsv | ndjson | regex |
  /// plugin
  std::string type;
  // For the types whose fields have names: those of the fields that hold time, request target and
  // body; empty: the usual.
  std::string time;
  std::string uri;
  std::string body;
  // For `log_format`: whose format it is, and the format string or the name of one built in.
  std::string dialect = {};  ///< nginx | apache | envoy | haproxy
  std::string format = {};   ///< As it stands in the proxy's configuration; never expanded.
  std::string preset = {};   ///< combined | common | vhost_combined | httplog | default
  bool syslog = false;       ///< Any type: an RFC 3164 or 5424 header stands before each line.
  std::vector<std::string> base64 = {};  ///< Names of fields whose values are base64.
  std::string regex = {};                ///< regex: RE2 with named groups.
  bool escaped = false;                  ///< regex: values have backslash escapes (`\x22`, `\"`).
  std::string path = {};                 ///< plugin: the shared object.
  std::string options = {};              ///< plugin: text for it alone.
  bool operator==(const ParserSettings&) const = default;
};

/// A place in a line at which the client id may stand.
struct IdPlace {
  enum class Kind { kBody, kField, kQuery, kHeader, kCookie, kPath, kJwt };
  Kind kind = Kind::kField;
  /// Of the key, field, parameter, header, cookie or claim; of a path its pattern: `/clients/{id}`.
  std::string name;
  bool operator==(const IdPlace&) const = default;
};

/// Responses whose requests count.
struct StatusRange {
  int first = 0;
  int last = 0;  ///< Included.
  bool operator==(const StatusRange&) const = default;
};

inline std::vector<IdPlace> usual_id_places() {
  return {{IdPlace::Kind::kBody, "client_id"},
          {IdPlace::Kind::kField, "client_id"},
          {IdPlace::Kind::kQuery, "client_id"}};
}

struct ClientIdSettings {
  int length_max = 50;  ///< Code points, 1 … 1000; longer is skipped{too_long}.
  /// Asked in this order, 1 … 8; the first that gives an id decides.
  std::vector<IdPlace> from = usual_id_places();
  std::string pattern = {};  ///< RE2; an id that does not match whole is skipped{not_allowed}.
  std::vector<StatusRange> status =
      {};  ///< Other responses are skipped{not_allowed}; empty: all count.
  /// Clients a second that an input may add to the table, 0 … 1,000,000; sightings of others that
  /// the table lacks are skipped{not_allowed}. By the times of the sightings. 0: no limit.
  int64_t new_per_second_max = 0;
  bool insert = true;  ///< false: what the table lacks is skipped{not_allowed}.
  bool operator==(const ClientIdSettings&) const = default;
};

struct InputSettings {
  std::string name;           ///< Unique; [A-Za-z0-9_.-]{1,64}.
  std::string type = "file";  ///< file | unix_datagram | unix_stream | fifo | stdin
  /// Absolute or relative to the working directory; of a file also a glob; of stdin empty.
  std::string path;
  std::optional<Start> start;  ///< Unset: `end` for run, `begin` for run --once.
  ParserSettings parser;
  std::string time_zone = "UTC";    ///< UTC | local | Area/City; of times without an offset.
  Bytes line_bytes_max = 1 << 20;   ///< 1 KiB … 64 MiB; a longer line is skipped{line_too_long}.
  ClientIdSettings client_id = {};  ///< The general ones, with what this input changes of them.
  // Of a socket or fifo, as it is made:
  int mode = 0660;
  std::string owner = {};  ///< A name or number; empty: whoever runs the agent.
  std::string group = {};  ///< As owner.
  /// Never configured; set by `backfill`: the files to read once, instead of following `path`.
  std::vector<std::string> logs = {};
  bool operator==(const InputSettings&) const = default;
};

struct BufferSettings {
  int64_t clients_max = 100'000;  ///< All generations together, 100 … 100,000,000.
  bool operator==(const BufferSettings&) const = default;
};

struct FlushSettings {
  Milliseconds interval = 1000;  ///< 0 … 1h; 0: as soon as the last batch is committed.
  int64_t clients = 0;  ///< New clients that make a flush come early; 0: half of clients_max.
  bool operator==(const FlushSettings&) const = default;
};

struct IngestSettings {
  int64_t threads = 1;  ///< That parse what files hold, 1 … 64.
  bool operator==(const IngestSettings&) const = default;
};

struct LastSeenSettings {
  Milliseconds resolution =
      0;  ///< A smaller move of last_seen waits until the client is idle that long.
  Milliseconds future_max = 60'000;  ///< Times further ahead of the store's clock are clamped.
  SightingClock clock = SightingClock::kLog;
  bool operator==(const LastSeenSettings&) const = default;
};

/// For files that were deleted, or moved out of sight, before they were read: they are kept open.
struct HoldSettings {
  Bytes bytes = int64_t{10} << 30;  ///< Of all such files together, 0 … 1 PiB.
  Milliseconds age = 86'400'000;    ///< Since the file was last seen under a name, 0 … 365d.
  bool operator==(const HoldSettings&) const = default;
};

/// Names of the columns of an existing table; created_at may be "" (the table has none).
struct ColumnNames {
  std::string id = "client_id";
  std::string last_seen = "last_seen";
  std::string created_at = "created_at";
  bool operator==(const ColumnNames&) const = default;
};

struct StoreSettings {
  std::string type = "sqlite";                         ///< sqlite | postgres | discard
  std::string path = "/var/lib/lastseen/lastseen.db";  ///< sqlite
  /// postgres: URL or libpq keyword string. Assembled by the loader from `url`, then PG_HOST,
  /// PG_PORT, PG_DATABASE, PG_USER, PG_PASSWORD; what stays unset is libpq's own affair.
  /// Holds the password: never print it.
  std::string url;
  /// postgres: a file with the password alone, read at each connect; "": there is none.
  std::string password_file;
  std::string table = "client_activity";  ///< Optionally schema-qualified.
  ColumnNames columns;
  Milliseconds retry_initial = 200;  ///< Backoff doubles from here, with full jitter …
  Milliseconds retry_max = 5000;     ///< … up to here.
  Milliseconds timeout_connect = 5000;
  Milliseconds timeout_statement = 30'000;
  Milliseconds timeout_lock = 5000;
  bool operator==(const StoreSettings&) const = default;
};

struct ControlSettings {
  std::string socket = "/run/lastseen/control.sock";  ///< "" : no control socket.
  int mode = 0660;                                    ///< Of the socket file.
  std::string http;  ///< "HOST:PORT": also GET /metrics, /healthz, /readyz over TCP.
  /// Whoever may connect to the socket may see client ids: GET /tap and GET /clients/ID.
  bool tap = false;
  bool operator==(const ControlSettings&) const = default;
};

enum class LogLevelSetting { kTrace, kDebug, kInfo, kWarn, kError };

struct LogSettings {
  LogLevelSetting level = LogLevelSetting::kInfo;
  bool json = false;  ///< `format: json`
  std::string file;   ///< "": stderr
  bool operator==(const LogSettings&) const = default;
};

struct Config {
  std::string agent_id;               ///< Default: host name; [A-Za-z0-9_.:/-]{1,128}.
  std::vector<InputSettings> inputs;  ///< At least one.
  ClientIdSettings client_id;
  BufferSettings buffer;
  FlushSettings flush;
  LastSeenSettings last_seen;
  IngestSettings ingest;
  HoldSettings hold;
  std::string state_dir = "/var/lib/lastseen";
  StoreSettings store;
  ControlSettings control;
  Milliseconds shutdown_timeout = 10'000;
  LogSettings log;
  bool operator==(const Config&) const = default;
};

}  // namespace lastseen
