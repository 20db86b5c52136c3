// `lastseen positions`: where the agent stands in each file, and a way to move it.
#include <sys/stat.h>

#include <algorithm>
#include <iostream>
#include <utility>

#include "base/json_writer.h"
#include "base/time_text.h"
#include "command_support.h"
#include "commands.h"
#include "exit_code.h"

namespace lastseen {

namespace {

// An agent commits at least every 10 s: who was seen within three of these may be running.
constexpr int64_t kMayRunMs = 30'000;

constexpr const char* kKeepsNoPositions = "this type of store keeps no positions";

std::string count_of(uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string hex_of(uint64_t number) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; number >>= 4) text[i] = kDigits[number & 15];
  return text;
}

void print_json(const StoredAgent& agent) {
  JsonWriter json;
  for (const AgentState::Input& input : agent.state.inputs) {
    for (const Position& position : input.positions) {
      json.clear();
      json.begin_object();
      json.member("agent_id", std::string_view(agent.agent_id));
      json.member("input", std::string_view(input.name));
      json.member("stream", std::string_view(escape_for_log(position.stream)));
      json.member("path", std::string_view(escape_for_log(position.path)));
      json.member("position", position.position);
      json.member("discarding", position.discarding);
      json.member("size", position.size);
      json.member("device", position.device);
      json.member("inode", position.inode);
      json.member("birth_ns", position.birth_ns);
      json.member("generation", position.generation);
      json.member("head_bytes", uint64_t{position.head_bytes});
      json.member("head_hash", std::string_view(hex_of(position.head_hash)));
      json.member("tail_bytes", uint64_t{position.tail_bytes});
      json.member("tail_hash", std::string_view(hex_of(position.tail_hash)));
      json.member("updated_at", std::string_view(format_utc_ms(position.updated_ms)));
      json.end_object();
      std::cout << json.text() << '\n';
    }
  }
}

void print_agent(const StoredAgent& agent) {
  std::cout << agent.agent_id << ": seen " << format_utc_ms(agent.seen_ms) << ", epoch "
            << agent.state.epoch << ", batch " << batches_of(agent.state.batch) << '\n';
  std::vector<std::vector<std::string>> table = {
      {"  INPUT", "STREAM", "POSITION", "SIZE", "INODE", "HEAD", "UPDATED", "FILE"}};
  for (const AgentState::Input& input : agent.state.inputs) {
    for (const Position& position : input.positions)
      table.push_back({"  " + input.name, escape_for_log(position.stream),
                       std::to_string(position.position), std::to_string(position.size),
                       std::to_string(position.device) + ":" + std::to_string(position.inode),
                       hex_of(position.head_hash) + "/" + std::to_string(position.head_bytes),
                       format_utc_ms(position.updated_ms), escape_for_log(position.path)});
    if (input.positions.empty()) table.push_back({"  " + input.name, "(no file)"});
  }
  print_table(table);
}

// The agent among all that the store knows.
Result<StoredAgent> find_agent(StoreAdmin& admin, const std::string& agent_id) {
  auto agents = admin.agents();
  if (!agents) return agents.status();
  for (StoredAgent& agent : *agents)
    if (agent.agent_id == agent_id) return Result<StoredAgent>(std::move(agent));
  std::string known;
  for (const StoredAgent& agent : *agents) known += (known.empty() ? "" : ", ") + agent.agent_id;
  return Status::not_found("the store knows no agent '" + agent_id +
                           (known.empty() ? "', nor any other" : "'; it knows " + known));
}

// Streams of `input` that `file` names: the key of one, or the path of any number.
Result<std::vector<Position>> find_streams(const StoredAgent& agent, const std::string& input,
                                           const std::string& file) {
  const auto known = std::find_if(agent.state.inputs.begin(), agent.state.inputs.end(),
                                  [&](const auto& one) { return one.name == input; });
  if (known == agent.state.inputs.end())
    return Status::not_found("agent '" + agent.agent_id + "' has no input '" + input +
                             "'; 'lastseen positions list' shows all");
  std::vector<Position> found;
  for (const Position& position : known->positions)
    if (file.empty() || position.stream == file || position.path == file) found.push_back(position);
  if (!found.empty() || file.empty()) return found;
  return Status::not_found("input '" + input + "' has no position in " + file +
                           "; 'lastseen positions list' shows all");
}

// Past its end a file would be taken for truncated and read from its first byte.
uint64_t largest_position(const Position& stored) {
  struct stat info;
  const bool there = stat(stored.path.c_str(), &info) == 0 && info.st_ino == stored.inode;
  return std::max<uint64_t>(stored.size, there ? static_cast<uint64_t>(info.st_size) : 0);
}

int change(const PositionsArguments& arguments, bool set) {
  const std::optional<Config> config = load_or_explain(arguments.config_path);
  if (!config) return kExitUsage;
  const std::string agent_id = arguments.agent_id.empty() ? config->agent_id : arguments.agent_id;
  if (!arguments.force && agent_answers(config->control.socket))
    return fail("the agent runs (it answers on " + config->control.socket +
                "); stop it first, or give --force: it then goes to the new place at once");
  const auto open = open_store(*config, false);
  if (!open) return fail(open.status().message());
  StoreAdmin* admin = open->store->admin();
  if (!admin) return fail(kKeepsNoPositions);
  const auto agent = find_agent(*admin, agent_id);
  if (!agent) return fail(agent.status().message());
  const auto streams = find_streams(*agent, arguments.input, arguments.file);
  if (!streams) return fail(streams.status().message());

  std::vector<PositionChange> changes;
  if (set && streams->size() > 1)
    return fail(arguments.file + " names " + std::to_string(streams->size()) +
                " streams; name one by its key, as 'lastseen positions list' shows it");
  for (const Position& stream : *streams) {
    if (set && arguments.position > largest_position(stream))
      return fail(arguments.file + " has only " + std::to_string(largest_position(stream)) +
                  " bytes");
    if (set) changes.push_back({arguments.input, stream.stream, arguments.position});
    if (!set && !arguments.file.empty())
      changes.push_back({arguments.input, stream.stream, std::nullopt});
  }
  if (!set && arguments.file.empty()) changes.push_back({arguments.input, "", std::nullopt});
  const auto changed = admin->change_positions(agent_id, changes);
  if (!changed) return fail(changed.status().message());
  if (set)
    std::cout << "set: reading goes on at byte " << arguments.position << " of "
              << escape_for_log(streams->front().path) << '\n';
  else if (arguments.file.empty())
    std::cout << "forgotten: input '" << arguments.input << "' begins anew, as `start` says\n";
  else
    std::cout << "forgotten: " << arguments.file << " is read from its first byte\n";
  return kExitDone;
}

// A change for all of another agent's rows. It must not run: it would begin anew, by `start`.
Result<StoredAgent> find_resting_agent(StoreAdmin& admin, const std::string& agent_id, bool force) {
  auto agent = find_agent(admin, agent_id);
  if (!agent || force || agent->seen_ago_ms >= kMayRunMs) return agent;
  return Status::retry("agent '" + agent_id + "' was seen " +
                       std::to_string(std::max<int64_t>(agent->seen_ago_ms, 0) / 1000) +
                       " s ago, so it may be running; stop it, and try again in " +
                       std::to_string(kMayRunMs / 1000) + " s, or give --force");
}

int forget_agent(const PositionsArguments& arguments) {
  const std::optional<Config> config = load_or_explain(arguments.config_path);
  if (!config) return kExitUsage;
  const auto open = open_store(*config, false);
  if (!open) return fail(open.status().message());
  StoreAdmin* admin = open->store->admin();
  if (!admin) return fail(kKeepsNoPositions);
  const auto agent = find_resting_agent(*admin, arguments.agent_id, arguments.force);
  if (!agent) return fail(agent.status().message());
  const auto done = admin->forget_agent(arguments.agent_id, config->agent_id);
  if (!done) return fail(done.status().message());
  std::cout << "forgotten: agent '" << arguments.agent_id << "', with "
            << count_of(done->streams, "row") << " of its positions and totals\n";
  return kExitDone;
}

}  // namespace

