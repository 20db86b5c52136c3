// Files that another agent has read: an input that is new to the store does not begin in them.
//
// A container that gets a new host name is a new agent to the store. By `start: end` it would miss
// what was written meanwhile, by `start: begin` count everything again. So all of the input waits,
// its files held open, until somebody says what it is: positions are taken over or forgotten, and
// the store answers anew.
#include "source/file_source.h"

namespace lastseen {

void FileSource::note_foreign(const StoredInput& stored) {
  foreign_ = known_ ? ForeignFiles() : ForeignFiles(stored.foreign);
  if (held_back() && (known_ || foreign_.empty()))
    log_.info("no other agent has read what this input names; it goes on",
              {{"input", settings_.name}});
  readers_.clear();
  said_readers_.clear();
  for (const auto& stream : streams_)
    if (stream) stream->reader.clear();
}

// Also among rotated siblings: of a log that was rotated while its agent got another name only
// those were read. Those that cannot be read have to be looked at again.
void FileSource::look_for_readers() {
  if (foreign_.empty() || begun_) return;
  for (const auto& stream : streams_) {
    if (!stream || !stream->file.is_open() || stream->file.placed()) continue;
    if (!stream->reader.empty()) continue;
    Result<std::string> reader = foreign_.reader_of(stream->file);
    if (!reader || reader->empty()) continue;
    stream->reader = *reader;
    readers_.insert(std::move(*reader));
  }
  say_readers();
}

void FileSource::say_readers() {
  if (readers_ == said_readers_) return;
  for (const auto& stream : streams_) {
    if (!stream || stream->reader.empty() || !said_readers_.insert(stream->reader).second) continue;
    log_.error(
        "another agent has read what this input names, so it waits and reads nothing. Set agent_id "
        "to that agent's name, or run 'lastseen positions take --from AGENT' (go on where it "
        "stood) "
        "or 'lastseen positions forget --agent AGENT' (begin as `start` says)",
        {{"input", settings_.name}, {"agent", stream->reader}, {"path", stream->path}});
  }
}

}  // namespace lastseen
