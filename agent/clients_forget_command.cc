// `lastseen clients forget`: deletes a row, and lets the running agent forget it too.
#include <iostream>

#include "base/clock.h"
#include "command_support.h"
#include "commands.h"
#include "control/control_client.h"
#include "control/query_text.h"
#include "exit_code.h"

namespace lastseen {

namespace {

// What waits to be committed would bring the row back. An agent whose store is away has to wait,
// and so has whoever wants the row gone.
constexpr Milliseconds kFlushTimeoutMs = 60'000;

}  // namespace

int clients_forget_command(const ForgetArguments& arguments) {
  const std::optional<Config> config = load_or_explain(arguments.config_path);
  if (!config) return kExitUsage;
  const auto open = open_store(*config, false);
  if (!open) return fail(open.status().message());
  StoreAdmin* admin = open->store->admin();
  if (admin == nullptr) return fail("this type of store keeps no clients");

  const SystemClock clock;
  const std::string& socket = config->control.socket;
  const bool running = agent_answers(socket);
  const int64_t until_ms = clock.now().wall_ms;
  if (running) {
    const auto flushed = ask_agent(socket, "POST", "/flush", kFlushTimeoutMs, clock);
    if (!flushed || flushed->status != 200)
      return fail(
          "nothing is forgotten, for the running agent could not commit what it has read: " +
          (flushed ? flushed->body : flushed.status().message()));
  }
  const Result<bool> deleted = admin->forget_client(arguments.client_id);
  if (!deleted) return fail(deleted.status().message());
  if (running) {
    const auto told = ask_agent(socket, "POST",
                                "/clients/" + percent_encoded(arguments.client_id) +
                                    "/forget?until_ms=" + std::to_string(until_ms),
                                kReplyTimeoutMs, clock);
    if (*deleted && (!told || told->status != 200))
      return fail(
          "the row is deleted, but the running agent was not told, so that it may be slow "
          "to make a new one: " +
          (told ? told->body : told.status().message()));
  }
  const std::string client = escape_for_log(arguments.client_id);
  if (!*deleted) return fail("the table has no client '" + client + "'");
  std::cout << "forgot '" << client << "'; a later sighting makes a new row\n";
  return kExitDone;
}

}  // namespace lastseen
