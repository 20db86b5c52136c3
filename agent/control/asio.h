// Boost.Asio's core, set up the same way in every file: include this before any other of it.
#pragma once

// ThreadSanitizer does not know memory fences (GCC warns). Asio's queues are under mutexes too,
// which it does know, so nothing is hidden from it without them.
#if defined(__SANITIZE_THREAD__)
#define BOOST_ASIO_DISABLE_FENCED_BLOCK 1
#endif

#include <boost/asio/io_context.hpp>
