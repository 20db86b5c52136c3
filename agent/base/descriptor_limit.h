// How many descriptors this process may have.
#pragma once

#include <cstddef>

namespace lastseen {

/// Raises the soft limit to the hard one, which needs no right, and returns what is in force. The
/// soft one is 1024 for the sake of select(), which nothing here uses.
size_t raise_descriptor_limit();

}  // namespace lastseen