int positions_take_command(const PositionsArguments& arguments) {
  const std::optional<Config> config = load_or_explain(arguments.config_path);
  if (!config) return kExitUsage;
  const std::string& to = arguments.agent_id.empty() ? config->agent_id : arguments.agent_id;
  if (arguments.from == to) {
    std::cerr << "lastseen: --from names '" << to << "' itself\n";
    return kExitUsage;
  }
  const auto open = open_store(*config, false);
  if (!open) return fail(open.status().message());
  StoreAdmin* admin = open->store->admin();
  if (!admin) return fail(kKeepsNoPositions);
  const auto agent = find_resting_agent(*admin, arguments.from, arguments.force || arguments.copy);
  if (!agent) return fail(agent.status().message());
  const auto done = admin->take_positions(arguments.from, to, arguments.copy);
  if (!done) return fail(done.status().message());
  std::cout << (arguments.copy ? "copied: " : "taken: ") << count_of(done->streams, "position");
  if (!arguments.copy)
    std::cout << " and " << count_of(done->quarantined, "quarantined row") << ", with the totals,";
  std::cout << " of '" << arguments.from << "' " << (arguments.copy ? "for" : "are now of") << " '"
            << to << "'\n";
  for (const std::string& input : done->own)
    std::cout << "left: in input '" << input << "' '" << to << "' has positions of its own\n";
  return kExitDone;
}

int positions_list_command(const PositionsArguments& arguments) {
  const std::optional<Config> config = load_or_explain(arguments.config_path);
  if (!config) return kExitUsage;
  const auto open = open_store(*config, true);
  if (!open) return fail(open.status().message());
  StoreAdmin* admin = open->store->admin();
  if (!admin) return fail(kKeepsNoPositions);
  std::vector<StoredAgent> agents;
  if (arguments.all) {
    auto all = admin->agents();
    if (!all) return fail(all.status().message());
    agents = std::move(*all);
  } else {
    auto one =
        find_agent(*admin, arguments.agent_id.empty() ? config->agent_id : arguments.agent_id);
    if (!one) return fail(one.status().message());
    agents.push_back(std::move(*one));
  }
  for (const StoredAgent& agent : agents) arguments.json ? print_json(agent) : print_agent(agent);
  return kExitDone;
}

int positions_set_command(const PositionsArguments& arguments) {
  return change(arguments, true);
}

int positions_forget_command(const PositionsArguments& arguments) {
  if (arguments.input.empty() && arguments.agent_id.empty()) {
    std::cerr << "lastseen: name an INPUT, or with --agent a whole agent to forget\n";
    return kExitUsage;
  }
  if (arguments.input.empty()) return forget_agent(arguments);
  return change(arguments, false);
}

}  // namespace lastseen
