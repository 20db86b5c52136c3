// Entries of systemd's journal, where stderr is one.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/log.h"

namespace lastseen {

/// Whether stderr goes to the journal (JOURNAL_STREAM in systemd.exec(5)), and not to a pipe or
/// file that a shell put in its place.
bool stderr_is_journal();

/// One entry with MESSAGE, PRIORITY (of syslog(3)) and each of `fields` under its key in capitals.
/// False: the journal did not take it.
bool write_to_journal(int priority, std::string_view message,
                      std::initializer_list<LogField> fields);

}  // namespace lastseen
