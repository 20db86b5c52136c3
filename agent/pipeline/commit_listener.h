// For parts that act on what was committed: presence, a live feed, a second tier.
#pragma once

#include "base/batch.h"
#include "store/store.h"

namespace lastseen {

/// Called on the flush thread, after the commit is certain and before the batch is freed. Must
/// not block for long: the next commit waits.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  virtual void committed(const Batch& batch, const CommitResult& result) = 0;
};

}  // namespace lastseen
