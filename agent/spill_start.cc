#include "spill_start.h"

#include <algorithm>
#include <set>
#include <utility>

#include "store_place.h"

namespace lastseen {

namespace {

void set_aside(StateFile& file, const std::string& why, Log& log) {
  const Result<std::string> place = file.set_aside();
  const std::string where = place ? "it was moved to " + *place
                                  : "it could not be moved away: " + place.status().message();
  log.error("the spill file " + file.path() + " cannot be used: " + why + "; " + where +
            ". What feeds had brought before the last stop and was not committed is lost; nothing "
            "else is");
}

constexpr std::string_view kSpillSuffix = ".spill";

std::string spill_name(std::string agent_id) {
  std::replace(agent_id.begin(), agent_id.end(), '/', '%');  // an agent_id holds no %
  return agent_id.append(kSpillSuffix);
}

}  // namespace

std::string spill_path(const Config& config) {
  return config.state_dir + "/" + spill_name(config.agent_id);
}

SpillOwner spill_owner(const Config& config) {
  return {config.agent_id, store_place(config.store), store_place_by_url(config.store)};
}

void say_other_spills(const Config& config, FileSystem& files, Log& log) {
  const Result<std::vector<std::string>> names = files.list(config.state_dir);
  if (!names) return;
  for (const std::string& name : *names) {
    if (!name.ends_with(kSpillSuffix) || name == spill_name(config.agent_id)) continue;
    std::string agent_id = name.substr(0, name.size() - kSpillSuffix.size());
    std::replace(agent_id.begin(), agent_id.end(), '%', '/');
    log.warn(
        "another agent left what its feeds had brought and was not committed; only an agent of "
        "that name reads it. If this one had that name before, start it once under it",
        {{"agent_id", agent_id}, {"file", config.state_dir + "/" + name}});
  }
}

std::vector<SpillPart> read_spill(StateFile& file, const SpillOwner& owner, Log& log) {
  const Result<std::optional<std::string>> bytes = file.read();
  if (bytes && !*bytes) return {};
  Result<std::vector<SpillPart>> parts = bytes ? decode_spill(owner, **bytes) : bytes.status();
  if (!parts) {
    set_aside(file, parts.status().message(), log);
    return {};
  }
  log.info("found what feeds had brought before the last stop",
           {{"file", file.path()}, {"lines", lines_of(*parts)}});
  return std::move(*parts);
}

void say_left_out_inputs(const std::vector<SpillPart>& parts,
                         const std::vector<PipelineInput>& inputs, Log& log) {
  std::set<std::string> known;
  for (const PipelineInput& input : inputs) known.insert(input.name);
  for (const SpillPart& part : parts) {
    const auto decoded = decode_part(part.bytes);
    if (!decoded) continue;
    for (const SpilledInput& spilled : *decoded)
      if (known.insert(spilled.name).second)
        log.warn(
            "an input is no longer configured; what it had brought is committed all the same. Put "
            "it back if it was left out by mistake",
            {{"input", spilled.name}});
  }
}

}  // namespace lastseen
