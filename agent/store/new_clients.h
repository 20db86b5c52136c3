// Which clients of a batch may be added to the table (`client_id.insert`, `new_per_second_max`).
// Pure: a store asks the table who is absent, this decides and counts.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/batch.h"
#include "store/store.h"
#include "store/upsert_rows.h"

namespace lastseen {

/// Whether any input of the batch may add only so many clients.
bool has_limits(const Batch& batch);

/// Indices of the rows that no input without a limit sends: the table is to be asked for these.
std::vector<size_t> limited_rows(const Batch& batch, const std::vector<UpsertRow>& rows);

/// Takes out of `rows` the clients that the table lacks (`absent`: indices, any order) and that
/// their inputs may not add any more. The limit is for those who were seen first, so that nobody
/// gets in front by the spelling of an id. Sets `not_allowed`, `added`, `left_out` and `rows` of
/// the result.
void leave_out(const Batch& batch, std::vector<UpsertRow>& rows, std::vector<size_t> absent,
               CommitResult* result);

/// After kAlreadyCommitted: what that commit had moved, from the stored skipped{not_allowed}.
void note_not_allowed(const Batch& batch, std::string_view input, uint64_t stored_total,
                      CommitResult* result);

}  // namespace lastseen
