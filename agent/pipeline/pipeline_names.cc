// Under which name the store has the positions of an input whose name changes.
#include <algorithm>
#include <iterator>
#include <utility>

#include "pipeline/pipeline.h"

namespace lastseen {

namespace {

// A list of its own: a source takes all that stands in it for its rows.
std::vector<Position> positions_of(Source& source) {
  std::vector<Position> positions;
  source.collect(positions);
  return positions;
}

void append(std::vector<Position>& out, std::vector<Position> positions) {
  std::move(positions.begin(), positions.end(), std::back_inserter(out));
}

}  // namespace

// Of what is stored of a source; all of it is stored again.
Pipeline::Keys Pipeline::keys_of(Source& source) {
  const std::vector<std::string> keys = source.store_anew({});
  return {keys.begin(), keys.end()};
}

// Until it takes its place, what is stored of a source is stored under the name that it came from,
// together with the lines that were read of it.
Pipeline::Next* Pipeline::waiting_source_of(const Input& former) const {
  for (const auto& input : inputs_)
    if (input->next && input->next->origin.name == former.parts.name) return input->next.get();
  return nullptr;
}

// What the next batch says of its positions.
void Pipeline::collect_positions(Input& input, std::vector<Position>& out, Now now) {
  append(out, positions_of(*input.parts.source));
  if (Next* waiting = waiting_source_of(input)) {
    std::vector<Position> theirs = positions_of(*waiting->parts.source);
    std::erase_if(theirs, [&](const Position& position) {  // of keys that are the same for all
      return input.parts.source->has_row(position.stream);
    });
    for (const Position& position : theirs) waiting->origin.keys.insert(position.stream);
    append(out, std::move(theirs));
  }
  input.renamed_out = !input.origin.name.empty();
  input.rows_out = std::exchange(input.rows_gone, {});
  for (const Position& position : out)
    if (!position.gone) input.rows_out.erase(position.stream);
  for (const std::string& key : input.rows_out) {
    out.emplace_back().stream = key;
    out.back().gone = true;
  }
  for (Position& position : out)
    if (position.updated_ms == 0) position.updated_ms = now.wall_ms;
}

bool Pipeline::names_wait() const {
  return std::any_of(inputs_.begin(), inputs_.end(), [](const auto& input) {
    return input->next && !input->next->origin.name.empty();
  });
}

// The batch that has its positions under the new name takes those under the old one away. Some keys
// are the same for all sources: whoever took its place there may have a row under them already.
void Pipeline::take_rows_along(Next& next) {
  if (!loaded_ || next.origin.name.empty()) return;
  Keys& keys = next.origin.keys;
  keys.merge(keys_of(*next.parts.source));
  if (Input* here = find_input(next.parts.name))  // they may be on their way back
    for (Keys* rows : {&here->rows_gone, &here->rows_out})
      std::erase_if(*rows, [&](const std::string& key) { return keys.contains(key); });
  Input* former = find_input(next.origin.name);
  if (former == nullptr || next.origin.name == next.parts.name) return;
  for (const std::string& key : keys)
    if (!former->parts.source->has_row(key)) former->rows_gone.insert(key);
}

// The batch is void that was to take them away.
void Pipeline::rows_not_gone(Input& input) {
  input.rows_gone.merge(input.rows_out);
  input.rows_out.clear();
}

}  // namespace lastseen
