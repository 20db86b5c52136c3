// One failing call between a store and what it keeps its data in.
#pragma once

#include <cstdint>
#include <memory>

#include "config/config.h"

namespace lastseen {

/// Counts the calls (SQLite: of its file system; PostgreSQL: messages of the protocol, in both
/// directions) of every store that is opened with settings(), and fails one of them.
class NthCall {
 public:
  enum class How {
    kFails,    ///< SQLite: an I/O error. PostgreSQL: the message is lost with its connection.
    kRefused,  ///< SQLite: disk full, or busy. PostgreSQL: the message arrives, then the same.
  };
  virtual ~NthCall() = default;
  virtual StoreSettings settings() const = 0;
  /// The Nth call from now, 1 being the next.
  virtual void arm(int64_t n, How how) = 0;
  /// Since arm().
  virtual bool happened() const = 0;
};

/// While it lives, every SQLite database of the process is opened through it.
std::unique_ptr<NthCall> make_sqlite_nth_call(StoreSettings settings);
std::unique_ptr<NthCall> make_postgres_nth_call(StoreSettings settings);

}  // namespace lastseen
