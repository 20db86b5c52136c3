// The kinds of feeds, for make_feed() alone.
#pragma once

#include <memory>

#include "source/feed.h"

namespace lastseen {

/// unix_datagram
std::shared_ptr<Feed> make_datagram_feed(const InputSettings& input,
                                         std::shared_ptr<FeedQueue> queue, Log& log, int passed_fd);
/// unix_stream, fifo and stdin
std::shared_ptr<Feed> make_stream_feed(const InputSettings& input, std::shared_ptr<FeedQueue> queue,
                                       Log& log, int passed_fd);

}  // namespace lastseen
