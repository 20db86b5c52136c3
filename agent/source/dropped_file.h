// What is kept of a file whose descriptor is given up.
#pragma once

#include <string>

#include "base/batch.h"
#include "base/file_system.h"

namespace lastseen {

/// A file that was let go before its position was known.
struct DroppedFile {
  Position identity;
  FileStat stat;
  std::string path;
  bool existed = false;
  std::string key;       // empty: it never had a position
  bool sibling = false;  // whether it was to be read, only a position or a chain tells
  std::string first;     // of a sibling's bytes, at most kHeadBytesMax
  bool is_news = false;  // a chain leads to it
};

}  // namespace lastseen
